"""What the routes share: admit, read, solve, record and answer a request, all off the event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TypeVar

from fastapi import Request
from starlette.responses import Response

from app import __version__, traces
from app.access import Access
from app.body import read_body
from app.draining import draining, end_with_parent
from app.idempotency import digest_of, key_of
from app.lanes import Lanes
from app.ledger import Ledger, unavailable
from app.metrics import Metrics
from app.problems import RequestProblem, no_record
from app.rate import Rate
from app.settings import Settings
from app.store import Claimed, Entry, KeyScope, Kind, Store, StoreFailed, StoreUnavailable
from app.tasks import Solved, Task, work, work_in_process
from app.work import Place

Result = TypeVar("Result")

_ACTED_ON = {"allocation", "closure"}
"""The others ask what would be."""


class Service:
    """Settings, threads, processes, store and metrics of one application."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.lanes = Lanes(settings, self.metrics)
        self.ledger = Ledger(settings, self.metrics)
        self.access = Access(lambda id_: self.ledger.use("key", Store.key, id_), settings.require_keys)
        self.rate = Rate(settings.rate_per_second)
        self.draining = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """From start to end of the application."""
        self.draining = False
        end_with_parent()
        self.lanes.start()
        await self.ledger.start()
        try:
            with draining(self._drain, self.settings.drain_seconds):
                yield
        finally:
            self.lanes.close()
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

    async def recall(self, request: Request, kind: Kind, id_: str) -> Entry:
        """A record of whoever asks. Raises RequestProblem."""
        caller = await self.admit(request, "read")
        entry = await self.ask("get", lambda store: store.get(caller, kind, id_))
        if entry is None:
            raise no_record(kind)
        return entry

    async def respond(self, request: Request, task: Task) -> Response:
        """One answer, recorded before it is sent; the one that its idempotency key has, where there is one."""
        received = _now()
        caller = await self.admit(request, "solve")
        key = key_of(request)
        with self.lanes.place() as place:
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
        """Raises RequestProblem."""
        settings = self.settings
        with traces.span("solve"):
            solved = await self.lanes.run(
                place,
                len(raw),
                lambda clock, light: work(task, raw, settings, clock, now, light=light),
                lambda seconds: (work_in_process, (task.kind, raw, settings, seconds, now)),
            )
        self.metrics.accounts.observe(solved.accounts)
        for seen in solved.seen:
            self.metrics.observe(seen)
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
        if task.kind in _ACTED_ON:
            for seen in solved.seen:
                self.metrics.observe_last(seen)
        timing = f"parse;dur={solved.parse_seconds * 1e3:.1f}, solve;dur={solved.solve_seconds * 1e3:.1f}"
        headers = {"Server-Timing": timing}
        if kept is None:
            body = solved.answer[:-1] + b',"recorded":false}'
            return Response(body, media_type="application/json", headers=headers)
        return _response(task, kept, headers)


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
