"""API keys, and the statements on them. What a caller sends is never kept: only a digest of its secret."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Row, insert, select, update

from app.store.tables import keys

KeyScope = Literal["solve", "read", "admin"]

SCOPES: tuple[KeyScope, ...] = get_args(KeyScope)


@dataclass(frozen=True, kw_only=True)
class Key:
    """What is known of a key.

    id          public; the caller of records, which stay when the key is revoked
    name        what the operator calls it; others may have the same
    hash        of its secret, as `hashed` makes it
    scopes      what it allows, in the order of SCOPES
    created_at  with an offset; given back in UTC, to the microsecond, as is `revoked_at`
    revoked_at  None while the key counts
    """

    id: str
    name: str
    hash: str = field(repr=False)
    scopes: tuple[KeyScope, ...]
    created_at: datetime
    revoked_at: datetime | None = None


def hashed(secret: str) -> str:
    """SHA-256 in hex. A slow hash protects what can be guessed; a secret of 256 random bits cannot."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add(connection: Connection, key: Key) -> None:
    row = {
        "id": key.id,
        "name": key.name,
        "hash": key.hash,
        "scopes": " ".join(key.scopes),
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }
    connection.execute(insert(keys).values(row))


def one(connection: Connection, id_: str) -> Key | None:
    row = connection.execute(select(keys).where(keys.c.id == id_)).one_or_none()
    return None if row is None else _key(row)


def every(connection: Connection) -> tuple[Key, ...]:
    return tuple(map(_key, connection.execute(select(keys).order_by(keys.c.created_at, keys.c.id))))


def revoke(connection: Connection, id_: str, now: datetime) -> bool:
    counting = update(keys).where(keys.c.id == id_, keys.c.revoked_at.is_(None))
    return connection.execute(counting.values(revoked_at=now)).rowcount == 1


def _key(row: Row[Any]) -> Key:
    values = row._asdict()
    written = set(values["scopes"].split())
    values["scopes"] = tuple(scope for scope in SCOPES if scope in written)
    return Key(**values)
