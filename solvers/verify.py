"""Independent checks of any allocation, whoever made it. Nothing here uses a policy's own code."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import fsum
from typing import Literal

import numpy as np

from solvers.backends.cvxpy import Disutility
from solvers.money import Bool, Float64, Int64, total
from solvers.problem import HaircutProblem

GAP_TOLERANCE = 1e-9
"""Relative gap at which an optimum is proven."""

_AT_CAP = 1e-6
"""Relative distance within which a solver's haircut counts as being at its cap."""

Rule = Literal["over-cap", "negative", "unknown-account", "not-a-winner", "budget"]


@dataclass(frozen=True)
class Violation:
    """One broken rule: what was taken and the most, or for the budget the sum, that was allowed.

    `row` is the account's position, None where the rule is about the whole book.
    """

    rule: Rule
    row: int | None
    seized_units: int
    allowed_units: int


@dataclass(frozen=True)
class Optimality:
    """Value, dual bound and stationarity of a haircut vector for an objective, in currency and fractions."""

    objective: float
    bound: float
    kkt_residual: float
    multiplier: Fraction | None = None

    @property
    def relative_gap(self) -> float:
        larger = max(abs(self.objective), abs(self.bound), np.finfo(np.float64).tiny)
        return abs(self.objective - self.bound) / larger


def violations(problem: HaircutProblem, seized_units: Int64) -> list[Violation]:
    """Every account that is below zero, above its cap or without an endowment, and a budget not met exactly."""
    found = []
    endowment, caps = problem.endowment_units, problem.cap_units
    for i in np.flatnonzero((seized_units < 0) | (seized_units > caps)).tolist():
        rule: Rule = "over-cap"
        if seized_units[i] < 0:
            rule = "negative"
        elif endowment[i] == 0:
            rule = "not-a-winner"
        found.append(Violation(rule, i, int(seized_units[i]), int(caps[i])))
    if budget_error_units(problem, seized_units) != 0:
        found.append(Violation("budget", None, total(seized_units), problem.amount_units))
    return found


def budget_error_units(problem: HaircutProblem, seized_units: Int64) -> int:
    """Sum of seized less the amount asked for."""
    return total(seized_units) - problem.amount_units


def cap_violation_units(problem: HaircutProblem, seized_units: Int64) -> int:
    """The most by which any account is above its cap or below zero."""
    return int(max(np.max(seized_units - problem.cap_units), np.max(-seized_units), 0))


def fairness_optimality(problem: HaircutProblem, seized_units: Int64, multiplier: Fraction) -> Optimality:
    """Is this min sum w_i h_i^2 / 2 over 0 <= h <= beta, sum w_i h_i = B?

    The Lagrangian at the budget's multiplier eta separates: its minimum over [0, beta_i] is at
    min(eta, beta_i). The value there plus eta B is the dual bound; objective and bound are those of the
    real-valued problem. The residual holds the whole-unit amounts against it: a haircut strictly inside must
    equal eta, one at its cap must not be above it, up to the one unit that rounding may move an account.
    """
    rows = problem.winners
    w, x = problem.endowment[rows], seized_units[rows].astype(np.float64)
    caps = problem.cap_units[rows]
    eta, scale = float(multiplier), 10.0**-problem.book.precision
    capped = caps <= eta * w
    inside = total(problem.endowment_units[rows][~capped])
    amounts = np.where(capped, caps, eta * w)
    objective = (
        fsum((caps[capped].astype(np.float64) ** 2 / w[capped]).tolist()) / 2 + float(multiplier**2 * inside) / 2
    )
    # What the level leaves of the amount, exactly: the sum of the caps it reaches and eta times the other endowments.
    missing = problem.amount_units - total(caps[capped]) - multiplier * inside
    bound = objective + float(multiplier * missing)
    away: Float64 = np.maximum(np.abs(x - amounts) - 1, 0) / w
    return Optimality(objective * scale, bound * scale, float(away.max(initial=0.0)))


def disutility_optimality(problem: HaircutProblem, haircuts: Float64, disutility: Disutility) -> Optimality:
    """How far are these haircuts, one a winner, from min sum w_i phi(h_i)?

    With price mu = phi'(eta) of the budget the Lagrangian's minimum over [0, beta_i] is at min(eta, beta_i) for every
    convex phi, and its value there plus mu B is a lower bound for any eta (weak duality). The level is taken from the
    haircuts. What they miss of the budget counts at its price, so that an objective is not low for falling short. The
    residual is the largest distance of a haircut from the Lagrangian's minimum.
    """
    rows = problem.winners
    w, caps = problem.endowment[rows], problem.cap_units[rows] / problem.endowment[rows]
    level, _ = _level(problem, haircuts)
    eta, scale = float(level), 10.0**-problem.book.precision
    phi, slope = _DISUTILITIES[disutility]
    h, mu = np.minimum(eta, caps), float(slope(np.array([max(eta, np.finfo(np.float64).tiny)]))[0])
    missing = problem.amount_units - fsum((w * haircuts).tolist())
    objective = fsum((w * phi(haircuts)).tolist()) + abs(mu * missing)
    bound = fsum((w * (phi(h) - mu * h)).tolist()) + mu * problem.amount_units
    return Optimality(objective * scale, bound * scale, float(np.abs(haircuts - h).max()), level)


def worst_haircut_optimality(problem: HaircutProblem, haircuts: Float64) -> Optimality:
    """How far is the largest of these haircuts, one a winner, from the smallest possible?

    Whatever set K of accounts is at their caps, the others must bear amount - sum_K cap at least, so that the worst
    haircut is no less than that over the sum of their endowments (weak duality: equal prices on x_i <= t w_i outside
    K). K is taken from the haircuts. What they miss of the budget counts as if the others had to bear it.
    """
    rows = problem.winners
    caps = problem.cap_units[rows] / problem.endowment[rows]
    level, bearing = _level(problem, haircuts)
    missing = problem.amount_units - fsum((problem.endowment[rows] * haircuts).tolist())
    objective = float(haircuts.max()) + abs(missing) / bearing
    away = np.abs(haircuts - np.minimum(float(level), caps))
    return Optimality(objective, float(level), float(away.max()), level)


def _level(problem: HaircutProblem, haircuts: Float64) -> tuple[Fraction, int]:
    """(amount - sum_K cap) / sum_others w, and the others' endowments; K: the accounts that haircuts put at their caps.

    Never those with the largest cap fraction of all, which are at their caps last. That is the level that K asks for;
    the accounts whose caps are below it are a better K, if the solver left some of them short, and the higher of the
    two levels is taken.
    """
    rows = problem.winners
    units, endowments = problem.cap_units[rows], problem.endowment_units[rows]
    caps = units / endowments
    last = caps == caps.max()

    def of(capped: Bool) -> tuple[Fraction, int]:
        others = total(endowments[~capped])
        return max(Fraction(problem.amount_units - total(units[capped]), others), Fraction(0)), others

    first = of((haircuts >= caps * (1 - _AT_CAP)) & ~last)
    return max(first, of((caps <= float(first[0])) & ~last))


def _entropy(h: Float64) -> Float64:
    return np.where(h > 0, h * np.log(np.where(h > 0, h, 1.0)), 0.0)


_DISUTILITIES: dict[Disutility, tuple[Callable[[Float64], Float64], Callable[[Float64], Float64]]] = {
    "quadratic": (lambda h: h * h / 2, lambda h: h),
    "power": (lambda h: h**3 / 3, lambda h: h * h),
    "entropy": (_entropy, lambda h: np.log(h) + 1),
}
"""phi and its derivative."""
