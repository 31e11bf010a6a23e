"""Every test runs on both databases."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

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


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], object]]]:
    """A folder with room for a megabyte, and what makes room in it."""
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", f"{tmp_path}"], capture_output=True, check=False
    )
    if mount.returncode == 0:
        grow = ["mount", "-o", "remount,size=16m", f"{tmp_path}"]
        try:
            yield tmp_path, lambda: subprocess.run(grow, check=True)
        finally:
            subprocess.run(["umount", tmp_path], check=True)
        return
    pages = [200]

    def limit(connection: object, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages[0]}")  # type: ignore[attr-defined]

    event.listen(Engine, "checkout", limit)
    try:
        yield tmp_path, lambda: pages.__setitem__(0, 4000)
    finally:
        event.remove(Engine, "checkout", limit)
