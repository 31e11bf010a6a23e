"""Records of the store to answers."""

import json
from datetime import datetime
from typing import Any

from app import __version__
from app.problems import RequestProblem, pointer
from app.store import Entry, Line, Page

SHOWN_DIFFERENCES = 20


def records_answer(page: Page) -> dict[str, Any]:
    return {"records": [_line(line) for line in page.lines], "after": page.after}


def _line(line: Line) -> dict[str, Any]:
    return {
        "id": line.id,
        "policy": line.policy,
        "status": line.status,
        "venue": line.venue,
        "as_of": line.as_of and moment(line.as_of),
        "budget": line.budget,
        "version": line.version,
        "received_at": moment(line.received_at),
        "answered_at": moment(line.answered_at),
        "last_answered_at": moment(line.last_answered_at),
        "stored_bytes": line.stored_bytes,
    }


def moment(value: datetime) -> str:
    """RFC 3339 in UTC, with as many decimals of a second as it has."""
    return value.isoformat().replace("+00:00", "Z")


def replay_answer(entry: Entry, again: bytes | RequestProblem) -> dict[str, Any]:
    """What came of the record's request now, held against what came of it then."""
    stored = json.loads(entry.answer)
    found: list[str] = []
    problem = None
    if isinstance(again, RequestProblem):
        problem, found = again.document(), [""]
    elif again != entry.answer:
        found = differences(stored, json.loads(again)) or [""]
    results = stored.get("results", [stored])
    return {
        "id": entry.id,
        "equal": not found,
        "reproducible": all(result.get("reproducible", True) for result in results),
        "recorded_version": entry.version,
        "version": __version__,
        "differences": found[:SHOWN_DIFFERENCES],
        "differences_total": len(found),
        "problem": problem,
    }


def differences(one: Any, other: Any) -> list[str]:
    """JSON pointers to what is not the same in two documents, in order: the places furthest in."""
    found: list[str] = []
    pending: list[tuple[tuple[str | int, ...], Any, Any]] = [((), one, other)]
    while pending:
        at, a, b = pending.pop()
        if isinstance(a, dict) and isinstance(b, dict) and list(a) == list(b):
            pending.extend(((*at, name), a[name], b[name]) for name in reversed(a))
        elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
            pending.extend(((*at, i), a[i], b[i]) for i in reversed(range(len(a))))
        elif type(a) is not type(b) or a != b:
            found.append(pointer(at))
    return found
