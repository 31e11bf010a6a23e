"""One account's explanation from a stored request: solved again, with the other policies beside it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from app.body import parse_json
from app.convert import answers, closings
from app.convert.closures import ClosureAsked
from app.convert.encode import dump
from app.convert.explanations import Alternatives, allocation_explanation, bearers_of, closure_explanation
from app.convert.requests import Asked, Chosen
from app.problems import RequestProblem, no_record
from app.settings import Settings
from app.store import Kind
from app.tasks import TASKS
from app.work import Clock
from solvers.contracts.explain.policies import explain_closing
from solvers.contracts.registry import CLOSING_POLICIES, ClosingPolicy
from solvers.contracts.solve import close
from solvers.errors import SolverError
from solvers.explain.policies import explain
from solvers.money import total
from solvers.registry import POLICIES, Policy
from solvers.solve import solve

_log = logging.getLogger("adl")

_SLOW = "It may take long, and is not solved only to compare."
_TOLD = ("not-found", "overloaded", "solver-timeout")


@dataclass(frozen=True)
class Question:
    """Which account of which record."""

    kind: Kind
    request: bytes
    answer: bytes
    account: str


def explained(question: Question, settings: Settings, clock: Clock, *, light: bool) -> bytes | None:
    """The explanation's bytes; None if only `light` work is wanted and this is not.

    Raises RequestProblem. What one says of the request may name other accounts: only its code is kept.
    """
    task = TASKS[question.kind]
    try:
        asked, chosen = task.convert(parse_json(question.request), settings)
        clock.limit(asked.time_limit(settings))
        match asked:
            case Asked():
                ids: Sequence[str] = asked.problem.book.ids
                tell = partial(_allocation, asked, chosen)
            case ClosureAsked():
                ids = asked.problem.accounts.ids
                tell = partial(_closure, asked, chosen)
            case _:
                raise TypeError("only allocations and closures are explained")
        row = _row(ids, question)
        if light and task.heavy(asked, chosen):
            return None
        told = tell(row, clock)
    except RequestProblem as problem:
        if problem.code in _TOLD:
            raise
        raise RequestProblem(problem.code, "this record's request is not solved today as it was then") from None
    return dump(told | {"as_answered": _as_answered(question, row, told["seized"])})


def explained_in_process(job: tuple[Question, Settings, float]) -> bytes:
    """`explained` for a worker process, which has that many seconds."""
    question, settings, seconds = job
    found = explained(question, settings, Clock(seconds, lambda _: None), light=False)
    if found is None:
        raise TypeError("only light work may be left")
    return found


def _row(ids: Sequence[str], question: Question) -> int:
    try:
        return ids.index(question.account)
    except ValueError:
        raise no_record(question.kind) from None


def _as_answered(question: Question, row: int, seized: str) -> bool | None:
    """Whether the record has the same amount for this account; None where it tells of none."""
    answer = orjson.loads(question.answer)
    rows = answer["allocations" if question.kind == "allocation" else "accounts"]
    if rows is None:
        return None
    then = rows["seized"][row] if isinstance(rows, dict) else rows[row]["seized"]
    return bool(then == seized)


def _allocation(asked: Asked, chosen: Chosen[Policy], row: int, clock: Clock) -> dict[str, Any]:
    try:
        solution = solve(
            asked.problem,
            chosen.policy,
            chosen.parameters,
            partial=asked.partial,
            seconds=clock.left(best=asked.best),
            best=asked.best,
        )
    except SolverError as exc:
        raise answers.problem_of(asked, exc, policy=chosen.at) from exc

    def taken(policy: Policy) -> int:
        found = solve(asked.problem, policy, policy.parameters(), partial=asked.partial, seconds=clock.left())
        return int(found.allocation.seized_units[row])

    def code(exc: SolverError) -> str:
        return answers.problem_of(asked, exc, policy=()).code

    slow = {name: policy.heavy(policy.parameters()) for name, policy in POLICIES.items() if name != chosen.policy.name}
    others = _alternatives(slow, lambda name: taken(POLICIES[name]), code, clock)
    told = explain(solution, chosen.policy, chosen.parameters, row)
    return allocation_explanation(chosen, solution, told, row, others)


def _closure(asked: ClosureAsked, chosen: Chosen[ClosingPolicy], row: int, clock: Clock) -> dict[str, Any]:
    try:
        solution = close(
            asked.problem,
            chosen.policy,
            chosen.parameters,
            integer=asked.options.integer,
            partial=asked.partial,
            seconds=clock.left(best=asked.best),
            best=asked.best,
        )
    except SolverError as exc:
        raise closings.problem_of(asked, exc, policy=chosen.at) from exc
    bearers = bearers_of(asked, row)

    def taken(policy: ClosingPolicy) -> int:
        found = close(asked.problem, policy, policy.parameters(), partial=asked.partial, seconds=clock.left())
        return total(found.costs.bearer_units[bearers])

    def code(exc: SolverError) -> str:
        return closings.problem_of(asked, exc, policy=()).code

    slow = {name: policy.timed for name, policy in CLOSING_POLICIES.items() if name != chosen.policy.name}
    others = _alternatives(slow, lambda name: taken(CLOSING_POLICIES[name]), code, clock)
    told, holdings = explain_closing(solution, chosen.policy, chosen.parameters, row)
    return closure_explanation(asked, chosen, solution, told, holdings, row, others)


def _alternatives(
    slow: Mapping[str, bool],
    taken: Callable[[str], int],
    code: Callable[[SolverError], str],
    clock: Clock,
) -> Alternatives:
    """By policy, in the registry's order; `slow`: which of them may take long."""
    found: dict[str, int | str] = {}
    for name in (name for name, long in slow.items() if not long):
        clock.check()
        try:
            found[name] = taken(name)
        except SolverError as exc:
            found[name] = code(exc)
        except Exception:
            _log.exception("%s failed", name)
            found[name] = "solver-failed"
    return Alternatives(found, {name: _SLOW for name, long in slow.items() if long})
