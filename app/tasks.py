"""The five kinds of request that are solved and recorded, and the way of each from a body to an answer's bytes."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

from app import engine
from app.body import parse_json
from app.convert.closures import closure_of, verification_of
from app.convert.encode import canonical, dump
from app.convert.requests import Refused, allocation_of, comparison_of, frontier_of
from app.convert.sound import Sound
from app.engine import Observer, Seen
from app.problems import invalid
from app.settings import Settings
from app.store import Kind
from app.work import Clock


@dataclass(frozen=True)
class Task:
    """One kind of request: how a body becomes a problem, and that an answer.

    heavy   whether that should not share a process with closed forms
    """

    kind: Kind
    convert: Callable[[dict[str, Any], Settings], tuple[Sound, Any]]
    solve: Callable[[Any, Any, Clock, Observer], dict[str, Any]]
    heavy: Callable[[Any, Any], bool]

    @property
    def path(self) -> str:
        return f"/v1/{self.kind}s"


@dataclass(frozen=True)
class Solved:
    """An answer's bytes, and what is known of it without reading them.

    request   as canonical JSON
    seen      for the metrics
    """

    answer: bytes
    request: bytes
    id: str
    policy: str | None
    status: str | None
    budget: str | None
    venue: str | None
    as_of: datetime | None
    accounts: int
    seen: tuple[Seen, ...]
    parse_seconds: float
    solve_seconds: float


def work(
    task: Task, raw: bytes, settings: Settings, clock: Clock, now: datetime | None, *, light: bool
) -> Solved | None:
    """Body to answer; None if only `light` work is wanted and this is not. Raises RequestProblem.

    `now`: held against the snapshot's `as_of`; None: its age does not matter.
    """
    started = perf_counter()
    body = parse_json(raw)
    asked, extra = task.convert(body, settings)
    clock.limit(asked.time_limit(settings))
    if now is not None and settings.max_snapshot_age is not None:
        _require_recent(asked.snapshot.as_of, now, settings.max_snapshot_age)
    if light and task.heavy(asked, extra):
        return None
    parsed = perf_counter()
    seen: list[Seen] = []
    answer = task.solve(asked, extra, clock, seen.append)
    told = dump(answer)
    if _cut(answer):
        # No digest of the request says what a clock has decided: the id is the answer's own.
        answer["id"] = hashlib.sha256(told).hexdigest()[:32]
        told = dump(answer)
    policy = answer.get("policy")
    return Solved(
        told,
        canonical(body),
        answer["id"],
        policy and policy["name"],
        answer.get("status"),
        answer.get("budget"),
        asked.snapshot.venue,
        asked.snapshot.as_of,
        asked.accounts,
        tuple(seen),
        parsed - started,
        perf_counter() - parsed,
    )


def work_in_process(job: tuple[Kind, bytes, Settings, float, datetime | None]) -> Solved:
    """`work` for a worker process, which has that many seconds."""
    kind, raw, settings, seconds, now = job
    solved = work(TASKS[kind], raw, settings, Clock(seconds, lambda _: None), now, light=False)
    if solved is None:
        raise TypeError("only light work may be left")
    return solved


def _cut(answer: dict[str, Any]) -> bool:
    return answer.get("reproducible") is False or any(
        result.get("reproducible") is False for result in answer.get("results", ())
    )


def _require_recent(as_of: datetime | None, now: datetime, most: float) -> None:
    if as_of is None:
        raise invalid([("/snapshot/as_of", "is required: this service takes no snapshot of unknown age", None)])
    age = (now - as_of).total_seconds()
    if abs(age) > most:
        way = f"{age:.0f} seconds old" if age > 0 else f"{-age:.0f} seconds in the future"
        raise invalid([("/snapshot/as_of", f"the snapshot is {way}; at most {most:g} are allowed", None)])


def _hard(chosen: Any) -> bool:
    return not isinstance(chosen, Refused) and bool(chosen.policy.heavy(chosen.parameters))


TASKS = {
    task.kind: task
    for task in (
        Task("allocation", allocation_of, engine.allocate, lambda _, chosen: _hard(chosen)),
        Task("comparison", comparison_of, engine.compare, lambda _, policies: any(map(_hard, policies))),
        Task("frontier", frontier_of, engine.trade_off, lambda *_: True),
        Task(
            "closure",
            closure_of,
            engine.close_out,
            lambda asked, chosen: chosen.policy.timed or asked.options.integer == "exact",
        ),
        Task("verification", verification_of, engine.verify, lambda *_: False),
    )
}
"""By kind; the paths are /v1/ and the kind's plural."""
