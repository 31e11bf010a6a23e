"""Every test runs on both databases."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.store import Store
from tests.store.entries import Time
from tests.store.postgres import Server

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.debian)]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    started = Server()
    try:
        started.start()
        yield started
    finally:
        started.remove()


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'adl.db'}"
    server: Server = request.getfixturevalue("server")
    return server.emptied()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def opened(url: str, time: Time) -> Iterator[Callable[[], Store]]:
    """``opened()``: a store of its own connections on the one database."""
    stores: list[Store] = []

    def start() -> Store:
        stores.append(Store.open(url, clock=time))
        return stores[-1]

    yield start
    for one in stores:
        one.close()


@pytest.fixture
def store(opened: Callable[[], Store]) -> Store:
    return opened()
