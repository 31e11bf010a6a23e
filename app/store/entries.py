"""What the store keeps of an answered request, and rows to and from it."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

import zstandard
from sqlalchemy import Row

from app.store.tables import records

Kind = Literal["allocation", "comparison", "frontier", "closure", "verification"]

_LEVEL = 1
"""The higher ones save little of such digits and take longer, while somebody waits for the answer."""
_MOMENTS = ("as_of", "received_at", "answered_at")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of an answer without reading it.

    caller   who asked; "" where there are no keys
    id       the digest in the answer: same request, same id
    version  of the service
    policy   its name; None where there is no single one, as with status
    budget   a decimal string, in the snapshot's currency
    as_of    of the snapshot; as all moments with an offset, given back in UTC, to the microsecond

    Raises ValueError for a moment without an offset, or one that is not between the years 1 and 9999 in UTC.
    """

    caller: str
    kind: Kind
    id: str
    version: str
    policy: str | None = None
    status: str | None = None
    venue: str | None = None
    as_of: datetime | None = None
    budget: str | None = None
    received_at: datetime
    answered_at: datetime

    def __post_init__(self) -> None:
        for name in _MOMENTS:
            moment = getattr(self, name)
            if moment is not None:
                object.__setattr__(self, name, in_utc(moment))


@dataclass(frozen=True, kw_only=True)
class Entry(Facts):
    """An answered request: `request` as canonical JSON, `answer` as the exact bytes that were sent."""

    request: bytes
    answer: bytes


@dataclass(frozen=True, kw_only=True)
class Line(Facts):
    """A line of a page. `stored_bytes` is the size of request and answer as they are kept, compressed."""

    last_answered_at: datetime
    stored_bytes: int


_FACTS = [records.c[field.name] for field in fields(Facts)]
ENTRY = [*_FACTS, records.c.request, records.c.answer]
LINE = [*_FACTS, records.c.last_answered_at, records.c.stored_bytes]


def in_utc(moment: datetime) -> datetime:
    """Raises ValueError for a moment without an offset, and for one that UTC has no year for."""
    if moment.utcoffset() is None:
        raise ValueError("a moment needs an offset from UTC")
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("a moment must be between the years 1 and 9999 in UTC") from exc


def packed(entry: Entry) -> dict[str, Any]:
    """The row of an entry. Takes milliseconds for each megabyte: do it before the transaction."""
    row = {field.name: getattr(entry, field.name) for field in fields(Facts)}
    pack = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    row["request"], row["answer"] = pack.compress(entry.request), pack.compress(entry.answer)
    row["last_answered_at"] = entry.answered_at
    row["stored_bytes"] = len(row["request"]) + len(row["answer"])
    return row


def unpacked(row: Row[Any]) -> Entry:
    """The entry of a row of ENTRY."""
    values = row._asdict()
    unpack = zstandard.ZstdDecompressor()
    values["request"], values["answer"] = unpack.decompress(values["request"]), unpack.decompress(values["answer"])
    return Entry(**values)
