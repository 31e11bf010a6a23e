"""The level t at which bearers with a floor and a ceiling pay an amount: sum clip(t w, floor, ceiling) = amount."""

import numpy as np

from solvers.money import Float64


def level(weight: Float64, floor: Float64, ceiling: Float64, amount: float) -> float:
    """The smallest t with sum clip(t w_i, floor_i, ceiling_i) >= amount, for sum floor <= amount <= sum ceiling.

    weight, floor, ceiling    n, w > 0 and 0 <= floor <= ceiling, in units of currency

    The sum is piecewise linear in t and does not fall: bearers leave their floors at floor / w and reach their ceilings
    at ceiling / w. Newton's method from the segment that the sorted breakpoints tell makes up for the rounding of their
    cumulative sums.
    """
    if amount >= float(ceiling.sum()):
        return float((ceiling / weight).max(initial=0.0))
    rises, stops = floor / weight, ceiling / weight
    breaks = np.concatenate((rises, stops))
    slopes = np.concatenate((weight, -weight))
    order = np.argsort(breaks)
    breaks, slopes = breaks[order], np.cumsum(slopes[order])
    reached = float(floor.sum()) + np.concatenate(([0.0], np.cumsum(np.diff(breaks) * slopes[:-1])))
    t = float(breaks[max(int(np.searchsorted(reached, amount)) - 1, 0)])
    for _ in range(_STEPS):
        inside = (rises <= t) & (t < stops)
        slope = float(weight[inside].sum())
        outside = float(np.where(t < stops, floor, ceiling)[~inside].sum())
        if slope == 0:
            return t
        better = (amount - outside) / slope
        if abs(better - t) <= _STOP * abs(t):
            return better
        t = better
    return t


_STEPS = 20
_STOP = 1e-15
