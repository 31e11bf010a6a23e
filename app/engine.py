"""From a sound request to its answer: pure functions of the request, for the routes and for the examples."""

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any

from app.convert import answers
from app.convert.requests import Asked, Chosen, Refused
from app.problems import RequestProblem
from app.work import Clock
from solvers.errors import SolverError
from solvers.solve import solve

_log = logging.getLogger("adl")

Observer = Callable[[dict[str, Any], float], None]
"""Told each allocation answer and the seconds it took."""


def allocate(asked: Asked, chosen: Chosen, clock: Clock, observe: Observer | None = None) -> dict[str, Any]:
    """One allocation answer; raises RequestProblem for what is in its way."""
    clock.check()
    started = perf_counter()
    try:
        solution = solve(asked.problem, chosen.policy, chosen.parameters, partial=asked.partial)
        answer = answers.allocation_answer(asked, chosen, solution)
    except SolverError as exc:
        raise answers.problem_of(asked, exc) from exc
    except Exception as exc:
        _log.exception("%s failed", chosen.policy.name)
        raise RequestProblem("solver-failed", f"{chosen.policy.name} failed; nothing was applied") from exc
    if observe is not None:
        observe(answer, perf_counter() - started)
    return answer


def compare(
    asked: Asked, policies: list[Chosen | Refused], clock: Clock, observe: Observer | None = None
) -> dict[str, Any]:
    """One result a policy, in the order asked: what /v1/allocations would answer, or its problem."""
    return {
        "id": asked.identity("comparison", [policy.shown for policy in policies]),
        "results": [_result(asked, policy, clock, observe) for policy in policies],
    }


def _result(asked: Asked, policy: Chosen | Refused, clock: Clock, observe: Observer | None) -> dict[str, Any]:
    if isinstance(policy, Refused):
        return {"policy": policy.shown, "problem": policy.problem.document()}
    try:
        return allocate(asked, policy, clock, observe)
    except RequestProblem as problem:
        if problem.code == "solver-timeout":
            raise
        return {"policy": policy.shown, "problem": problem.document()}
