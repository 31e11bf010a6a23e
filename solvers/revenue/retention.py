"""Retention curves: the chance that an account stays after a haircut of h (MODEL 5; arXiv 2512.01112, section 7)."""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from solvers.errors import ProblemError
from solvers.money import Float64, beyond


@dataclass(frozen=True)
class Exponential:
    """r(h) = exp(-k h), k = rate > 0: convex, so that keeping revenue is a concave minimisation."""

    rate: float

    def __post_init__(self) -> None:
        _require("rate", isfinite(self.rate) and self.rate > 0, "must be finite and above 0")
        _require_within("rate", self.rate)

    def leaves(self, h: Float64) -> Float64:
        """1 - r(h), without cancellation for small haircuts."""
        return -np.expm1(-self.rate * h)


@dataclass(frozen=True)
class Linear:
    """r(h) = 1 - k h, 0 < k = rate <= 1."""

    rate: float

    def __post_init__(self) -> None:
        _require("rate", 0 < self.rate <= 1, "must be above 0 and at most 1")
        _require_within("rate", self.rate)

    def leaves(self, h: Float64) -> Float64:
        """1 - r(h)."""
        return self.rate * h


@dataclass(frozen=True)
class Power:
    """r(h) = 1 - k h^p, 0 < k = rate <= 1, p = exponent > 1."""

    rate: float
    exponent: float

    def __post_init__(self) -> None:
        _require("rate", 0 < self.rate <= 1, "must be above 0 and at most 1")
        _require_within("rate", self.rate)
        _require("exponent", isfinite(self.exponent) and self.exponent > 1, "must be finite and above 1")

    def leaves(self, h: Float64) -> Float64:
        """1 - r(h)."""
        return self.rate * h**self.exponent


Retention = Exponential | Linear | Power


def _require(field: str, holds: bool, detail: str) -> None:
    if not holds:
        raise ProblemError(field, detail)


def _require_within(field: str, value: float) -> None:
    if (why := beyond(value)) is not None:
        raise ProblemError(field, why)
