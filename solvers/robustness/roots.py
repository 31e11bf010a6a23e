"""Roots of many rising functions of one variable at once, without derivatives."""

from collections.abc import Callable

import numpy as np

from solvers.money import Float64, Int64

Rising = Callable[[Int64, Float64], Float64]
"""Places of some of the functions and one argument each to their values, which may be infinite."""

_STEPS = 200


def roots(function: Rising, low: Float64, high: Float64, tolerance: float) -> tuple[Float64, Float64]:
    """Brackets, no wider than the tolerance times max(1, |x|), of where each function reaches zero in [low, high].

    Its value is below zero at the first and at least zero at the second. A function that is so everywhere (nowhere)
    has both at its low (high) end. By Chandrupatla's method (Adv. Eng. Software 28, 1997): inverse quadratic
    interpolation where three points promise that it is safe, else bisection, so that jumps and infinities do no harm.
    """
    everyone = np.arange(len(low))
    at_low, at_high = function(everyone, low), function(everyone, high)
    left, right = np.where(at_high < 0, high, low), np.where(at_low >= 0, low, high)
    open_ = np.flatnonzero((at_low < 0) & (at_high >= 0))
    # b is the last point, a the last on the other side of zero, c the one before.
    a, b, fa, fb = low[open_], high[open_], at_low[open_], at_high[open_]
    c, fc, part = a, fa, np.full(len(open_), 0.5)
    for _ in range(_STEPS):
        least = tolerance * np.maximum(1.0, np.abs(b)) / 2
        done = np.abs(b - a) <= 2 * least
        if done.any():
            left[open_[done]], right[open_[done]] = np.minimum(a, b)[done], np.maximum(a, b)[done]
            on = ~done
            open_, a, b, c, least = open_[on], a[on], b[on], c[on], least[on]
            fa, fb, fc, part = fa[on], fb[on], fc[on], part[on]
        if not open_.size:
            break
        share = least / np.abs(b - a)
        x = b + np.clip(part, share, 1 - share) * (a - b)
        fx = function(open_, x)
        same = (fx >= 0) == (fb >= 0)
        c, fc = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = x, fx
        with np.errstate(all="ignore"):
            xi, phi = (b - a) / (c - a), (fb - fa) / (fc - fa)
            safe = (phi * phi < xi) & ((1 - phi) ** 2 < 1 - xi)
            part = fb / (fa - fb) * fc / (fa - fc) + (c - b) / (a - b) * fb / (fc - fb) * fa / (fc - fa)
        part = np.where(safe & np.isfinite(part), part, 0.5)
    left[open_], right[open_] = np.minimum(a, b), np.maximum(a, b)
    return left, right
