"""Claims of idempotency keys: whoever has one answers the request, and everybody else gets that answer.

A claim is pending until its answer is recorded, and belongs to whom its `owner` names, a random text that no two claims
share. It can be taken over when its lease has run out: its owner was killed, or is too slow and will be told so.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, update

from app.store.entries import Entry, unpacked
from app.store.errors import ClaimLost
from app.store.records import insert_into, one
from app.store.tables import claims


@dataclass(frozen=True)
class Claimed:
    """The key is ours: answer the request, then `finish`, or `release` if there is no answer to keep."""

    caller: str
    key: str
    owner: str
    lease_seconds: float


@dataclass(frozen=True)
class Replayed:
    """The request was answered before, with this."""

    entry: Entry


@dataclass(frozen=True)
class Conflict:
    """The key was used for another request."""


@dataclass(frozen=True)
class InFlight:
    """The request is being answered by somebody else."""


Outcome = Claimed | Replayed | Conflict | InFlight


@dataclass(frozen=True)
class Times:
    """When a claim is made, how long it is kept from others, and how long it counts."""

    now: datetime
    lease_until: datetime
    expires_at: datetime


def take(
    connection: Connection, caller: str, key: str, digest: str, times: Times
) -> str | Replayed | Conflict | InFlight:
    """The new owner's name if the key is free or may be taken over; otherwise how things stand.

    One statement decides, and the row's lock makes it one taker's, whatever number of processes try.
    """
    owner = secrets.token_hex(16)
    fresh = {
        "caller": caller,
        "key": key,
        "digest": digest,
        "state": "pending",
        "owner": owner,
        "lease_until": times.lease_until,
        "kind": None,
        "id": None,
        "created_at": times.now,
        "expires_at": times.expires_at,
    }
    taken = connection.execute(_taking(connection.dialect.name), fresh).one_or_none()
    if taken is not None:
        return owner
    found = connection.execute(select(claims).where(claims.c.caller == caller, claims.c.key == key)).one_or_none()
    if found is None:
        return InFlight()  # it was, a moment ago: its owner has just released it
    if found.digest != digest:
        return Conflict()
    if found.state == "pending":
        return InFlight()
    kept = connection.execute(one(caller, found.kind, found.id)).one_or_none()
    return InFlight() if kept is None else Replayed(unpacked(kept))


@cache
def _taking(dialect: str) -> Any:
    """Made once: that takes longer than to run it."""
    insert = insert_into(dialect, claims)
    new = insert.excluded
    abandoned = and_(claims.c.state == "pending", claims.c.lease_until <= new.created_at, claims.c.digest == new.digest)
    return insert.on_conflict_do_update(
        index_elements=(claims.c.caller, claims.c.key),
        set_={column.name: new[column.name] for column in claims.c if column.name not in ("caller", "key")},
        where=or_(claims.c.expires_at <= new.created_at, abandoned),
    ).returning(claims.c.owner)


def renew(connection: Connection, claim: Claimed, lease_until: datetime) -> None:
    _change(connection, claim, lease_until=lease_until)


def finish(connection: Connection, claim: Claimed, entry: Entry) -> None:
    """The record must be there already: the claim refers to it."""
    _change(connection, claim, state="done", kind=entry.kind, id=entry.id)


def release(connection: Connection, claim: Claimed) -> None:
    connection.execute(delete(claims).where(_ours(claim)))


def _change(connection: Connection, claim: Claimed, **values: object) -> None:
    if connection.execute(update(claims).where(_ours(claim)).values(**values)).rowcount == 0:
        raise ClaimLost("the claim is done, or no longer ours; nothing was recorded")


def _ours(claim: Claimed) -> ColumnElement[bool]:
    return and_(
        claims.c.caller == claim.caller,
        claims.c.key == claim.key,
        claims.c.owner == claim.owner,
        claims.c.state == "pending",
    )
