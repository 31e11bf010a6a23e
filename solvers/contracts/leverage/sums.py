"""Sums by index."""

from typing import Any

import numpy as np

from solvers.money import Bool, Float64, Int64


def sums(places: Int64, values: Float64 | Int64, count: int) -> Float64:
    """The sum of the values at each of `count` places; np.bincount's own are integers where there are no values."""
    found: Float64 = np.bincount(places, values, count).astype(np.float64, copy=False)
    return found


def ratio(numerator: Float64, denominator: Float64, where: Bool | None = None) -> Float64:
    """numerator / denominator, 0 where the denominator is not above zero, or not `where`."""
    some: Any = denominator > 0 if where is None else where
    found: Float64 = np.divide(numerator, denominator, out=np.zeros(len(numerator)), where=some)
    return found
