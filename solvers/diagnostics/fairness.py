"""Fairness: who bears how much (arXiv 2512.01112, sections 4 and 5; MODEL 9). None where undefined."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from solvers.diagnostics.inversions import rank_inversions
from solvers.money import Float64, Int64, steady_sum, total
from solvers.pro_rata import CappedProRata, capped_pro_rata
from solvers.problem import HaircutProblem
from solvers.queue import closing_order, take_in_order

Verdict = Literal["fairer", "less-fair", "equal", "incomparable"]

Values = npt.NDArray[Any]

LORENZ_POINTS = 101


@dataclass(frozen=True)
class Fairness:
    """h_i = x_i / w_i over the winners, x in whole units; `ups` is the largest endowment left.

    ptsr                ups / B;  pmr: ups / (theta Delta)
    mean_haircut        over winners, each counted once
    top_winner_survival share kept by the winner of the largest endowment (ties by id)
    gini, jain          of h, each account weighted by its endowment
    lorenz              share of the endowments, share of the burden; accounts by ascending haircut
    rank_inversions     pairs of winners of which the richer ends more than one unit below the poorer
    versus_capped, versus_queue    verdict against that policy with the same total (queue: score pnl)
    fairness_regret_units, overshoot_regret_units    |max h - smallest possible max h| B,  |sum x - B|
    """

    ptsr: Fraction | None
    pmr: Fraction | None
    max_haircut: float | None
    mean_haircut: float | None
    top_winner_survival: float | None
    gini: float | None
    jain: float | None
    rank_inversions: int
    lorenz: list[tuple[float, float]] | None
    versus_capped: Verdict | None
    versus_queue: Verdict | None
    fairness_regret_units: int | None
    overshoot_regret_units: int


def fairness(problem: HaircutProblem, seized_units: Int64) -> Fairness:
    """Fairness of any allocation; the comparisons are None where no allocation of the same total exists."""
    rows = problem.winners
    w, x = problem.endowment_units[rows], seized_units[rows]
    taken, budget = total(x), problem.budget_units
    left = int((w - x).max()) if rows.size else None
    haircuts = x / w
    largest = float(haircuts.max()) if rows.size else None
    fairest = _same_total(problem, taken)
    versus_capped = versus_queue = regret = None
    if fairest is not None and largest is not None:
        best = capped_pro_rata(fairest, CappedProRata()).seized_units[rows]
        versus_capped = verdict(w, x, best)
        versus_queue = verdict(w, x, take_in_order(fairest, closing_order(problem))[rows])
        regret = round(abs(_largest(w, x) - _largest(w, best)) * budget)
    curve = Curve.of(w, x) if rows.size and taken > 0 and x.min() >= 0 else None
    return Fairness(
        ptsr=_ratio(left, budget),
        pmr=_ratio(left, _severe_loss(problem)),
        max_haircut=largest,
        mean_haircut=steady_sum(haircuts) / rows.size if rows.size else None,
        top_winner_survival=_top_survival(problem, seized_units),
        gini=curve.gini if curve else None,
        jain=curve.jain if curve else None,
        rank_inversions=rank_inversions(w, w - x),
        lorenz=curve.lorenz() if curve else None,
        versus_capped=versus_capped,
        versus_queue=versus_queue,
        fairness_regret_units=regret,
        overshoot_regret_units=abs(total(seized_units) - budget),
    )


def _largest(w: Int64, x: Int64) -> Fraction:
    """The largest haircut, as a fraction of the two integers: what floats cannot tell apart is compared exactly."""
    for kind in (np.float64, np.longdouble):  # the longer ones, of those that are left: few are left to compare then
        ratio = x.astype(kind) / w.astype(kind)
        most = ratio.max()
        near = ratio >= most - abs(most) * 4 * np.finfo(kind).eps
        x, w = x[near], w[near]
    common = np.gcd(x, w)
    x, w = x // common, w // common
    if (x == x[0]).all() and (w == w[0]).all():
        return Fraction(int(x[0]), int(w[0]))
    return max(map(Fraction, x.tolist(), w.tolist()))


def _same_total(problem: HaircutProblem, taken: int) -> HaircutProblem | None:
    if taken == problem.amount_units:
        return problem
    return problem.reduced(taken) if 0 <= taken <= problem.reachable_units else None


def _severe_loss(problem: HaircutProblem) -> Fraction | None:
    return None if problem.largest_units is None else problem.severity * problem.largest_units


def _ratio(numerator: int | None, denominator: int | Fraction | None) -> Fraction | None:
    return Fraction(numerator) / denominator if numerator is not None and denominator else None


def _top_survival(problem: HaircutProblem, seized_units: Int64) -> float | None:
    rows = problem.winners
    if not rows.size:
        return None
    w = problem.endowment_units[rows]
    top = min(rows[w == w.max()].tolist(), key=problem.book.ids.__getitem__)
    return float(1 - Fraction(int(seized_units[top]), int(problem.endowment_units[top])))


@dataclass(frozen=True)
class Curve:
    """The Lorenz curve: cumulative shares of endowments and of burden, accounts by ascending haircut."""

    population: Float64
    burden: Float64
    jain: float

    @classmethod
    def of(cls, w: Int64, x: Int64) -> "Curve":
        haircuts = x / w
        order = np.argsort(haircuts)
        # Accounts of one haircut lie on one line: only its ends are corners, whatever their order.
        corner = np.flatnonzero(np.append(np.diff(haircuts[order]) > 0, True))
        population = np.concatenate(([0], np.cumsum(w[order])[corner]))
        burden = np.concatenate(([0], np.cumsum(x[order])[corner]))
        squares = steady_sum(x.astype(np.float64) ** 2 / w)
        jain = float(burden[-1]) ** 2 / (float(population[-1]) * squares)
        return cls(population / population[-1], burden / burden[-1], jain)

    @property
    def gini(self) -> float:
        """One less twice the area under the curve."""
        trapezoids = np.diff(self.population) * (self.burden[1:] + self.burden[:-1])
        return max(0.0, 1 - float(trapezoids.sum()))

    def lorenz(self) -> list[tuple[float, float]]:
        """The curve itself, or LORENZ_POINTS points on it when it has more corners."""
        population, burden = self.population, self.burden
        if len(population) > LORENZ_POINTS:
            grid = np.linspace(0, 1, LORENZ_POINTS)
            population, burden = grid, np.interp(grid, population, burden)
        return list(zip(population.tolist(), burden.tolist(), strict=True))


def verdict(w: Int64, x: Int64, reference: Int64) -> Verdict:
    """Compare sum w_i max(h_i - t, 0) at every breakpoint t, with one unit of tolerance.

    With equal totals this is Lorenz dominance: below everywhere is fairer. Computed in doubles, and again in
    integers where their rounding could decide.
    """
    if np.array_equal(x, reference):
        return "equal"
    excess, one, error = _excess(w, x, reference, exact=False)
    if (np.abs(np.abs(excess) - one) <= error).any():
        excess, one, _ = _excess(w, x, reference, exact=True)
    match bool((excess > one).any()), bool((excess < -one).any()):
        case True, True:
            return "incomparable"
        case True, False:
            return "less-fair"
        case False, True:
            return "fairer"
    return "equal"


def _excess(w: Int64, x: Int64, reference: Int64, *, exact: bool) -> tuple[Values, Values, Values]:
    """At each breakpoint t = x_k / w_k: the difference of the two sums, one unit, and the error, times w_k.

    Both allocations go through in one descending order of haircuts, the reference's with a minus sign. Accounts at
    the breakpoint itself add nothing to either sum, so it does not matter on which side of it they are counted.
    """
    kind = object if exact else np.float64
    level_x, level_w = np.concatenate((x, reference)), np.concatenate((w, w))
    order = np.argsort(_haircuts(level_w, level_x, exact))[::-1]
    sign = np.where(order < len(w), 1, -1)
    level_x, level_w = level_x[order], level_w[order]
    one = level_w.astype(kind)
    plus = np.cumsum(level_x * sign).astype(kind) * one
    minus = np.cumsum(level_w * sign).astype(kind) * level_x.astype(kind)
    # Two roundings behind each product, and haircuts that doubles cannot tell apart.
    error = (np.abs(plus) + np.abs(minus) + one * float(x.sum(dtype=np.float64))) * 2.0**-50
    return plus - minus, one, error


def _haircuts(w: Int64, x: Int64, exact: bool) -> Values:
    """x / w, or integers in the same order that are equal only where the fractions are."""
    if not exact:
        return x / w
    keys = np.empty(len(w), dtype=object)
    keys[:] = [(amount << 128) // weight for amount, weight in zip(x.tolist(), w.tolist(), strict=True)]
    return keys
