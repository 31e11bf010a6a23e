"""What is sent: a request as a dictionary, or as its parts, to JSON."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias, TypedDict

from app.client.frames import columns_of

Object: TypeAlias = Mapping[str, Any]
Table: TypeAlias = Sequence[Object] | Object | Any
"""Rows, columns, or a data frame of pandas or polars."""


class _Parts(TypedDict, total=False):
    as_of: datetime | str | None
    venue: str | None
    currency: str
    precision: int
    accounts: Table
    shortfall: Object
    options: Object


class AllocationParts(_Parts, total=False):
    policy: Object


class ComparisonParts(_Parts, total=False):
    policies: Sequence[Object]


class FrontierParts(_Parts, total=False):
    measures: Sequence[str]
    points: int
    allocation: Table | None


class VerificationParts(_Parts, total=False):
    allocation: Table


class _ClosingParts(_Parts, total=False):
    markets: Table
    positions: Table
    liquidations: Table


class ClosureParts(_ClosingParts, total=False):
    policy: Object


class ClosureVerificationParts(_ClosingParts, total=False):
    closures: Table
    score: str | None


_SNAPSHOT = ("as_of", "venue", "currency", "precision", "accounts", "markets", "positions")


def body_of(request: Object | None, parts: Object) -> bytes:
    """The JSON of a request: the same request has the same bytes, since the service tells requests of a key by them.

    Raises TypeError, and ValueError of data frames.
    """
    if request is not None and parts:
        raise TypeError("give the request or its parts, not both")
    if request is None:
        if not parts:
            raise TypeError("give the request or its parts; it is `disconnect` that ends a client")
        snapshot = {name: value for name, value in parts.items() if name in _SNAPSHOT}
        request = {"snapshot": snapshot, **{name: value for name, value in parts.items() if name not in _SNAPSHOT}}
    return json.dumps(request, default=_plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    """What JSON has no word for. NaN passes: the service refuses it by field and account."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if (columns := columns_of(value)) is not None:
        return columns
    if hasattr(value, "tolist"):  # arrays and scalars of numpy, columns of pandas
        return value.tolist()
    if isinstance(value, Sequence) or hasattr(value, "to_list"):  # columns of polars
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")
