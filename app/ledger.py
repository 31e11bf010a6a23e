"""The store as the routes use it: off the event loop, measured, and failing as the settings say."""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from time import monotonic, perf_counter
from typing import Any, TypeVar

from app import traces
from app.metrics import Metrics
from app.problems import RequestProblem
from app.settings import Settings
from app.store import (
    BadCursor,
    Claimed,
    ClaimLost,
    Conflict,
    Entry,
    InFlight,
    Outcome,
    Replayed,
    Store,
    StoreFailed,
    StoreUnavailable,
)
from app.store.database import CONNECTIONS

LEASE_SECONDS = 5.0
"""How long nobody else takes over the request of an idempotency key whose process was killed."""

REST_SECONDS = 1.0
"""After a failure the database is left alone so long: a request need not wait for what the last one waited for."""

PRUNE_SECONDS = 300.0

Result = TypeVar("Result")
_log = logging.getLogger("adl")


class Ledger:
    """One store, opened when it is first used, so that a service starts without its database and waits for it."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._store: Store | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._opening = threading.Lock()
        self._resting_until = 0.0
        self._written_at = -REST_SECONDS

    async def start(self) -> None:
        """Try the database, and begin to prune. Raises NewerDatabase, since no waiting will help then."""
        with suppress(StoreUnavailable):
            await self.ping()
        self._pruning = asyncio.create_task(self._prune())

    async def close(self) -> None:
        self._pruning.cancel()
        if self._threads is not None:
            self._threads.shutdown(wait=True)
            self._threads = None
        if self._store is not None:
            self._store.close()
            self._store = None

    async def ping(self) -> None:
        """Whether the store can be written to now, or could a moment ago. Raises StoreUnavailable, StoreFailed."""
        if monotonic() - self._written_at > REST_SECONDS:
            await self.call("ping", Store.ping)
            self._written_at = monotonic()

    async def call(self, name: str, method: Callable[..., Result], *arguments: Any) -> Result:
        """A method of the store with these arguments, off the loop; raises what it raises."""
        return await self.in_thread(self.use, name, method, *arguments)

    def use(self, name: str, method: Callable[..., Result], *arguments: Any) -> Result:
        """The same in this thread."""
        if monotonic() < self._resting_until:
            raise StoreUnavailable("the store's database could not be used a moment ago")
        started, outcome = perf_counter(), "done"
        try:
            with traces.span(f"store {name}"):
                return method(self._opened(), *arguments)
        except (BadCursor, ClaimLost):
            raise  # the store works, and says so
        except Exception as exc:
            outcome = "failed"
            if isinstance(exc, StoreUnavailable):
                self._resting_until = monotonic() + REST_SECONDS
                self._written_at = -REST_SECONDS
                outcome = "unavailable"
            _log.warning("the store failed: %s: %s", name, exc, exc_info=exc.__cause__ or exc)
            raise
        finally:
            self._metrics.observe_store(name, outcome, perf_counter() - started)

    def _opened(self) -> Store:
        with self._opening:
            if self._store is None:
                self._store = Store.open(self._settings.database_url)
            return self._store

    async def in_thread(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Any function that waits for the database."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="store")
        return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, function, *arguments)

    async def record(self, entry: Entry) -> bool:
        """Keep an answer; False where the settings allow to answer without."""
        return await self._kept("record", Store.record, entry)

    async def _kept(self, name: str, method: Callable[..., object], *arguments: Any) -> bool:
        try:
            await self.call(name, method, *arguments)
        except (StoreUnavailable, StoreFailed) as exc:
            if self._settings.on_store_failure == "refuse":
                raise unavailable() from exc
            return False
        return True

    async def claim(self, caller: str, key: str, digest: str) -> Claimed | Entry | None:
        """The claim, or the answer that the key has, waiting for one that is under way; None without a store."""
        deadline = monotonic() + self._settings.time_limit
        pause = 0.02
        waited = False
        while True:
            try:
                found: Outcome = await self.call("claim", Store.claim, caller, key, digest, LEASE_SECONDS)
            except (StoreUnavailable, StoreFailed) as exc:
                if self._settings.on_store_failure == "refuse":
                    raise unavailable() from exc
                return None
            match found:
                case Claimed():
                    self._metrics.idempotent.labels("claimed").inc()
                    return found
                case Replayed(entry):
                    self._metrics.idempotent.labels("waited" if waited else "replayed").inc()
                    return entry
                case Conflict():
                    self._metrics.idempotent.labels("conflict").inc()
                    raise RequestProblem("idempotency-conflict", "this key was used with another body; use a new key")
                case InFlight():
                    if monotonic() + pause > deadline:
                        detail = "the first request with this key is still being answered; ask again"
                        raise RequestProblem("idempotency-conflict", detail, headers={"Retry-After": "1"})
                    waited = True
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, 0.25)

    async def finish(self, claim: Claimed, digest: str, entry: Entry) -> Entry | None:
        """Keep a claim's answer; the entry that counts, another's where the claim was lost; None: none was kept."""
        mine: Claimed | Entry | None = claim
        while isinstance(mine, Claimed):
            try:
                if not await self._kept("finish", Store.finish, mine, entry):
                    return None
            except ClaimLost:
                mine = await self.claim(claim.caller, claim.key, digest)
            else:
                return entry
        return mine

    async def release(self, claim: Claimed) -> None:
        """The key is free again; where the store does not work now, its lease runs out by itself."""
        with suppress(StoreUnavailable, StoreFailed):
            await self.call("release", Store.release, claim)

    async def hold(self, claim: Claimed) -> None:
        """Renew a claim's lease until cancelled. That it was lost is told when it is finished."""
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            with suppress(StoreUnavailable, StoreFailed, ClaimLost):
                await self.call("renew", Store.renew, claim)

    async def _prune(self) -> None:
        days = self._settings.retention_days
        age = None if days is None else days * 86_400
        while True:
            with suppress(Exception):  # told by `use`; the next time may be better
                removed = await self.call("prune", Store.prune, age, self._settings.max_stored_bytes)
                if removed:
                    _log.info("removed %d records, by age or for space", removed)
            await asyncio.sleep(PRUNE_SECONDS)


def unavailable(detail: str = "the answer could not be recorded, so it is not given; ask again") -> RequestProblem:
    return RequestProblem("store-unavailable", detail, headers={"Retry-After": "2"})
