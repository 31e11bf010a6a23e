"""The tables as they are now; `migrations` says how they came to be."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Moment(TypeDecorator[datetime]):
    """A moment as whole microseconds since 1970 UTC: SQLite has no type for it, and both databases order integers."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Label(TypeDecorator[str]):
    """A text of the caller's. PostgreSQL cannot keep U+0000: it is U+FFFD, when written as when looked for."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value.replace("\0", "\ufffd")


metadata = MetaData()

records = Table(
    "records",
    metadata,
    Column("caller", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("id", Label, primary_key=True),
    Column("version", String, nullable=False),
    Column("policy", Label),
    Column("status", Label),
    Column("venue", Label),
    Column("as_of", Moment),
    Column("budget", String),
    Column("received_at", Moment, nullable=False),
    Column("answered_at", Moment, nullable=False),
    Column("last_answered_at", Moment, nullable=False),
    Column("stored_bytes", BigInteger, nullable=False),
    # Last, so that SQLite need not read past them for the others.
    Column("request", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Index("records_by_answer", "caller", "kind", "answered_at", "id"),
    Index("records_by_age", "last_answered_at", "stored_bytes"),
)

claims = Table(
    "claims",
    metadata,
    Column("caller", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("state", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("lease_until", Moment, nullable=False),
    Column("kind", String),
    Column("id", String),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    ForeignKeyConstraint(
        ["caller", "kind", "id"],
        ["records.caller", "records.kind", "records.id"],
        name="claims_record",
        ondelete="CASCADE",
    ),
    CheckConstraint(
        "(state = 'pending' AND kind IS NULL AND id IS NULL)"
        " OR (state = 'done' AND kind IS NOT NULL AND id IS NOT NULL)",
        name="claims_state",
    ),
    Index("claims_by_record", "caller", "kind", "id"),
    Index("claims_by_expiry", "expires_at"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", Label, nullable=False),
    Column("hash", String, nullable=False),
    Column("scopes", String, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("revoked_at", Moment),
)
