"""What the routes share: admit, read, solve, record and answer a request, all off the event loop."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from typing import TypeVar

from fastapi import Request
from prometheus_client import Gauge
from starlette.responses import Response

from app import __version__, traces
from app.access import Access
from app.body import read_body
from app.draining import draining, end_with_parent
from app.idempotency import digest_of, key_of
from app.ledger import Ledger, unavailable
from app.metrics import Metrics
from app.problems import RequestProblem
from app.processes import ProcessDied, Processes, ProcessTimeout
from app.rate import Rate
from app.settings import Settings
from app.store import Claimed, Entry, KeyScope, Store, StoreFailed, StoreUnavailable
from app.tasks import LARGE_BODY, Solved, Task, work, work_in_process
from app.work import Clock, Place, Workers, timed_out

PRELOAD = (
    "app.tasks",
    "clarabel",
    "cvxpy",
    "highspy",
    "ortools.graph.python.max_flow",
    "ortools.linear_solver.pywraplp",
    "ortools.sat.python.cp_model",
    "scipy.optimize",
)
"""What worker processes have imported before they are asked."""

Result = TypeVar("Result")
_log = logging.getLogger("adl")


class Service:
    """Settings, threads, processes, store and metrics of one application."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        workers = settings.solver_threads + settings.solver_processes
        self.workers = Workers(settings.solver_threads, workers + settings.max_waiting)
        self.processes = Processes(settings.solver_processes, work_in_process, PRELOAD)
        self._in_threads = _Lane(settings.solver_threads, self.metrics.waiting)
        self._in_processes = _Lane(settings.solver_processes, self.metrics.waiting)
        self.ledger = Ledger(settings, self.metrics)
        self.access = Access(lambda id_: self.ledger.use("key", Store.key, id_), settings.require_keys)
        self.rate = Rate(settings.rate_per_second)
        self.draining = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """From start to end of the application."""
        self.draining = False
        end_with_parent()
        if self.settings.solver_processes:
            self.processes.start()
        await self.ledger.start()
        try:
            with draining(self._drain, self.settings.drain_seconds):
                yield
        finally:
            self.workers.close()
            self.processes.close()
            await self.ledger.close()

    def _drain(self) -> None:
        self.draining = True

    async def admit(self, request: Request, needed: KeyScope) -> str:
        """Who asks: the id of the key, "" for anybody on this machine. Raises RequestProblem."""
        try:
            caller = self.access.cached(request.scope, needed)
            if caller is None:
                caller = await self.ledger.in_thread(self.access.caller, request.scope, needed)
        except RequestProblem as problem:
            self.metrics.denied.labels(problem.code).inc()
            raise
        except (StoreUnavailable, StoreFailed) as exc:
            raise unavailable("the key could not be checked; ask again") from exc
        request.scope["adl.caller"] = caller
        self.rate.admit(caller)
        return caller

    async def ask(self, name: str, question: Callable[[Store], Result]) -> Result:
        """The store's answer; raises RequestProblem where it has none now."""
        try:
            return await self.ledger.call(name, question)
        except (StoreUnavailable, StoreFailed) as exc:
            raise unavailable("the store cannot be asked now; ask again") from exc

    async def respond(self, request: Request, task: Task) -> Response:
        """One answer, recorded before it is sent; the one that its idempotency key has, where there is one."""
        received = _now()
        caller = await self.admit(request, "solve")
        key = key_of(request)
        with self.workers.place() as place:
            raw = await read_body(request, self.settings.max_body_bytes, self.settings.body_seconds)
            if key is None:
                solved = await self.solve(place, task, raw, received)
                entry = _entry(task, caller, solved, received)
                return self._answer(task, solved, entry if await self.ledger.record(entry) else None)
            digest = digest_of(task.kind, raw)
            claim = await self.ledger.claim(caller, key, digest)
            if isinstance(claim, Entry):
                return _response(task, claim, {"Idempotent-Replayed": "true"})
            async with self._held(claim):
                solved = await self.solve(place, task, raw, received)
                entry = _entry(task, caller, solved, received)
                kept = await self.ledger.finish(claim, digest, entry) if claim else None
            return self._answer(task, solved, kept)

    async def solve(self, place: Place, task: Task, raw: bytes, now: datetime | None) -> Solved:
        """In a thread if it is light, else in a process; raises RequestProblem."""
        with traces.span("solve"):
            solved = await self._solved(place, task, raw, now)
        self.metrics.accounts.observe(solved.accounts)
        for seen in solved.seen:
            self.metrics.observe(seen)
        return solved

    async def _solved(self, place: Place, task: Task, raw: bytes, now: datetime | None) -> Solved:
        settings = self.settings
        limit = settings.time_limit
        solved = None
        left = limit
        if not settings.solver_processes or len(raw) <= LARGE_BODY:
            light = settings.solver_processes > 0

            def job(clock: Clock) -> tuple[Solved | None, Clock]:
                return work(task, raw, settings, clock, now, light=light), clock

            with self._in_threads.work():
                solved, clock = await self.workers.run(place, limit, job)
            limit, left = clock.seconds, clock.rest()
        if solved is None:
            try:
                with self._in_processes.work():
                    solved = await self.processes.run((task.kind, raw, settings, left, now), left)
            except RequestProblem as problem:
                if problem.code == "solver-failed":
                    _log.error("failed in a process: %s", "".join(getattr(problem, "__notes__", ())))
                raise
            except ProcessTimeout as exc:
                self.metrics.killed.labels("time-limit").inc()
                raise timed_out(limit) from exc
            except ProcessDied as exc:
                self.metrics.killed.labels("died").inc()
                raise RequestProblem("solver-failed", "the solver's process died; nothing was applied") from exc
        return solved

    @asynccontextmanager
    async def _held(self, claim: Claimed | None) -> AsyncIterator[None]:
        """Renew the claim meanwhile, and give it back where there is no answer."""
        if claim is None:
            yield
            return
        holding = asyncio.create_task(self.ledger.hold(claim))
        try:
            yield
        except BaseException:
            await asyncio.shield(self.ledger.release(claim))
            raise
        finally:
            holding.cancel()
            with suppress(asyncio.CancelledError):
                await holding

    def _answer(self, task: Task, solved: Solved, kept: Entry | None) -> Response:
        self.metrics.answers.labels(task.kind, solved.status or "done").inc()
        timing = f"parse;dur={solved.parse_seconds * 1e3:.1f}, solve;dur={solved.solve_seconds * 1e3:.1f}"
        headers = {"Server-Timing": timing}
        if kept is None:
            body = solved.answer[:-1] + b',"recorded":false}'
            return Response(body, media_type="application/json", headers=headers)
        return _response(task, kept, headers)


class _Lane:
    """So many work at once; those beyond are counted as waiting. On the event loop only."""

    def __init__(self, width: int, waiting: Gauge) -> None:
        self._width = width
        self._waiting = waiting
        self._busy = 0

    @contextmanager
    def work(self) -> Iterator[None]:
        self._busy += 1
        if self._busy > self._width:
            self._waiting.inc()
        try:
            yield
        finally:
            if self._busy > self._width:
                self._waiting.dec()
            self._busy -= 1


def _now() -> datetime:
    return datetime.now(UTC)


def _entry(task: Task, caller: str, solved: Solved, received: datetime) -> Entry:
    return Entry(
        caller=caller,
        kind=task.kind,
        id=solved.id,
        version=__version__,
        policy=solved.policy,
        status=solved.status,
        venue=solved.venue,
        as_of=solved.as_of,
        budget=solved.budget,
        received_at=received,
        answered_at=_now(),
        request=solved.request,
        answer=solved.answer,
    )


def _response(task: Task, entry: Entry, headers: Mapping[str, str]) -> Response:
    where = {"Content-Location": f"{task.path}/{entry.id}"}
    return Response(entry.answer, media_type="application/json", headers={**headers, **where})
