"""The fairness family: one haircut for everybody, and the fairest one under caps."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np

from solvers import verify
from solvers.allocation import Allocation
from solvers.backends import cvxpy, ortools
from solvers.backends.cvxpy import Disutility
from solvers.backends.deadline import NEVER, Deadline
from solvers.errors import InfeasibleBudget
from solvers.problem import HaircutProblem, once
from solvers.rounding import settled
from solvers.water_filling import Rates, filled

_FORCED = "The budget leaves no choice: it is nothing, or all that the caps allow. No solver was needed."


@dataclass(frozen=True)
class ProRata:
    """pro-rata takes no parameters."""


@dataclass(frozen=True, kw_only=True)
class CappedProRata:
    """Parameters of `capped-pro-rata`: how to solve it, and for `convex` which disutility of a haircut to sum."""

    method: Literal["closed-form", "convex", "lp"] = "closed-form"
    disutility: Disutility = "quadratic"


def pro_rata(problem: HaircutProblem, _: ProRata) -> Allocation:
    """h_i = B / U for every winner (arXiv 2512.01112, section 4).

    Refused, naming the accounts, where B w_i / U passes a cap; the most it can take is then
    floor(min_i cap_i U / w_i) units.
    """
    rows, capacity = problem.winners, problem.capacity_units
    if not rows.size:
        problem.require_reachable()
    caps, endowments = problem.cap_units[rows], problem.endowment_units[rows]
    amount = problem.amount_units
    # Compare exactly where a double is not enough: h is one number, so only accounts with cap / w near it matter.
    level = amount / capacity if capacity else 0.0
    near = np.flatnonzero(caps / endowments < level * (1 + 1e-12))
    over = [i for i in near.tolist() if amount * int(endowments[i]) > int(caps[i]) * capacity]
    if over or amount > capacity:
        tightest = min((Fraction(int(caps[i]), int(endowments[i])) for i in over), default=Fraction(1))
        raise InfeasibleBudget(
            "pro-rata takes the same fraction from everybody, and that passes the caps of the accounts named; "
            "capped-pro-rata honours them",
            amount,
            tightest.numerator * capacity // tightest.denominator,
            rows[over].tolist(),
        )
    return filled(problem, Rates.of(problem.endowment_units[problem.winners]), "endowment")


def capped_pro_rata(problem: HaircutProblem, parameters: CappedProRata, deadline: Deadline = NEVER) -> Allocation:
    """h_i = min(eta, beta_i), eta from the budget.

    The unique minimiser of sum w_i phi(h_i) for every strictly convex phi (arXiv 2512.01112, section 5), hence
    also the smallest worst haircut, and Lorenz-dominant among all allocations of the budget.

    method  closed-form: exact, in whole units;  convex: cvxpy minimises sum w_i phi(h_i);  lp: ortools minimises the
    worst haircut alone. The last two are rivals of the first, as good as their solvers are, and raise SolverTimeout
    at the deadline.
    """
    problem.require_reachable()
    forced = problem.amount_units in (0, problem.reachable_units)
    if parameters.method == "closed-form" or forced:
        exact = _exact(problem)
        if parameters.method == "closed-form" or not problem.winners.size:
            return exact
        return replace(exact, haircuts=exact.real_haircuts(problem), notes=(_FORCED,))
    # In the order of ids, so that the rows' order does not reach the solver; a cap of zero leaves nothing to solve.
    rows = np.array(sorted(np.flatnonzero(problem.cap_units).tolist(), key=problem.book.ids.__getitem__))
    mean = float(problem.endowment[rows].mean())
    weights, caps = problem.endowment[rows] / mean, problem.cap_units[rows] / problem.endowment[rows]
    amount = problem.amount_units / mean
    if parameters.method == "convex":
        found = cvxpy.separable(weights, caps, amount, parameters.disutility, deadline.left())
    else:
        found = ortools.min_max(weights, caps, amount, deadline.left())
    haircuts, seized = np.zeros(len(problem.book)), np.zeros(len(problem.book), dtype=np.int64)
    haircuts[rows] = np.clip(found, 0, caps)
    wanted = haircuts[rows] * problem.endowment[rows]
    seized[rows] = settled(wanted, problem.cap_units[rows], problem.amount_units, problem.book.ids, rows)
    return Allocation(
        seized,
        haircuts=haircuts[problem.winners],
        method=parameters.method,
        libraries=("cvxpy", "clarabel") if parameters.method == "convex" else ("ortools",),
    )


@once
def _exact(problem: HaircutProblem) -> Allocation:
    """The closed form, in whole units."""
    return filled(problem, Rates.of(problem.endowment_units[problem.winners]), "endowment")


def certify(problem: HaircutProblem, allocation: Allocation, parameters: CappedProRata) -> verify.Optimality | None:
    """The certificate of the objective that the method minimises."""
    if allocation.haircuts is None:
        multiplier = allocation.multiplier
        return None if multiplier is None else verify.fairness_optimality(problem, allocation.seized_units, multiplier)
    if parameters.method == "lp":
        return verify.worst_haircut_optimality(problem, allocation.haircuts)
    return verify.disutility_optimality(problem, allocation.haircuts, parameters.disutility)
