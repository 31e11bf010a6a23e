"""Least expected loss where losses are piecewise linear: scenarios, and laws of finitely many moves (MODEL 3).

Under `cash` and `both` an account's expected loss bends where a scenario's loss begins or ends. Cut there, it is a few
segments of rising slopes, and the segments of all accounts are one knapsack: the lowest slopes are taken first.
Segments of one slope leave a box low_i <= h_i <= high_i. Slopes are dollars a dollar and may be of any magnitude (an
account of little endowment and a large position has steep ones), so what rounding could have set apart is judged by
the terms of the two slopes at hand, and the knapsack's keys are the ranks of what is left.
"""

import numpy as np

from solvers.knapsack import TIE, knapsack
from solvers.money import Float64
from solvers.robustness.losses import ExposureModel
from solvers.robustness.pieces import Pieces
from solvers.robustness.segments import Segments, Weighted

_NONE = 4 * float(np.finfo(np.float64).eps)
"""A slope of less than this part of its terms is none: they cancel but for rounding."""


def box(
    pieces: Pieces, model: ExposureModel, most: Float64, safe: float, amount: float
) -> tuple[tuple[Float64, Float64], tuple[bool, bool], float]:
    """The optimal face in haircuts: low and high, one an account of `pieces`, none without an endowment.

    most     largest haircuts
    safe     dollars that others can give at no loss
    amount   dollars, at most what all can give
    Also whether the safe dollars are all taken and whether any may be, and the multiplier, dollars of expected loss
    that a further dollar taken adds.
    """
    segments = Weighted.of(pieces, model, pieces.scenarios.probabilities, most).segments()
    widths = segments.width * pieces.endowment[segments.account]
    ranks, slopes = _ranks(segments)
    cut = knapsack(-ranks, np.append(widths, safe), amount)
    low, high = (segments.reached(part[:-1] > 0) for part in (cut.low, cut.high))
    multiplier = float(slopes[ranks == -cut.key].max())
    return (low, high), (bool(cut.low[-1] > 0), bool(cut.high[-1] > 0)), multiplier


def _ranks(segments: Segments) -> tuple[Float64, Float64]:
    """Ranks of the slopes, and of 0 in the last place, from the lowest on, equal where neighbours are; the slopes."""
    slopes = np.append(np.where(np.abs(segments.slope) <= _NONE * segments.size, 0.0, segments.slope), 0.0)
    sizes = np.append(segments.size, 0.0)
    order = np.argsort(slopes, kind="stable")
    ascending, terms = slopes[order], sizes[order]
    apart = np.diff(ascending) > TIE * np.minimum(terms[1:], terms[:-1])
    ranks = np.empty(len(order))
    ranks[order] = np.concatenate(([0], np.cumsum(apart)))
    return ranks, slopes
