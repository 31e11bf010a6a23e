"""The statements on records: write, read, page, prune. Each runs in the transaction of the connection it is given."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, literal, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from app.store.entries import ENTRY, LINE, Kind, Line, in_utc
from app.store.errors import BadCursor
from app.store.tables import claims, records

BATCH = 100
"""Rows removed in one transaction, which others wait for."""

_KEY = (records.c.caller, records.c.kind, records.c.id)


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Only records that are equal to what is given, and were first answered from `since` on and before `until`."""

    policy: str | None = None
    status: str | None = None
    venue: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = [
            records.c[name] == wanted
            for name in ("policy", "status", "venue")
            if (wanted := getattr(self, name)) is not None
        ]
        if self.since is not None:
            found.append(records.c.answered_at >= in_utc(self.since))
        if self.until is not None:
            found.append(records.c.answered_at < in_utc(self.until))
        return found


EVERYTHING = Filter()


@dataclass(frozen=True)
class Page:
    """Lines, newest first. `after` is the cursor of the next page; None on the last one."""

    lines: tuple[Line, ...]
    after: str | None


def insert_into(dialect: str, table: Any) -> Any:
    """An insert that can say what to do on a conflict, in the database's own dialect."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


def write(connection: Connection, row: Mapping[str, Any]) -> None:
    """The first answer stays; a later one leaves its time."""
    connection.execute(_upsert(connection.dialect.name), row)


@cache
def _upsert(dialect: str) -> Any:
    """Made once: that takes longer than to run it."""
    insert = insert_into(dialect, records)
    new = insert.excluded.last_answered_at
    return insert.on_conflict_do_update(
        index_elements=_KEY, set_={"last_answered_at": new}, where=records.c.last_answered_at < new
    )


def one(caller: str, kind: str, id_: str) -> Select[Any]:
    return select(*ENTRY).where(and_(records.c.caller == caller, records.c.kind == kind, records.c.id == id_))


def page(connection: Connection, caller: str, kind: Kind, where: Filter, limit: int, after: str | None) -> Page:
    wanted = select(*LINE).where(records.c.caller == caller, records.c.kind == kind, *where.conditions())
    if after is not None:
        moment, id_ = _place(after)
        last = tuple_(literal(moment, records.c.answered_at.type), literal(id_, records.c.id.type))
        wanted = wanted.where(tuple_(records.c.answered_at, records.c.id) < last)
    wanted = wanted.order_by(records.c.answered_at.desc(), records.c.id.desc()).limit(limit + 1)
    lines = tuple(Line(**row._asdict()) for row in connection.execute(wanted))
    if len(lines) <= limit:
        return Page(lines, None)
    return Page(lines[:limit], _cursor(lines[limit - 1]))


def prune(connection: Connection, before: datetime | None, max_bytes: int | None) -> int:
    """Remove the oldest of the next BATCH records that are too old or too many; fewer than BATCH: there are no more."""
    oldest = select(*_KEY, records.c.last_answered_at, records.c.stored_bytes)
    # Locked before the sum is taken, so that of two that prune the second sees what the first has left.
    rows = connection.execute(oldest.order_by(records.c.last_answered_at).limit(BATCH).with_for_update()).all()
    excess = 0
    if max_bytes is not None:
        excess = connection.execute(select(func.coalesce(func.sum(records.c.stored_bytes), 0))).scalar_one() - max_bytes
    doomed: list[Sequence[str]] = []
    for *key, last, size in rows:
        if excess <= 0 and (before is None or last >= before):
            break
        doomed.append(key)
        excess -= size
    if doomed:
        connection.execute(delete(records).where(tuple_(*_KEY).in_(doomed)))
    return len(doomed)


def prune_claims(connection: Connection, now: datetime) -> int:
    """Remove BATCH claims that have expired; fewer than BATCH: there are no more."""
    key = (claims.c.caller, claims.c.key)
    expired = select(*key).where(claims.c.expires_at <= now).limit(BATCH).with_for_update()
    return connection.execute(delete(claims).where(tuple_(*key).in_(expired))).rowcount


def _cursor(line: Line) -> str:
    return urlsafe_b64encode(json.dumps([line.answered_at.isoformat(), line.id]).encode()).decode()


def _place(cursor: str) -> tuple[datetime, str]:
    try:
        moment, id_ = json.loads(urlsafe_b64decode(cursor))
        place = in_utc(datetime.fromisoformat(moment)), str(id_)
    except (ValueError, TypeError, RecursionError) as exc:
        raise BadCursor("this is not a cursor of a page; start from the first page") from exc
    return place
