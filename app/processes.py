"""Worker processes for heavy solves: killed at their time limit, and replaced.

A thread in a solver cannot be stopped; a process can. Workers are forks of one server process, which has imported what
they need: a new one is there in milliseconds and shares the server's memory. Each has a thread here that hands it one
job after another, so that a pool works on any event loop and blocks none. The server stays, for the next pool, until
our process ends.
"""

import asyncio
import gc
import logging
import os
import pickle
import signal
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from multiprocessing import forkserver, get_context, resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread
from time import monotonic
from typing import Any, Final

_log = logging.getLogger("adl")
_CONTEXT: Final = get_context("forkserver")
_STARTING: Final = Lock()
_ENVIRONMENT: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pandas imports pyarrow, which would start a thread
}
"""Of the server and so of the workers: one thread each. A process with several does not fork safely."""
_OUT_OF_MEMORY: Final = Path("/proc/self/oom_score_adj")
"""When memory runs out the kernel takes a worker, and not the service that replaces it."""
_ORPHAN_SECONDS: Final = 5.0
"""A worker ends itself this long after the time limit, should nobody be left to kill it."""

Target = Callable[[Any], Any]


class ProcessTimeout(Exception):
    """The time limit passed; the process was killed if it had begun."""


class ProcessDied(Exception):
    """The process ended before it answered, or there was none: killed from outside, out of memory, crashed, closed."""


class Processes:
    """Runs one importable function in processes that can be killed.

    count    processes, each for one call at a time
    target   found again by its module and name; what it takes, returns and raises is pickled
    preload  modules imported once by the server. The first pool that starts in our process decides: workers of the
             others import what is missing themselves

    Nothing is started before `start` or the first `run`, and a closed pool can be started again.
    """

    def __init__(self, count: int, target: Target, preload: Sequence[str] = ()) -> None:
        self._count = count
        self._new = partial(_Worker, target, tuple(preload))
        self._lock = Lock()
        self._jobs: SimpleQueue[_Job | None] | None = None
        self._open: set[_Job] = set()
        self._keepers: list[Thread] = []

    def start(self) -> None:
        """Begin to warm the processes; returns at once."""
        with self._lock:
            self._started()

    async def run(self, argument: Any, seconds: float) -> Any:
        """What the target returns or raises; first come, first served.

        Raises ProcessTimeout `seconds` after the call, waiting included, and ProcessDied as soon as the process has
        ended by itself. What the target raises has its traceback as a note; a RuntimeError stands for what cannot be
        pickled. Whoever is cancelled leaves nothing running.
        """
        loop = asyncio.get_running_loop()
        over = asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                loop.call_soon_threadsafe(over.set)

        job = _Job(argument, seconds, wake)
        with self._lock:
            self._open.add(job)
            self._started().put(job)
        try:
            async with asyncio.timeout(seconds):
                await over.wait()
        except TimeoutError as exc:
            raise ProcessTimeout(f"no answer within {seconds:g} seconds") from exc
        finally:
            job.give_up()
            with self._lock:
                self._open.discard(job)
        return job.answer()

    def close(self, seconds: float = 0.0) -> None:
        """Kill what runs and drop what waits, each with ProcessDied; idle processes leave.

        They are waited for so many seconds: a program that ends before one that is just being started has it complain.
        """
        with self._lock:
            jobs, self._jobs = self._jobs, None
            keepers, self._keepers = self._keepers, []
            dropped, self._open = self._open, set()
        for job in dropped:
            job.give_up(ProcessDied("the processes were closed"))
        if jobs is not None:
            for _ in keepers:
                jobs.put(None)
        deadline = monotonic() + seconds
        for keeper in keepers:
            keeper.join(max(deadline - monotonic(), 0.0))

    def _started(self) -> "SimpleQueue[_Job | None]":
        if self._jobs is None:
            self._jobs = SimpleQueue()
            for _ in range(self._count):
                keeper = Thread(target=_keep, args=(self._jobs, self._new), name="process keeper", daemon=True)
                keeper.start()
                self._keepers.append(keeper)
        return self._jobs


class _Job:
    """One call. Its lock decides between an answer and giving up: a worker is killed only while it works for it."""

    def __init__(self, argument: Any, seconds: float, wake: Callable[[], None]) -> None:
        self._argument = argument
        self._deadline = monotonic() + seconds
        self._wake = wake
        self._lock = Lock()
        self._worker: _Worker | None = None
        self._over = False
        self._result: Any = None
        self._error: Exception | None = None

    def begin(self, worker: "_Worker") -> bytes | None:
        """The message for a worker, which may be killed from now on; None when nobody waits any more."""
        with self._lock:
            if self._over:
                return None
            self._worker, argument = worker, self._argument
        return pickle.dumps((self._deadline - monotonic(), argument), pickle.HIGHEST_PROTOCOL)

    def end(self, result: Any = None, error: Exception | None = None) -> bool:
        """Tell the caller, and whether there still was one. The worker is not killed any more."""
        with self._lock:
            self._worker = None
            return self._tell(result, error)

    def give_up(self, error: Exception | None = None) -> None:
        """Kill the worker, if there is one at work."""
        with self._lock:
            if self._worker is not None:
                self._worker.kill()
            self._tell(None, error)

    def answer(self) -> Any:
        error, self._error = self._error, None
        if error is None:
            return self._result
        try:
            raise error
        finally:
            del error  # or the error and this frame would keep each other, and the argument

    def _tell(self, result: Any, error: Exception | None) -> bool:
        if self._over:
            return False
        self._over = True
        self._argument, self._result, self._error = None, result, error
        self._wake()
        return True


