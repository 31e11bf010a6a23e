"""One number that settles many accounts between their bounds, and with it the fairest point of a box.

    x_i = clip(start_i + eta weight_i, low_i, high_i),    eta such that sum x_i = amount

With start = 0 and weights w this minimises sum w_i phi(x_i / w_i) over the box and the amount for every convex phi
(phi'(h_i) is one number wherever x_i is strictly inside): capped-pro-rata with lower bounds, which is how an optimum
is chosen where an objective leaves a choice (MODEL 2 and 3, ties).
"""

from math import fsum

import numpy as np

from solvers.money import Float64


def fairest(weights: Float64, low: Float64, high: Float64, amount: float) -> tuple[Float64, float]:
    """x = clip(eta w, low, high) and eta, for weights > 0, low <= high and sum low <= amount <= sum high."""
    return settle(np.zeros(len(weights)), weights, low, high, amount)


def settle(start: Float64, weights: Float64, low: Float64, high: Float64, amount: float) -> tuple[Float64, float]:
    """x = clip(start + eta weights, low, high) and eta, one x an account, on the same terms.

    Where rounding puts the amount outside of the two sums, the nearer corner of the box is answered. An account's
    figure does not depend on the order of the accounts: sums are rounded once (fsum), or taken in order of figures.
    """
    x, free = low.copy(), low < high
    if not free.any():
        return x, 0.0
    order = np.flatnonzero(free)
    order = order[np.lexsort((start[order], low[order], high[order], weights[order]))]
    a, w, bottom, top = start[order], weights[order], low[order], high[order]
    left = fsum((amount, *(-low[~free]).tolist()))
    starts, ends = (bottom - a) / w, (top - a) / w
    corners = np.unique(np.concatenate((starts, ends)))
    first, last = 0, len(corners) - 1  # the sum at `first` is at most what is left, at `last` at least
    while last - first > 1:
        middle = (first + last) // 2
        if float(np.clip(a + corners[middle] * w, bottom, top).sum()) <= left:
            first = middle
        else:
            last = middle
    below = starts >= corners[last]
    inside = ~below & (ends > corners[first])
    found = np.where(below, bottom, top)
    eta = float(corners[last])
    if inside.any():
        slope = fsum(w[inside].tolist())
        rest = fsum((left, *(-found[~inside]).tolist(), *(-a[inside]).tolist()))
        eta = min(max(rest / slope, float(corners[first])), float(corners[last]))
        found[inside] = np.clip(a[inside] + eta * w[inside], bottom[inside], top[inside])
        # What rounding leaves, where start is large beside the amount: eta has no digits for it.
        more = fsum((left, *(-found).tolist())) / slope
        found[inside] = np.clip(found[inside] + more * w[inside], bottom[inside], top[inside])
    x[order] = found
    return x, eta
