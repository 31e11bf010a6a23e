"""The three aims of a blend as costs of a dollar from each account (MODEL 6)."""

from dataclasses import asdict, dataclass
from math import inf
from typing import Annotated

import numpy as np
from annotated_types import Ge

from solvers.errors import ProblemError
from solvers.money import Float64, Int64, beyond
from solvers.problem import HaircutProblem
from solvers.revenue.retention import Exponential, Power
from solvers.robustness.losses import expected_losses
from solvers.separable import Marginals

LEAST_WEIGHT = 1e-60
"""Of weights above 0 (`money.beyond`)."""


@dataclass(frozen=True, kw_only=True)
class BlendWeights:
    """What a dollar of each aim is worth; only proportions matter. Not all may be zero. Left out: 0, but fairness 1."""

    fairness: Annotated[float, Ge(0)] = 1.0
    robustness: Annotated[float, Ge(0)] = 0.0
    revenue: Annotated[float, Ge(0)] = 0.0


def require(problem: HaircutProblem, weights: BlendWeights) -> None:
    """Refuse weights that this problem has no figures for."""
    given = (weights.fairness, weights.robustness, weights.revenue)
    if not all(0 <= weight < inf for weight in given):
        raise ProblemError("weights", "must be finite and not negative")
    for name, weight in asdict(weights).items():
        if (why := beyond(weight)) is not None:
            raise ProblemError("weights", why, part=name)
    if not any(given):
        raise ProblemError("weights", "at least one must be above 0")
    if weights.robustness and problem.shock is None:
        raise ProblemError("shock", "is needed by a weight on robustness: say what the next shock is")
    if weights.revenue:
        if problem.retention is None:
            raise ProblemError("retention", "is needed by a weight on revenue: say how haircuts drive accounts away")
        if isinstance(problem.retention, Exponential):
            raise ProblemError("retention", "exponential makes revenue concave; a blend takes linear or power")


@dataclass(frozen=True)
class Terms:
    """What a dollar from each of m accounts changes, by aim; dimensionless.

    gain       l_i / w_i, expected losses that a dollar saves, and its logarithm, which tells tiny ones apart
    churn      v_i k / w_i, so that fees lost for a dollar are churn_i h^(p - 1)
    exponent   p of a power curve; 1 with the linear one
    """

    gain: Float64
    log_gain: Float64
    churn: Float64
    exponent: float

    @classmethod
    def of(cls, problem: HaircutProblem, rows: Int64) -> "Terms":
        """Of the accounts `rows`, which have endowments; 0 for aims that the problem has no figures for."""
        w = problem.endowment[rows] / 10.0**problem.book.precision
        expected, logarithms = (losses[rows] for losses in expected_losses(problem))
        churn, exponent, retention = np.zeros(rows.size), 1.0, problem.retention
        if retention is not None and not isinstance(retention, Exponential):
            churn = problem.book.column("fees").floats[rows] * retention.rate / w
            exponent = retention.exponent if isinstance(retention, Power) else 1.0
        return cls(expected / w, logarithms - np.log(w), churn, exponent)

    def marginals(self, weights: BlendWeights) -> Marginals:
        """d_i(h) = a h - b gain_i + c p churn_i h^(p - 1); for p = 1 and 2 straight lines."""
        gain, churn = weights.robustness * self.gain, weights.revenue * self.exponent * self.churn
        base, level, none = -gain, np.full(len(gain), weights.fairness), np.zeros(len(gain))
        if self.exponent == 1:
            return Marginals(churn - gain, level, none, 1.0, churn + gain)
        if self.exponent == 2:
            return Marginals(base, level + churn, none, 1.0, gain)
        return Marginals(base, level, churn, self.exponent - 1, gain)

    def keys(self, weights: BlendWeights) -> Float64 | None:
        """Keys of a knapsack, on a log scale, where one linear aim is all there is; None otherwise."""
        if weights.fairness:
            return None
        if not weights.revenue:
            return self.log_gain
        if not weights.robustness and self.exponent == 1:
            with np.errstate(divide="ignore"):
                return -np.log(self.churn)
        return None
