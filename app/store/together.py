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
                    outcomes.append(_attempted(connection, work))
        except _Undone as undone:
            if len(batch) > 1:  # one by one, so that only who cannot be written fails
                for one in batch:
                    self._commit([one])
            else:
                batch[0][1].set_exception(undone.cause)
        except BaseException as exc:
            for _, future in batch:  # nothing is written, of nobody
                future.set_exception(exc)
            if not isinstance(exc, Exception):
                raise
        else:
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, Exception):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)


class _Undone(Exception):
    """The database gave up the whole transaction, and with it what others had written in it."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


def _attempted(connection: Connection, work: Callable[[Connection], Any]) -> Any:
    """What `work` returns, or raises, then undone alone. Raises _Undone."""
    try:
        with connection.begin_nested():
            result = work(connection)
    except Exception as exc:
        # SQLite ends a transaction by itself when the disk is full or fails. What follows would be written without
        # one, and a commit of nothing succeeds.
        if not connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
            raise _Undone(exc) from exc
        return exc
    return result
