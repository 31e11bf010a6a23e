"""What mixtures of two points beat: costs that are convex in the allocation, at one total (MODEL 6).

A mixture of two allocations is an allocation, and costs at most the same mixture of their costs. So an allocation is
beaten by some mixture of points j and k, with shares 1 - t and t, where the advantages

    a_m(t) = (cost_m - (1 - t) cost_jm - t cost_km) / range_m

are at least 0 in all measures m and above 0 in one. They are straight lines in t: it is enough to look at the ends,
where a line crosses 0, and where two lines cross.
"""

from itertools import combinations

import numpy as np

from solvers.money import Float64


def advantages(points: Float64, cost: Float64, ranges: Float64) -> Float64:
    """a_m, rows of m, at every t that matters of every two of the points (rows of costs; one point is its own pair)."""
    ahead = (cost - points) / ranges
    first, second = np.triu_indices(len(points))
    start, change = ahead[first], ahead[second] - ahead[first]
    shares = [np.zeros(len(start)), np.ones(len(start))]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares += [-start[:, m] / change[:, m] for m in range(points.shape[1])]
        shares += [
            (start[:, n] - start[:, m]) / (change[:, m] - change[:, n]) for m, n in combinations(range(len(cost)), 2)
        ]
    inside = [(share >= 0) & (share <= 1) for share in shares]
    return np.concatenate(
        [start[some] + share[some, None] * change[some] for share, some in zip(shares, inside, strict=True)]
    )


def beaten(points: Float64, cost: Float64, ranges: Float64, tolerance: float) -> tuple[bool, float]:
    """Whether some mixture is as good in all measures and better in one, and by what part of all ranges at once."""
    found = advantages(points, cost, ranges)
    as_good = found[found.min(axis=1) >= -tolerance]
    return bool((as_good > tolerance).any()), max(float(found.min(axis=1).max()), 0.0)
