"""One transaction for all threads that wait to write, where the database lets one write at a time and syncs each."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

Result = TypeVar("Result")
_Write = tuple[Callable[[Connection], Any], "Future[Any]"]


class Together:
    """Whoever comes while others are written is written next, with all that came meanwhile: one sync for many."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: list[_Write] = []
        self._guard = threading.Lock()
        self._turn = threading.Lock()

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """What `work` returns, committed; what it raises, and then nothing of it is written."""
        mine: Future[Result] = Future()
        with self._guard:
            self._waiting.append((work, mine))
        with self._turn:
            if not mine.done():
                with self._guard:
                    batch, self._waiting = self._waiting, []
                self._commit(batch)
        return mine.result()

    def _commit(self, batch: Sequence[_Write]) -> None:
        outcomes: list[Any] = []
        try:
            with self._engine.begin() as connection:
                for work, _ in batch:
                    try:
                        with connection.begin_nested():
                            outcomes.append(work(connection))
                    except Exception as exc:
                        outcomes.append(exc)
        except BaseException as exc:
            for _, one in batch:  # nothing is written, of nobody
                one.set_exception(exc)
            if not isinstance(exc, Exception):
                raise
            return
        for (_, one), outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Exception):
                one.set_exception(outcome)
            else:
                one.set_result(outcome)