class _Worker:
    """A process, seen from here. What it does is `_work`. Its thread alone uses it, but for `kill`."""

    def __init__(self, target: Target, preload: Sequence[str]) -> None:
        self._connection, theirs = _CONTEXT.Pipe()
        with theirs:
            self._process = _CONTEXT.Process(target=_work, args=(theirs, target, preload), daemon=True)
            with _STARTING:
                _start_server(preload)
            self._process.start()  # waits for the server's imports

    def is_dead(self) -> bool:
        """Whether an idle worker has gone: it says nothing unasked, so that there is only an end to be read."""
        return self._connection.poll()

    def ask(self, message: bytes) -> bytes:
        """EOFError or OSError when the process dies."""
        self._connection.send_bytes(message)
        return self._connection.recv_bytes()

    def kill(self) -> None:
        """For a worker that is being asked, and so not known to have ended: its number is not another's yet."""
        if self._process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)

    def end(self) -> int | None:
        """Kill the process if it is alive, and wait until it has gone; the exit code, negative for a signal."""
        self._connection.close()
        if self._process.is_alive():
            self._process.kill()
        self._process.join()
        return self._process.exitcode


def _start_server(preload: Sequence[str]) -> None:
    """Start the server that forks, if it is not there.

    Its variables are ours for a moment, but behind the back of os.environ: no thread sees them come or go.
    """
    forkserver.set_forkserver_preload(list(preload))
    resource_tracker.ensure_running()  # not later, for it unblocks SIGINT
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # of this thread; the server inherits it
    for name, value in _ENVIRONMENT.items():
        os.putenv(name, value)
    try:
        forkserver.ensure_running()
    finally:
        for name in _ENVIRONMENT:
            if name in os.environ:
                os.putenv(name, os.environ[name])
            else:
                os.unsetenv(name)


def _keep(jobs: SimpleQueue[_Job | None], new: Callable[[], _Worker]) -> None:
    """The thread of one worker and of those that replace it."""
    worker = _hired(new)
    while (job := jobs.get()) is not None:
        worker = _do(job, worker, new)
        del job  # it may hold much
    if worker is not None:
        worker.end()


def _do(job: _Job, worker: _Worker | None, new: Callable[[], _Worker]) -> _Worker | None:
    """One job; returns the worker for the next."""
    if worker is not None and worker.is_dead():
        _log.warning("an idle worker process ended (exit code %s)", worker.end())
        worker = None
    worker = worker or _hired(new)
    if worker is None:
        job.end(error=ProcessDied("no worker process could be started"))
        return None
    try:
        message = job.begin(worker)
        if message is None:
            return worker
        result, error, trace = pickle.loads(worker.ask(message))  # noqa: S301  (from our own worker)
    except Exception as exc:  # whatever it is, the caller is told
        died = isinstance(exc, EOFError | OSError)
        by_itself = job.end(error=ProcessDied("the worker process ended before it answered") if died else exc)
        code = worker.end()
        if died and by_itself:
            _log.error("a worker process ended at work (exit code %s)", code)
        return _hired(new)
    if trace:
        _log.error("%s\n%s", error, trace)
    job.end(result, error)
    return worker


def _hired(new: Callable[[], _Worker]) -> _Worker | None:
    try:
        return new()
    except Exception:
        _log.exception("a worker process could not be started")
        return None


def _work(connection: Connection, target: Target, preload: Sequence[str]) -> None:
    """The life of a worker: it answers until the other end has gone."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C goes to the whole group; the service decides
    for fatal in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(fatal, signal.SIG_DFL)
    logging.lastResort = None  # what it logs of an error comes back with it, and is logged there
    with suppress(OSError):
        _OUT_OF_MEMORY.write_text("500")
    for module in preload:
        import_module(module)
    gc.freeze()  # a collection does not write to what the server shares
    with suppress(EOFError, OSError):
        while True:
            connection.send_bytes(_answer(target, connection.recv_bytes()))
            signal.setitimer(signal.ITIMER_REAL, 0)


def _answer(target: Target, message: bytes) -> bytes:
    """Result, error, and the traceback of an error that cannot be raised again."""
    try:
        seconds, argument = pickle.loads(message)  # noqa: S301  (from our own service)
        del message
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 0) + _ORPHAN_SECONDS)
        return pickle.dumps((target(argument), None, ""), pickle.HIGHEST_PROTOCOL)
    except Exception as exc:  # raised again on the other side
        trace = traceback.format_exc()
        try:
            exc.add_note(trace)
            answer = pickle.dumps((None, exc, ""))
            pickle.loads(answer)  # noqa: S301  (what fails here would fail there)
        except Exception:
            return pickle.dumps((None, RuntimeError(f"{type(exc).__name__} in a worker process"), trace))
        return answer
