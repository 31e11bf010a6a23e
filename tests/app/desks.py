"""A store with keys in it, who asks there, and the clock they are asked by."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from starlette.types import Scope

from app.access import Access, issue
from app.problems import RequestProblem
from app.store import SCOPES, Key, KeyScope, Store
from app.store.database import engine_of, writing

NOW = datetime(2025, 10, 10, 12, tzinfo=UTC)
ELSEWHERE = ("10.1.2.3", 8000)
HERE = ("127.0.0.1", 8000)
UNKNOWN = f"adl_{'0' * 12}_{'1' * 64}"


class Seconds:
    """A clock that tests move on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """A database of keys, an Access that asks it, and what it was asked."""

    def __init__(self, url: str) -> None:
        self.store = Store.open(url)
        self.time = Seconds()
        self.asked: list[str] = []
        self.access = self.open(True)
        self._url = url

    def open(self, require: bool | None) -> Access:
        return Access(self._key, require, self.time)

    def _key(self, id_: str) -> Key | None:
        self.asked.append(id_)
        return self.store.key(id_)

    def issue(self, *scopes: KeyScope) -> tuple[Key, str]:
        key, token = issue("risk engine", scopes or SCOPES, NOW)
        self.store.add_key(key)
        return key, token

    @contextmanager
    def without_database(self) -> Iterator[None]:
        self._statement("ALTER TABLE keys RENAME TO elsewhere")
        yield
        self._statement("ALTER TABLE elsewhere RENAME TO keys")

    def _statement(self, statement: str) -> None:
        engine = engine_of(self._url)
        with writing(engine).begin() as connection:
            connection.execute(text(statement))
        engine.dispose()


def request(
    *headers: tuple[bytes, bytes],
    server: tuple[str, int | None] | None = ELSEWHERE,
    client: tuple[str, int] | None = None,
) -> Scope:
    return {"type": "http", "headers": list(headers), "server": server, "client": client}


def bearing(token: str) -> Scope:
    return request((b"host", b"adl.internal"), (b"authorization", f"Bearer {token}".encode()))


def refusal(access: Access, scope: Scope, needed: KeyScope = "solve") -> RequestProblem:
    with pytest.raises(RequestProblem) as caught:
        access.caller(scope, needed)
    return caught.value
