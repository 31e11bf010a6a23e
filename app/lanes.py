"""Where work is done: threads for what is light, processes for what may take long, and places for all of it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from prometheus_client import Gauge

from app.metrics import Metrics
from app.problems import RequestProblem
from app.processes import ProcessDied, Processes, ProcessTimeout
from app.settings import Settings
from app.work import Clock, Place, Workers, timed_out

LARGE_BODY = 4 * 2**20
"""Bytes; to read more would keep the threads of this process from their work."""

PRELOAD = (
    "app.tasks",
    "app.explain",
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
Job = tuple[Callable[[Any], Any], Any]
"""An importable function and its argument."""

_log = logging.getLogger("adl")


def perform(job: Job) -> Any:
    """What a worker process does."""
    function, argument = job
    return function(argument)


class Lanes:
    """The threads and processes of one application, and how many requests it has at a time."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        threads, processes = settings.solver_threads, settings.solver_processes
        self._limit = settings.time_limit
        self._metrics = metrics
        self._threads = Workers(threads, threads + processes + settings.max_waiting)
        self._processes = Processes(processes, perform, PRELOAD) if processes else None
        self._in_threads = _Lane(threads, metrics.waiting)
        self._in_processes = _Lane(processes, metrics.waiting)

    def start(self) -> None:
        """Begin to warm the processes."""
        if self._processes is not None:
            self._processes.start()

    def close(self) -> None:
        self._threads.close()
        if self._processes is not None:
            self._processes.close()

    def place(self) -> AbstractContextManager[Place]:
        """A place, which a request has from before its body is read; 503 when all are taken."""
        return self._threads.place()

    async def in_thread(self, place: Place, seconds: float, work: Callable[[Clock], Result]) -> Result:
        """504 when it is late."""
        with self._in_threads.work():
            return await self._threads.run(place, seconds, work)

    async def run(
        self,
        place: Place,
        size: int,
        light: Callable[[Clock, bool], Result | None],
        heavy: Callable[[float], Job],
    ) -> Result:
        """What is asked with a body of that size: in a thread where it is light, else in a process.

        `light` is told whether it may return None for what is not light; `heavy` makes a job of that many seconds.
        Raises RequestProblem.
        """
        if self._processes is None:
            done = await self.in_thread(place, self._limit, lambda clock: light(clock, False))
            if done is None:
                raise TypeError("there are no processes to leave it to")
            return done
        limit = left = self._limit
        if size <= LARGE_BODY:
            done, clock = await self.in_thread(place, limit, lambda clock: (light(clock, True), clock))
            if done is not None:
                return done
            limit, left = clock.seconds, clock.rest()
        with self._in_processes.work():
            found: Result = await self._in_process(self._processes, heavy(left), limit, left)
            return found

    async def _in_process(self, processes: Processes, job: Job, limit: float, left: float) -> Any:
        try:
            return await processes.run(job, left)
        except RequestProblem as problem:
            if problem.code == "solver-failed":
                _log.error("failed in a process: %s", "".join(getattr(problem, "__notes__", ())))
            raise
        except ProcessTimeout as exc:
            self._metrics.killed.labels("time-limit").inc()
            raise timed_out(limit) from exc
        except ProcessDied as exc:
            self._metrics.killed.labels("died").inc()
            raise RequestProblem("solver-failed", "the solver's process died; nothing was applied") from exc


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
