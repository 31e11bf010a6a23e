"""How far `revenue` is from the fewest fees that could leave: weak duality, by formulas that no solver uses."""

from math import fsum

import numpy as np

from solvers.allocation import Allocation
from solvers.errors import ProblemError
from solvers.money import Bool, Float64, total
from solvers.problem import HaircutProblem
from solvers.revenue.retention import Exponential, Power, Retention
from solvers.verify import Optimality

_TIE = 1e-9
"""Relative distance of a price from mu within which an account may be anywhere between 0 and its cap."""


def certify_revenue(problem: HaircutProblem, allocation: Allocation, _: object) -> Optimality:
    """Objective and bound are churned fees in dollars, to be minimised: sum v_i (1 - r(h_i)) of the real haircuts.

    For any price mu of a dollar, sum_i min over [0, beta_i] of v_i (1 - r(h)) - mu w_i h, plus mu B, is a lower bound.
    It is the objective less what each account's term is above its minimum: all of them non-negative, so nothing
    cancels. mu is the allocation's multiplier, but any other would give a valid bound too. What the haircuts miss of
    the budget counts at the price mu.

    Exponential: the minimum of a concave term is at 0 or at the cap, so the same sum is the bound of the chords. A
    bound that the method proved itself takes its place where it lies between that and the objective.

    The residual is the largest distance of a haircut from the Lagrangian's minimum. Under exponential retention what
    a duality gap leaves shows in it: a proven optimum may have one.
    """
    if problem.retention is None:
        raise ProblemError("retention", "is needed by revenue: say how haircuts drive accounts away")
    rows, haircuts = problem.winners, allocation.real_haircuts(problem)
    dollars = problem.endowment[rows] * 10.0**-problem.book.precision
    caps = problem.cap_units[rows] / problem.endowment[rows]
    fees = problem.book.column("fees").floats[rows]
    churned = fees * problem.retention.leaves(haircuts)
    if allocation.multiplier is None:
        forced = caps if problem.amount_units else np.zeros_like(caps)
        least = fsum((fees * problem.retention.leaves(forced)).tolist())
        return Optimality(fsum(churned.tolist()), least, float(np.abs(haircuts - forced).max(initial=0.0)))
    mu = float(allocation.multiplier)
    nearest, tied = _lagrangian(problem.retention, mu, dollars, fees, caps, haircuts)
    above = churned - fees * problem.retention.leaves(nearest) - mu * dollars * (haircuts - nearest)
    objective = fsum([*churned.tolist(), mu * _missing(problem, haircuts, caps)])
    bound = objective - fsum(np.maximum(above, 0.0).tolist())
    if allocation.bound is not None and bound <= allocation.bound <= objective:
        bound = allocation.bound
    away = np.abs(haircuts - nearest)
    if isinstance(problem.retention, Exponential):
        away[tied] = np.minimum(haircuts, np.abs(caps - haircuts))[tied]
    else:
        away[tied] = 0.0
    return Optimality(objective, bound, float(away.max(initial=0.0)), allocation.multiplier)


def _lagrangian(
    retention: Retention, mu: float, dollars: Float64, fees: Float64, caps: Float64, haircuts: Float64
) -> tuple[Float64, Bool]:
    """The minimiser of v (1 - r(h)) - mu w h over [0, beta] of each winner, and where others are as good.

    Those are within rounding of a tie; the haircut itself is answered where the tie is exact and it is a minimiser.
    """
    gain = mu * dollars
    if isinstance(retention, Power):
        p = retention.exponent
        tied = (gain == 0) & (fees == 0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            inside = np.exp(np.log(gain / (fees * retention.rate * p)) / (p - 1))
        return np.where(tied, haircuts, np.minimum(inside, caps)), tied
    concave = isinstance(retention, Exponential)
    cost, gain = fees * retention.leaves(caps), gain * caps
    at_tie = np.where(2 * haircuts > caps, caps, 0.0) if concave else haircuts
    nearest = np.where(cost == gain, at_tie, np.where(cost < gain, caps, 0.0))
    return nearest, np.abs(cost - gain) <= _TIE * gain


def _missing(problem: HaircutProblem, haircuts: Float64, caps: Float64) -> float:
    """Dollars by which the haircuts miss the amount, those at a cap exactly."""
    rows = problem.winners
    at_cap = haircuts == caps
    left = problem.amount_units - total(problem.cap_units[rows][at_cap])
    inside = fsum((haircuts * problem.endowment[rows])[~at_cap].tolist())
    return abs(left - inside) * 10.0**-problem.book.precision
