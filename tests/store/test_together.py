"""Writes committed together on SQLite: each has its own outcome, and is there exactly if that says so."""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError

from app.store import Store, StoreUnavailable
from app.store.database import engine_of, writing
from app.store.together import Together
from tests.store.entries import entry, ids, lines

Work = Callable[[Connection], Any]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = engine_of(f"sqlite:///{tmp_path / 'adl.db'}")
    with writing(made).begin() as connection:
        connection.execute(text("CREATE TABLE kept (number INTEGER)"))
    yield made
    made.dispose()


def keep(number: int) -> Work:
    def work(connection: Connection) -> int:
        connection.execute(text("INSERT INTO kept VALUES (:number)"), {"number": number})
        return number

    return work


def break_down(connection: Connection) -> None:
    """What SQLite does when the disk is full within a statement: the transaction is over, and an error is told."""
    keep(99)(connection)
    connection.exec_driver_sql("ROLLBACK")
    raise OperationalError("INSERT", {}, Exception("database or disk is full"))


def outcomes(engine: Engine, *works: Work) -> list[Any]:
    """What each gets when they are written in one batch, in this order."""
    together, begun, gate = Together(writing(engine)), Event(), Event()

    def wait(_: Connection) -> None:
        begun.set()
        assert gate.wait(10)

    with ThreadPoolExecutor(len(works) + 1) as threads:
        threads.submit(together.run, wait)
        assert begun.wait(10)
        asked = []
        for count, work in enumerate(works, 1):
            asked.append(threads.submit(together.run, work))
            while len(together._waiting) < count:
                time.sleep(0.001)
        gate.set()
        return [one.exception(10) or one.result() for one in asked]


def kept(engine: Engine) -> list[int]:
    with engine.begin() as connection:
        return list(connection.execute(text("SELECT number FROM kept ORDER BY number")).scalars())


def test_a_write_that_fails_is_undone_alone(engine: Engine) -> None:
    def refuse(connection: Connection) -> None:
        keep(99)(connection)
        raise LookupError

    first, failed, last = outcomes(engine, keep(1), refuse, keep(2))
    assert (first, type(failed), last) == (1, LookupError, 2)
    assert kept(engine) == [1, 2]


def test_a_transaction_that_the_database_gives_up_takes_nobody_else_with_it(engine: Engine) -> None:
    first, failed, last = outcomes(engine, keep(1), break_down, keep(2))
    assert (first, type(failed), last) == (1, OperationalError, 2)
    assert kept(engine) == [1, 2]


def test_a_savepoint_that_cannot_end_is_one_outcome_not_two(engine: Engine) -> None:
    def end_it(connection: Connection) -> int:
        connection.exec_driver_sql("ROLLBACK")
        return 98

    first, failed, last = outcomes(engine, keep(1), end_it, keep(2))
    assert (first, type(failed), last) == (1, OperationalError, 2)
    assert kept(engine) == [1, 2]


def test_on_a_disk_that_fills_up_exactly_what_was_said_to_be_kept_is_there(
    small: tuple[Path, Callable[[], object]],
) -> None:
    folder, _ = small

    def write_early(connection: Any, *_: object) -> None:
        """Within statements, as batches do that are larger than SQLite's cache."""
        connection.execute("PRAGMA cache_size = 10")

    event.listen(Engine, "checkout", write_early)
    try:
        fill_up(folder)
    finally:
        event.remove(Engine, "checkout", write_early)


def fill_up(folder: Path) -> None:
    store = Store.open(f"sqlite:///{folder / 'adl.db'}")
    made = random.Random(1)
    told: dict[int, bool] = {}

    def record(number: int) -> None:
        try:
            store.record(entry(number, answer=made.randbytes(made.choice([2_000, 2_000, 40_000, 300_000]))))
        except StoreUnavailable:
            told[number] = False
        else:
            told[number] = True

    with ThreadPoolExecutor(14) as threads:
        list(threads.map(record, range(140)))
    assert set(told.values()) == {True, False}
    assert sorted(ids(lines(store))) == sorted(number for number, there in told.items() if there)
    store.close()
