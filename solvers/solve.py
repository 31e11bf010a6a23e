"""One solve, end to end: feasibility, policy, verification, certificate."""

from dataclasses import dataclass
from math import inf
from typing import Any, Literal

from solvers import verify
from solvers.allocation import Allocation, Certificate
from solvers.errors import InfeasibleBudget, SolverFailed
from solvers.problem import HaircutProblem
from solvers.registry import Policy
from solvers.verify import GAP_TOLERANCE

__all__ = ["GAP_TOLERANCE", "Solution", "Status", "solve"]

Status = Literal["optimal", "feasible", "partial"]


@dataclass(frozen=True)
class Solution:
    """An allocation that passed verification. `problem` is the one that was solved, reduced if partial."""

    problem: HaircutProblem
    allocation: Allocation
    certificate: Certificate
    status: Status


def solve(
    problem: HaircutProblem, policy: Policy, parameters: Any, *, partial: bool = False, seconds: float = inf
) -> Solution:
    """Allocate the budget by `policy`.

    parameters   an instance of `policy.parameters`
    partial      take the most the policy can reach where that is less than the budget
    seconds      how long a generic solver or a search may take
    Raises InfeasibleBudget (unless partial), ProblemError (a column the policy needs), SolverTimeout, SolverFailed.
    """
    limit = (seconds,) if policy.timed else ()
    try:
        allocation = policy.solve(problem, parameters, *limit)
    except InfeasibleBudget as shortage:
        if not partial:
            raise
        problem = problem.reduced(shortage.reachable_units)
        allocation = policy.solve(problem, parameters, *limit)
    broken = verify.violations(problem, allocation.seized_units)
    if broken:
        raise SolverFailed(f"{policy.name} returned an allocation that fails verification: {broken[0].rule}")
    certificate = _certify(problem, policy, allocation, parameters)
    return Solution(problem, allocation, certificate, _status(problem, certificate))


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
