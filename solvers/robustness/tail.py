"""The worst part of a law, as a law: CVaR of a one-factor loss is an expected loss (MODEL 3).

Under one factor all accounts lose in the same moves, those below some Z, so the worst 1 - level of outcomes is the same
event for all of them, Z <= q with q the (1 - level) quantile, and CVaR of the sum is the sum of the CVaRs:

    CVaR_i = n_i psi_a(u_i),    psi_a(u) = max(-u - q, 0) + psi(max(u, -q)) / (1 - level)
    -psi_a'(u) = min(1, P(Z < -u) / (1 - level))

psi_a is convex and decreasing, so that what minimises an expected deficit minimises the CVaR, given this law.
"""

from dataclasses import dataclass
from functools import cached_property
from math import log

import numpy as np

from solvers.errors import ProblemError
from solvers.money import Float64
from solvers.robustness.laws import Law, Parametric, Scenarios, TwoPoint


@dataclass(frozen=True)
class Tail:
    """Z given that it is among its lowest 1 - level. Not symmetric: use it for long positions, n > 0.

    Refused: a level outside of [0, 1).
    """

    law: Parametric
    level: float

    def __post_init__(self) -> None:
        if not 0 <= self.level < 1:
            raise ProblemError("level", "must be at least 0 and below 1")

    @cached_property
    def margin(self) -> float:
        """-q: an account with a smaller margin is under water in the whole tail; -inf where that is the whole law."""
        # By symmetry also the `level` quantile: 1 - level has no digits of a level near 0.
        return self.law.ppf(self.level) if self.level < 0.5 else -self.law.ppf(1 - self.level)

    def expected_loss(self, u: Float64) -> Float64:
        """psi_a(u), a fraction of notional."""
        beyond = self.law.expected_loss(np.maximum(u, self.margin)) / (1 - self.level)
        return np.maximum(self.margin - u, 0.0) + beyond

    def log_expected_loss(self, u: Float64) -> Float64:
        """log psi_a(u), also where psi is below the smallest double; -inf where it is exactly 0."""
        with np.errstate(divide="ignore"):
            inside = np.log(self.expected_loss(u))
        return np.where(u > self.margin, self.law.log_expected_loss(u) - log(1 - self.level), inside)

    def tail(self, u: Float64) -> Float64:
        """P(Z < -u) within the tail: -psi_a'(u), the right derivative at a kink."""
        return np.where(u < self.margin, 1.0, np.minimum(self.law.tail(u) / (1 - self.level), 1.0))


def flat_below(law: Law) -> float:
    """The margin below which P(Z < -u) does not change, for continuous laws: of a tail its own, else none."""
    return law.margin if isinstance(law, Tail) else -np.inf


def moves(law: Law) -> Scenarios | None:
    """A law of finitely many moves as scenarios of a long position; None for continuous laws."""
    if isinstance(law, TwoPoint):
        return Scenarios(np.array([[-law.size], [law.size]]))
    if isinstance(law, Tail) and isinstance(law.law, TwoPoint):
        down = min(0.5, 1 - law.level) / (1 - law.level)
        return Scenarios(np.array([[-law.law.size], [law.law.size]]), np.array([down, 1 - down]))
    return None
