"""The expected shortfall of equity e when its value moves by a normal amount of standard deviation s.

    f(s) = E[max(-e - s Z, 0)] = s pdf(e / s) - e cdf(-e / s),   f(0) = max(-e, 0),   f'(s) = pdf(e / s)

Source: MODEL 4; arXiv 2603.15963. f is convex and does not fall in s; f = s psi(e / s) with the standard normal psi of
`solvers.robustness.laws`, which loses no digits far from the kink.
"""

from math import log, pi

import numpy as np

from solvers.money import Float64
from solvers.robustness.laws import Normal

LOG_PEAK = -log(2 * pi) / 2
"""log pdf(0)."""

_FARTHEST = 1e100
"""Equities of more standard deviations than this have no shortfall in any arithmetic."""


def shortfall(equity: Float64, deviation: Float64) -> Float64:
    """f, in currency: equity and deviation of n accounts, deviation not negative."""
    some = deviation > np.abs(equity) / _FARTHEST
    s = np.where(some, deviation, 1.0)
    spread = s * Normal(1.0).expected_loss(np.where(some, equity, 0.0) / s)
    return np.where(some, spread, np.maximum(-equity, 0.0))


def slope(equity: Float64, deviation: Float64) -> Float64:
    """f' = pdf(e / s), from 0 to 0.4: how much shortfall a unit of deviation adds. 0 at s = 0 unless e = 0."""
    some = deviation > np.abs(equity) / _FARTHEST
    z = np.where(some, equity, 0.0) / np.where(some, deviation, 1.0)
    return np.where(some | (equity == 0), np.exp(LOG_PEAK - z * z / 2), 0.0)
