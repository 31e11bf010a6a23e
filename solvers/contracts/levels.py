"""The level t at which bearers with a floor and a ceiling pay an amount: sum clip(t w, floor, ceiling) = amount."""

import numpy as np

from solvers.money import Float64


def level(weight: Float64, floor: Float64, ceiling: Float64, amount: float) -> float:
    """The smallest t with sum clip(t w_i, floor_i, ceiling_i) >= amount, for sum floor <= amount <= sum ceiling.

    weight, floor, ceiling    n, w > 0 and 0 <= floor <= ceiling, in units of currency

    The sum is piecewise linear in t and does not fall: bearers leave their floors at floor / w and reach their ceilings
    at ceiling / w. Between which two of these breakpoints the amount lies is found by bisection.
    """
    if amount >= float(ceiling.sum()):
        return float((ceiling / weight).max(initial=0.0))
    rises, stops = floor / weight, ceiling / weight
    breaks = np.sort(np.concatenate((rises, stops)))
    below, above = 0, len(breaks) - 1
    while above - below > 1:
        middle = (below + above) // 2
        reached = np.minimum(np.maximum(breaks[middle] * weight, floor), ceiling).sum()
        below, above = (middle, above) if reached < amount else (below, middle)
    start, end = float(breaks[below]), float(breaks[above])
    inside = (rises <= start) & (start < stops)
    slope = float(weight[inside].sum())
    outside = float(np.where(start < stops, floor, ceiling)[~inside].sum())
    return min(max((amount - outside) / slope, start), end) if slope > 0 else end
