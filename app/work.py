"""Work off the event loop: a few threads, a bounded queue, and a time limit."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from time import monotonic
from typing import Any, TypeVar

from app.problems import RequestProblem

Result = TypeVar("Result")


class Clock:
    """A request's time limit, told to the work and tightened by it."""

    def __init__(self, seconds: float, tighten: Callable[[float], object]) -> None:
        self._started = monotonic()
        self.seconds = seconds
        self._tighten = tighten

    def limit(self, seconds: float) -> None:
        """Allow less than the service does."""
        if seconds < self.seconds:
            self.seconds = seconds
            self._tighten(seconds)
        self.check()

    def rest(self) -> float:
        """Seconds until the time is up."""
        return self.seconds - (monotonic() - self._started)

    def left(self, *, best: bool = False) -> float:
        """Seconds until the time is up; a tenth less, so that a solver that stops there is told in time.

        With `best` two fifths less: what it has by then is still to be verified, proved and told.
        """
        return max(self.rest() - (0.4 if best else 0.1) * self.seconds, 0.0)

    def check(self) -> None:
        """504 once the time is up; work that has several steps asks between them."""
        if self.rest() < 0:
            raise timed_out(self.seconds)


def timed_out(seconds: float) -> RequestProblem:
    return RequestProblem("solver-timeout", f"no answer within {seconds:g} seconds; nothing was applied")


class Place:
    """One of the requests that a service has at a time."""

    def __init__(self) -> None:
        self.late: Future[Any] | None = None
        """Work that did not end in time."""


class Workers:
    """Threads for blocking functions, and places for the requests that want them.

    A request has its place before its body is read. One that ran out of time keeps it until its thread is done, so
    that late work cannot pile up.
    """

    def __init__(self, threads: int, places: int) -> None:
        self._threads = threads
        self._places = places
        self._taken = 0
        self._pool: ThreadPoolExecutor | None = None

    @contextmanager
    def place(self) -> Iterator[Place]:
        """A place; 503 when all are taken."""
        if self._taken >= self._places:
            detail = "too many requests are waiting; try again"
            raise RequestProblem("overloaded", detail, headers={"Retry-After": "1"})
        self._taken += 1
        place = Place()
        try:
            yield place
        finally:
            self._release(place.late)

    async def run(self, place: Place, seconds: float, work: Callable[[Clock], Result]) -> Result:
        """`work` in a thread; 504 when it is late."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        clock: Clock | None = None
        future: Future[Result] | None = None
        try:
            async with asyncio.timeout(seconds) as scope:

                def tighten(less: float) -> None:
                    with suppress(RuntimeError):  # the request was answered meanwhile
                        loop.call_soon_threadsafe(_reschedule, scope, started + less)

                clock = Clock(seconds, tighten)
                future = self._start(work, clock)
                done = asyncio.wrap_future(future)
                done.add_done_callback(_retrieve)
                await asyncio.wait({done})
        except TimeoutError as exc:
            raise timed_out(clock.seconds if clock else seconds) from exc
        finally:
            if future is not None and not future.done() and not future.cancel():
                place.late = future
        return future.result()

    def _start(self, work: Callable[[Clock], Result], clock: Clock) -> Future[Result]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="solver")
        return self._pool.submit(copy_context().run, work, clock)

    def _release(self, late: Future[Any] | None) -> None:
        """Give the place back: now, or when the thread is done."""
        if late is None:
            self._leave()
            return
        loop = asyncio.get_running_loop()

        def leave(_: Future[Any]) -> None:
            with suppress(RuntimeError):  # the loop is closed, and nobody counts any more
                loop.call_soon_threadsafe(self._leave)

        late.add_done_callback(leave)

    def _leave(self) -> None:
        self._taken -= 1

    def close(self) -> None:
        """Let running work end by itself; what waits is dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _retrieve(done: asyncio.Future[Any]) -> None:
    """An error of the work is raised from its own future; the loop need not log this one's as forgotten."""
    if not done.cancelled():
        done.exception()


def _reschedule(scope: asyncio.Timeout, when: float) -> None:
    with suppress(RuntimeError):  # already over
        scope.reschedule(when)
