"""Straight stretches of a frontier of two linear terms: robustness against revenue, linear retention (MODEL 6).

    R = const - sum w_i g_i h_i,   V = sum w_i c_i h_i,   g_i = l_i / w_i,  c_i = v_i k / w_i

Blends R + q V have corners: the corner changes where the ratio q makes d_i = q c_i - g_i of two accounts equal. At that
q all that these two can share between them is optimal, and R and V go along a straight line. A trace of fairness, too
small to reach anybody else, chooses a point on it: where the accounts that move pay h_i, trace h_i + q' c_i - g_i is
one price for all of them, so that q' - q is -trace times the slope of h over c among them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import fsum

import numpy as np

from solvers.blend_terms import Terms
from solvers.money import Float64
from solvers.problem import HaircutProblem
from solvers.separable import TIE

_LEAST_TRACE, _MOST_TRACE = 1e-9, 1e-3
"""Relative to the terms: below, rounding of a cost would move haircuts; above, a trace is none."""

_STILL = 1e-12
"""Haircuts that differ by less do not move."""


@dataclass(frozen=True)
class Stretches:
    """One element a winner: dollars w, gain g, churn c, and caps as fractions."""

    dollars: Float64
    gain: Float64
    churn: Float64
    caps: Float64

    @classmethod
    def of(cls, problem: HaircutProblem) -> "Stretches":
        rows = problem.winners
        terms, w = Terms.of(problem, rows), problem.endowment[rows]
        return cls(w / 10.0**problem.book.precision, terms.gain, terms.churn, problem.cap_units[rows] / w)

    def slope(self, low: Float64, high: Float64) -> float | None:
        """The ratio q at which both haircuts are as good; None unless R rises and V falls from low to high."""
        robustness, revenue = self._change(low, high)
        return robustness / -revenue if robustness > 0 > revenue else None

    def better(self, ratio: float, found: Float64, low: Float64, high: Float64, tolerance: float) -> bool:
        """R + q V of `found` is below that of `low` by more than this part of what R changes from low to high."""
        robustness, revenue = self._change(low, found)
        return robustness + ratio * revenue < -tolerance * abs(self._change(low, high)[0])

    def on(self, ratio: float, found: Float64, low: Float64, high: Float64, tolerance: float) -> bool:
        """`found` is on the line from low to high, within this part of what R changes between them."""
        robustness, revenue = self._change(low, found)
        whole = self._change(low, high)[0]
        return abs(robustness + ratio * revenue) <= tolerance * whole and 0 < robustness < whole

    def weights(self, ratio: float, low: Float64, high: Float64, part: float) -> Iterator[dict[str, float]]:
        """Weights whose blend lies about this part of the way from low to high, with ever smaller traces."""
        moving = np.abs(high - low) > _STILL
        cost, size = ratio * self.churn - self.gain, self.gain + ratio * self.churn
        price, scale = float(np.median(cost[moving])), float(size[moving].max())
        away = np.abs(cost - price)
        others = away[~moving & (self.caps > 0) & (away > TIE * scale)]
        room = min(float(others.min(initial=scale)) / 10, _MOST_TRACE * scale)
        churn, wanted = self.churn[moving], ((1 - part) * low + part * high)[moving]
        churn = churn - fsum(churn.tolist()) / len(churn)
        tilt = fsum((churn * wanted).tolist()) / fsum((churn * churn).tolist())
        for trace in (room, room / 30, room / 1000):
            fairness = max(trace, _LEAST_TRACE * scale)
            yield {"fairness": fairness, "robustness": 1.0, "revenue": ratio - fairness * tilt}

    def _change(self, start: Float64, end: Float64) -> tuple[float, float]:
        """How R and V change, in dollars; of the differences, so that nothing cancels."""
        moved = self.dollars * (end - start)
        return -fsum((self.gain * moved).tolist()), fsum((self.churn * moved).tolist())
