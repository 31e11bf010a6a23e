"""Work in a process that can be killed: the terminal stays free to show that it goes on, and Ctrl-C ends it at once."""

import asyncio
import logging
import os
import sys
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import typer

from app.cli.failures import CLOSED_PIPE, FAILED, UNANSWERED, Failure
from app.processes import ProcessDied, Processes, ProcessTimeout

Result = TypeVar("Result")
Step = tuple[dict[str, str], str, tuple[Any, ...]]

STEPS = "app.cli.steps"
"""Imported by the worker process only: numpy and all that would delay the spinner, and Ctrl-C."""

NO_LIMIT = 24 * 3600.0
"""Seconds for what only the user ends."""

_QUIET_SECONDS = 0.5
_CLOSING_SECONDS = 5.0
_PREFIX = "ADL_"


class Work:
    """Runs steps one after another in a worker process, and says on a terminal which one for how long."""

    def __init__(self) -> None:
        self._processes = Processes(1, run_step, (STEPS,))
        self._stage = ""
        self._warm = False

    async def do(self, stage: str, step: str, *arguments: Any, seconds: float = NO_LIMIT) -> Any:
        """What the function of that name in `app.cli.steps` returns; raises Failure."""
        self._stage = stage
        environment = {name: value for name, value in os.environ.items() if name.startswith(_PREFIX)}
        try:
            return await self._processes.run((environment, step, arguments), seconds)
        except ProcessTimeout as exc:
            raise Failure(UNANSWERED, f"{exc}; allow more time with ADL_TIME_LIMIT, or ask for less") from exc
        except ProcessDied as exc:
            raise Failure(FAILED, "the process at work died, perhaps out of memory; nothing was written") from exc
        finally:
            task = asyncio.current_task()
            self._warm = self._warm or task is None or not task.cancelling()

    async def until(self, end: Callable[["Work"], Coroutine[Any, Any, Result]]) -> Result:
        shown = asyncio.create_task(self._show())
        try:
            return await end(self)
        finally:
            shown.cancel()
            with suppress(asyncio.CancelledError):
                await shown
            self._close()

    def _close(self) -> None:
        """End the worker, and wait until it has gone: one that begins, to replace it, would complain when we are gone.

        One that was interrupted at its imports is not waited for: it ends by itself when it looks up.
        """
        self._processes.close(_CLOSING_SECONDS if self._warm else 0.0)

    async def _show(self) -> None:
        """A spinner on stderr, gone again with the task; nothing where nobody looks, or when it is over soon."""
        if not sys.stderr.isatty():
            return
        await asyncio.sleep(_QUIET_SECONDS)
        from rich.console import Console  # noqa: PLC0415 - only for who waits
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(self._stage)
            while True:
                progress.update(task, description=self._stage)
                await asyncio.sleep(0.1)


def run_step(step: Step) -> Any:
    """For the worker process: one function, with the settings of whoever called."""
    environment, name, arguments = step
    for variable in [variable for variable in os.environ if variable.startswith(_PREFIX)]:
        del os.environ[variable]
    os.environ.update(environment)
    try:
        return getattr(import_module(STEPS), name)(*arguments)
    except Failure:
        raise
    except Exception as exc:
        last = traceback.extract_tb(exc.__traceback__)[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}"
        raise Failure(FAILED, f"failed with {type(exc).__name__} in {where}; nothing was written") from exc


def work(end: Callable[[Work], Coroutine[Any, Any, Result]]) -> Result:
    """The result of some steps; the worker is gone by then. Raises Failure, and KeyboardInterrupt on Ctrl-C."""
    logging.getLogger("adl").addHandler(logging.NullHandler())  # what is to be said is in the failures
    return asyncio.run(Work().until(end))


@contextmanager
def ending() -> Iterator[None]:
    """Failures, and a reader that went away, as exit codes."""
    try:
        yield
    except Failure as exc:
        typer.echo("\n".join(exc.lines()), err=True)
        raise typer.Exit(exc.exit_code) from exc
    except BrokenPipeError as exc:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python fails again on its way out
        raise typer.Exit(CLOSED_PIPE) from exc
