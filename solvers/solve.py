"""One solve, end to end: feasibility, policy, verification, certificate."""

from dataclasses import dataclass, replace
from math import inf
from typing import Any, Literal

from solvers import verify
from solvers.allocation import Allocation, Certificate
from solvers.backends.deadline import UP, Deadline
from solvers.errors import InfeasibleBudget, SolverFailed, SolverTimeout
from solvers.pro_rata import CappedProRata, capped_pro_rata
from solvers.problem import HaircutProblem
from solvers.registry import Policy
from solvers.verify import GAP_TOLERANCE

__all__ = ["GAP_TOLERANCE", "Solution", "Status", "solve"]

Status = Literal["optimal", "feasible", "partial"]


@dataclass(frozen=True)
class Solution:
    """An allocation that passed verification. `problem` is the one that was solved, reduced if partial.

    cut     whether a clock ended the search for it, so that another run may find another
    """

    problem: HaircutProblem
    allocation: Allocation
    certificate: Certificate
    status: Status
    cut: bool


def solve(
    problem: HaircutProblem,
    policy: Policy,
    parameters: Any,
    *,
    partial: bool = False,
    seconds: float = inf,
    best: bool = False,
) -> Solution:
    """Allocate the budget by `policy`.

    parameters   an instance of `policy.parameters`
    partial      take the most the policy can reach where that is less than the budget
    seconds      how long a generic solver or a search may take
    best         when the time is up, return what was found by then, or capped-pro-rata, with its gap
    Raises InfeasibleBudget (unless partial), ProblemError (a column the policy needs), SolverTimeout, SolverFailed.
    """
    deadline = Deadline(seconds, best)
    try:
        allocation = _allocated(problem, policy, parameters, deadline)
    except InfeasibleBudget as shortage:
        if not partial:
            raise
        problem = problem.reduced(shortage.reachable_units)
        allocation = _allocated(problem, policy, parameters, deadline)
    broken = verify.violations(problem, allocation.seized_units)
    if broken:
        raise SolverFailed(f"{policy.name} returned an allocation that fails verification: {broken[0].rule}")
    certificate = _certify(problem, policy, allocation, parameters)
    return Solution(problem, allocation, certificate, _status(problem, certificate), deadline.ended)


def _allocated(problem: HaircutProblem, policy: Policy, parameters: Any, deadline: Deadline) -> Allocation:
    if not policy.timed:
        return policy.solve(problem, parameters)
    try:
        return policy.solve(problem, parameters, deadline)
    except SolverTimeout:
        if not deadline.best:
            raise
        deadline.ended = True
        found = capped_pro_rata(problem, CappedProRata())
        note = f"{UP} before {policy.name} had found anything: this is capped-pro-rata."
        return replace(found, haircuts=found.real_haircuts(problem), notes=(note,))


def _certify(problem: HaircutProblem, policy: Policy, allocation: Allocation, parameters: Any) -> Certificate:
    seized, multiplier = allocation.seized_units, allocation.multiplier
    optimality = None
    if policy.optimality is not None:
        optimality = policy.optimality(problem, allocation, parameters)
    return Certificate(
        objective=optimality.objective if optimality else None,
        bound=optimality.bound if optimality else None,
        relative_gap=optimality.relative_gap if optimality else None,
        kkt_residual=optimality.kkt_residual if optimality else None,
        budget_error_units=verify.budget_error_units(problem, seized),
        cap_violation_units=verify.cap_violation_units(problem, seized),
        multiplier=multiplier if optimality is None or optimality.multiplier is None else optimality.multiplier,
    )


def _status(problem: HaircutProblem, certificate: Certificate) -> Status:
    if problem.amount_units < problem.budget_units:
        return "partial"
    gap = certificate.relative_gap
    return "optimal" if gap is not None and gap <= GAP_TOLERANCE else "feasible"
