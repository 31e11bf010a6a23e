"""Least expected loss where losses are piecewise linear: scenarios, and laws of finitely many moves (MODEL 3).

Under `cash` and `both` an account's expected loss bends where a scenario's loss begins or ends. Cut there, it is a few
segments of rising slopes, and the segments of all accounts are one knapsack: the lowest slopes are taken first.
Segments of one slope leave a box low_i <= h_i <= high_i.
"""

import numpy as np

from solvers.knapsack import knapsack
from solvers.money import Float64
from solvers.robustness.losses import ExposureModel
from solvers.robustness.pieces import Pieces
from solvers.robustness.segments import Weighted


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
    peak = float(np.abs(segments.slope).max(initial=0.0)) or 1.0
    cut = knapsack(np.append(-segments.slope / peak, 0.0), np.append(widths, safe), amount)
    low, high = (segments.reached(part[:-1] > 0) for part in (cut.low, cut.high))
    return (low, high), (bool(cut.low[-1] > 0), bool(cut.high[-1] > 0)), -cut.key * peak
