"""Entries to keep, a clock that stands still, and programs that use a store in a process of their own."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from app.store import Entry, Filter, Kind, Line, Store
from tests.processes import ROOT

NOON = datetime(2025, 10, 10, 12, 0, 0, 123456, tzinfo=UTC)


class Time:
    """A clock that tests move on."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def entry(number: int = 0, **other: Any) -> Entry:
    """Answered so many seconds after noon."""
    given: dict[str, Any] = {
        "caller": "",
        "kind": "allocation",
        "id": f"{number:032x}",
        "version": "0.1.0",
        "policy": "queue",
        "status": "optimal",
        "venue": "bitmex",
        "as_of": NOON - timedelta(days=1),
        "budget": "7.500000",
        "received_at": NOON + timedelta(seconds=number) - timedelta(milliseconds=250),
        "answered_at": NOON + timedelta(seconds=number),
        "request": b'{"number":%d}' % number,
        "answer": b'{"answer":%d}' % number,
    }
    return Entry(**given | other)


def lines(
    store: Store, caller: str = "", kind: Kind = "allocation", limit: int = 1000, **where: Any
) -> tuple[Line, ...]:
    """All of them, page by page."""
    found: list[Line] = []
    after = None
    while True:
        page = store.page(caller, kind, where=Filter(**where), limit=limit, after=after)
        assert len(page.lines) <= limit
        found += page.lines
        after = page.after
        if after is None:
            return tuple(found)


def ids(found: tuple[Line, ...]) -> list[int]:
    return [int(line.id, 16) for line in found]


def program(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Python code in a process of its own, where `sys.argv[1:]` are the arguments."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
