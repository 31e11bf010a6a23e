"""Connections: SQLite by file, PostgreSQL through psycopg."""

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from app.store.schema import migrate

CONNECTIONS = 15
"""At once, of each process."""

WAIT_SECONDS = 5
"""The longest wait for a connection, or for another's lock."""

_WRITES = "adl_writes"


def engine_of(url: str) -> Engine:
    """Connects to nothing yet. Raises ValueError, without the address, which may hold a password."""
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            parsed,
            hide_parameters=True,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=WAIT_SECONDS,
            connect_args={"timeout": WAIT_SECONDS},
        )
        file = Path(str(parsed.database))
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "connect", lambda _, record: record.info.update(file=_identity(file)))
        event.listen(engine, "checkout", lambda _, record, __: _require_same(record, file))
        event.listen(engine, "begin", _begin)
        return engine
    limits = {
        "connect_timeout": f"{WAIT_SECONDS}",
        # A server that is gone without a word is noticed, and not waited for as long as TCP would.
        "tcp_user_timeout": f"{WAIT_SECONDS * 1000}",
        "options": f"-c lock_timeout={WAIT_SECONDS}s -c statement_timeout=30s",
    }
    missing = {name: value for name, value in limits.items() if name not in parsed.query}
    return create_engine(
        parsed.update_query_dict(missing),
        hide_parameters=True,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS,
        pool_pre_ping=True,
    )


def alone(engine: Engine) -> bool:
    """Whether only one connection can write at a time."""
    return engine.dialect.name == "sqlite"


def writing(engine: Engine) -> Engine:
    """The same connections for transactions that write."""
    return engine.execution_options(**{_WRITES: True})


def prepare(engine: Engine) -> None:
    """Bring the database up to date; safe in several processes at once. Raises NewerDatabase, SQLAlchemy's errors."""
    with writing(engine).begin() as connection:
        migrate(connection)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    match parsed.drivername if parsed else None:
        case "sqlite" if parsed and parsed.database and parsed.database != ":memory:" and not parsed.query:
            return parsed
        case "postgresql" | "postgresql+psycopg" if parsed:
            return parsed.set(drivername="postgresql+psycopg")
    raise ValueError("the store is sqlite:///PATH, sqlite:////ABSOLUTE/PATH or postgresql://USER@HOST/DATABASE")


def _prepare(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, and not where sqlite3 guesses
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _require_same(record: ConnectionPoolEntry, file: Path) -> None:
    """A file that was removed or replaced takes writes, and nobody finds them again: it is opened anew."""
    if record.info["file"] != _identity(file):
        raise DisconnectionError("the database's file is another one")


def _begin(connection: Connection) -> None:
    # A transaction that reads first and then writes cannot wait for another's lock: it takes the lock at once.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """The mode stays with the file. SQLite does not wait here for others that are opening a new file, so we do."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        else:
            if mode != "wal":
                raise sqlite3.OperationalError("the file's place cannot have a write-ahead log")
            return
        time.sleep(0.02)
