"""From a sound request to its answer: pure functions of the request, for the routes and for the examples."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from app.convert import answers
from app.convert.requests import Asked, Chosen
from app.problems import RequestProblem
from solvers.errors import SolverError
from solvers.solve import solve

Observer = Callable[[dict[str, Any], float], None]
"""Told each allocation answer and the seconds it took."""


def allocate(asked: Asked, chosen: Chosen, observe: Observer | None = None) -> dict[str, Any]:
    """One allocation answer; raises RequestProblem for what is in its way."""
    started = perf_counter()
    try:
        solution = solve(asked.problem, chosen.policy, chosen.parameters, partial=asked.partial)
        answer = answers.allocation_answer(asked, chosen, solution)
    except SolverError as exc:
        raise answers.problem_of(asked, exc) from exc
    if observe is not None:
        observe(answer, perf_counter() - started)
    return answer


def compare(asked: Asked, policies: list[Chosen | RequestProblem], observe: Observer | None = None) -> dict[str, Any]:
    """One result a policy, in the order asked: what /v1/allocations would answer, or its problem."""
    shown = [policy.shown if isinstance(policy, Chosen) else None for policy in policies]
    return {
        "id": asked.identity("comparison", shown),
        "results": [_result(asked, policy, observe) for policy in policies],
    }


def _result(asked: Asked, policy: Chosen | RequestProblem, observe: Observer | None) -> dict[str, Any]:
    if isinstance(policy, RequestProblem):
        return {"policy": None, "problem": policy.document()}
    try:
        return allocate(asked, policy, observe)
    except RequestProblem as problem:
        return {"policy": policy.shown, "problem": problem.document()}
