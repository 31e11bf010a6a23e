"""The snapshot: accounts as rows, or as one object of columns."""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias, get_type_hints

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, SkipValidation, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError

from app.schemas.wire import NUMBER_SCHEMA, Number, Wire

MAX_ID = 128
AccountId = Annotated[str, Field(min_length=1, max_length=MAX_ID)]
Exposure = Annotated[
    Any, WithJsonSchema({"anyOf": [*NUMBER_SCHEMA["anyOf"], {"type": "array", "items": NUMBER_SCHEMA, "minItems": 1}]})
]


class AccountRow(Wire):
    """One account."""

    id: AccountId = Field(description="Unique in the snapshot; decides ties.")
    cash: Number = Field(description="Protected cash: the account's money without unrealised profit and loss.")
    pnl: Number = Field(description="Unrealised profit and loss at mark prices.")
    notional: Number = Field(0, description="Gross notional of all positions at mark prices, not negative.")
    contracts: Number = Field(0, description="Contracts held, not negative.")
    max_haircut: Number = Field(1, description="Largest fraction of its endowment the account may lose, 0 to 1.")
    min_equity: Number = Field(0, description="Equity that must be left to the account, not negative.")
    fees: Number = Field(0, description="Expected future fees from this account.")
    group: str | None = Field(None, description="A label for limits on groups.")
    maintenance_margin: Number | None = Field(None, description="For the queue scores binance and aevo.")
    entry_notional: Number | None = Field(
        None, description="Notional at entry prices: bitmex, hyperliquid-observed, pnl-leverage."
    )
    bankruptcy_notional: Number | None = Field(None, description="Notional at bankruptcy prices: bitmex.")
    price_ratio: Number | None = Field(None, description="Mark price over entry price: hyperliquid-published.")
    score: Number | None = Field(None, description="The caller's own score: custom. Higher is closed first.")
    exposure: Exposure | None = Field(None, description="Signed dollars for each factor of a shock; long is positive.")


REQUIRED = ("id", "cash", "pnl")
DEFAULTS: dict[str, int] = {"notional": 0, "contracts": 0, "max_haircut": 1, "min_equity": 0, "fees": 0}
OPTIONAL_NUMBERS = ("maintenance_margin", "entry_notional", "bankruptcy_notional", "price_ratio", "score")
FIELDS = tuple(AccountRow.model_fields)


def columns_of(row: type[Wire], required: Collection[str], name: str, text: str) -> Any:
    """The model of columns of these rows: one array a field, of those that rows may leave out optional."""
    fields: dict[str, Any] = {}
    for field, kind in get_type_hints(row, include_extras=True).items():
        if field in row.model_fields:
            column = Field(... if field in required else None, description=row.model_fields[field].description)
            values = Annotated[list[kind], Field(min_length=1)]  # type: ignore[valid-type]
            fields[field] = (values if field in required else values | None, column)
    return create_model(name, __base__=Wire, __doc__=text, **fields)


AccountColumns: TypeAlias = columns_of(  # type: ignore[valid-type]
    AccountRow, REQUIRED, "AccountColumns", "All accounts: one array a field."
)


def _must_be_rfc3339(value: Any) -> Any:
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise PydanticCustomError("moment", "must be a date and time with offset, as 2025-10-10T21:15:00Z")
    return value


_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as exc:
        raise PydanticCustomError("beyond", "must lie in the years 1 to 9999 in UTC") from exc


When = Annotated[AwareDatetime, BeforeValidator(_must_be_rfc3339), AfterValidator(_in_utc), Field(strict=False)]


class Moment(Wire):
    """What every snapshot says of itself."""

    as_of: When | None = Field(None, description="RFC 3339 with offset.")
    venue: Annotated[str, Field(max_length=128)] | None = Field(None, description="A name, for you.")
    currency: Annotated[str, Field(min_length=1, max_length=16)] = Field("USD", description="Of all amounts.")
    precision: Annotated[int, Field(ge=0, le=18)] = Field(
        6,
        description="Decimals of the settlement currency; amounts become whole units of this size, below 2^63 of them.",
    )


class Snapshot(Moment):
    """The venue's accounts at one moment."""

    accounts: SkipValidation[Annotated[list[AccountRow], Field(min_length=1)] | AccountColumns] = Field(
        description="All accounts: a list of rows, or one object of columns, which is faster for large books."
    )
