"""From a sound request to its answer: pure functions of the request, for the routes and for the examples."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from app.convert import answers, closings, frontiers, judgements
from app.convert.closures import ClosureAsked, MadeClosures
from app.convert.requests import Asked, Chosen, Made, Refused, Swept
from app.problems import RequestProblem
from app.work import Clock
from solvers.contracts.fills import judge
from solvers.contracts.registry import ClosingPolicy
from solvers.contracts.solve import close, smallest_worst_haircut
from solvers.errors import SolverError
from solvers.frontier import frontier
from solvers.money import Int64
from solvers.registry import Policy
from solvers.solve import solve

_log = logging.getLogger("adl")


@dataclass(frozen=True)
class Seen:
    """What the metrics are told of one solve. Policies of contract space are `closures NAME`; amounts in currency."""

    policy: str
    status: str
    seconds: float
    budget: float
    uncovered: float
    worst_haircut: float | None
    ptsr: float | None


Observer = Callable[[Seen], object]
"""Told of each policy that was solved."""


def unseen(_: Seen) -> None:
    """Nobody is told."""


def _seen(space: str, answer: dict[str, Any], seconds: float) -> Seen:
    solvency, fairness = answer["diagnostics"]["solvency"], answer["diagnostics"]["fairness"]
    return Seen(
        space + answer["policy"]["name"],
        answer["status"],
        seconds,
        float(solvency["budget"]),
        float(solvency["uncovered"]),
        fairness["max_haircut"],
        fairness["ptsr"],
    )


def allocate(asked: Asked, chosen: Chosen[Policy], clock: Clock, observe: Observer = unseen) -> dict[str, Any]:
    """One allocation answer; raises RequestProblem for what is in its way."""
    clock.check()
    started = perf_counter()
    with _problems(partial(answers.problem_of, asked, policy=chosen.at), chosen.policy.name):
        solution = solve(
            asked.problem,
            chosen.policy,
            chosen.parameters,
            partial=asked.partial,
            seconds=clock.left(best=asked.best),
            best=asked.best,
        )
        answer = answers.allocation_answer(asked, chosen, solution)
    observe(_seen("", answer, perf_counter() - started))
    return answer


def close_out(
    asked: ClosureAsked, chosen: Chosen[ClosingPolicy], clock: Clock, observe: Observer = unseen
) -> dict[str, Any]:
    """One closing; raises RequestProblem for what is in its way."""
    clock.check()
    started = perf_counter()
    with _problems(partial(closings.problem_of, asked, policy=chosen.at), chosen.policy.name):
        solution = close(
            asked.problem,
            chosen.policy,
            chosen.parameters,
            integer=asked.options.integer,
            partial=asked.partial,
            seconds=clock.left(best=asked.best),
            best=asked.best,
        )
        answer = closings.closure_answer(asked, chosen, solution)
    observe(_seen("closures ", answer, perf_counter() - started))
    return answer


def verify(
    asked: Asked | ClosureAsked, made: Made | MadeClosures, clock: Clock, _: Observer = unseen
) -> dict[str, Any]:
    """An allocation or closes that somebody made, held against the rules."""
    clock.check()
    match asked, made:
        case Asked(), Made():
            return answers.verification_answer(asked, made)
        case ClosureAsked(), MadeClosures():
            with _problems(partial(closings.problem_of, asked), "the verification"):
                optimum = smallest_worst_haircut(asked.problem)
                judged = judge(asked.problem, made.fills, score=made.score, optimum=optimum)
                return judgements.judged_answer(asked, made, judged)
    raise TypeError("what was made and what was asked do not go together")


@contextmanager
def _problems(refusal: Callable[[SolverError], RequestProblem], what: str) -> Iterator[None]:
    """Solvers' errors as problems; what they did not mean to raise is logged, and named after what was solved."""
    try:
        yield
    except RequestProblem:
        raise
    except SolverError as exc:
        raise refusal(exc) from exc
    except Exception as exc:
        _log.exception("%s failed", what)
        raise RequestProblem("solver-failed", f"{what} failed; nothing was applied") from exc


def compare(
    asked: Asked, policies: list[Chosen[Policy] | Refused], clock: Clock, observe: Observer = unseen
) -> dict[str, Any]:
    """One result a policy, in the order asked: what /v1/allocations would answer, or its problem."""
    return {
        "id": asked.identity("comparison", [policy.shown for policy in policies]),
        "results": [_result(asked, policy, clock, observe) for policy in policies],
    }


def trade_off(asked: Asked, swept: Swept, clock: Clock, _: Observer = unseen) -> dict[str, Any]:
    """The frontier, with the other policies and the venue's own allocation held against it."""
    problem = asked.problem
    if asked.partial and problem.amount_units > problem.reachable_units:
        problem = problem.reduced(problem.reachable_units)
    taken: list[tuple[str, Int64]] = []
    refused: dict[str, dict[str, Any]] = {}
    with _problems(partial(answers.problem_of, asked, policy=()), "the frontier"):
        problem.require_reachable()
        for one in swept.policies:
            clock.check()
            try:
                with _problems(partial(answers.problem_of, asked, policy=one.at), one.policy.name):
                    solution = solve(problem, one.policy, one.parameters, seconds=clock.left())
            except RequestProblem as exc:
                refused[one.policy.name] = exc.document()
            else:
                taken.append((one.policy.name, solution.allocation.seized_units))
        if swept.made is not None:
            taken.append((frontiers.OWN, np.clip(swept.made.seized_units, 0, problem.endowment_units)))
        found = frontier(problem, swept.measures, swept.points, taken, clock.check)
        return frontiers.frontier_answer(asked, swept, problem, found, refused)


def _result(asked: Asked, policy: Chosen[Policy] | Refused, clock: Clock, observe: Observer) -> dict[str, Any]:
    if isinstance(policy, Refused):
        return {"policy": policy.shown, "problem": policy.problem.document()}
    try:
        return allocate(asked, policy, clock, observe)
    except RequestProblem as problem:
        if problem.code == "solver-timeout":
            raise
        return {"policy": policy.shown, "problem": problem.document()}
