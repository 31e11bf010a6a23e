"""The level t at which bearers with a floor and a ceiling pay an amount: sum clip(t w, floor, ceiling) = amount."""

import numpy as np

from solvers.money import Float64


def level(weight: Float64, floor: Float64, ceiling: Float64, amount: float) -> float:
    """The smallest t with sum clip(t w_i, floor_i, ceiling_i) >= amount, for sum floor <= amount <= sum ceiling.

    weight, floor, ceiling    n, w > 0 and 0 <= floor <= ceiling, in units of currency

    The sum is piecewise linear in t and does not fall: bearers leave their floors at floor / w and reach their ceilings
    at ceiling / w. Between which two of these breakpoints the amount lies is guessed from cumulative sums, and found by
    bisection where their rounding, or weights that lie far apart, make the guess wrong.
    """
    if amount >= float(ceiling.sum()):
        return float((ceiling / weight).max(initial=0.0))
    rises, stops = floor / weight, ceiling / weight
    breaks = np.concatenate((rises, stops))
    slopes = np.concatenate((weight, -weight))
    order = np.argsort(breaks)
    breaks, slopes = breaks[order], np.cumsum(slopes[order])

    def reached(place: int) -> float:
        return float(np.clip(breaks[place] * weight, floor, ceiling).sum())

    sums = float(floor.sum()) + np.cumsum(np.diff(breaks) * slopes[:-1])
    below = min(max(int(np.searchsorted(sums, amount)), 0), len(breaks) - 2)
    if reached(below) > amount or reached(below + 1) < amount:
        below, above = 0, len(breaks) - 1
        while above - below > 1:
            middle = (below + above) // 2
            below, above = (middle, above) if reached(middle) < amount else (below, middle)
    start, end = float(breaks[below]), float(breaks[below + 1])
    inside = (rises <= start) & (start < stops)
    slope = float(weight[inside].sum())
    outside = float(np.where(start < stops, floor, ceiling)[~inside].sum())
    return min(max((amount - outside) / slope, start), end) if slope > 0 else end
