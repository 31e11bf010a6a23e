"""Every call there is: which path, what is sent, and what comes back."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypedDict, TypeVar
from urllib.parse import quote, urlsplit

from app.client.answers import (
    AllocationAnswer,
    AllocationExplanation,
    ClosureAnswer,
    ClosureExplanation,
    ClosureVerificationAnswer,
    ComparisonAnswer,
    FrontierAnswer,
    Health,
    PoliciesAnswer,
    RecordsAnswer,
    ReplayAnswer,
    VerificationAnswer,
)
from app.client.bodies import Object, body_of

T = TypeVar("T")
A = TypeVar("A")
E = TypeVar("E")

_VISIBLE = re.compile(r"[!-~]+")
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One call, answered by a T; it can be sent again as it is.

    statuses   of which the body is a T
    patient    sent again until there is an answer
    """

    method: Literal["GET", "POST"]
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    idempotency_key: str | None = None
    statuses: tuple[int, ...] = (200,)
    patient: bool = True

    @property
    def headers(self) -> dict[str, str]:
        headers = {} if self.body is None else {"Content-Type": "application/json"}
        return headers if self.idempotency_key is None else headers | {"Idempotency-Key": self.idempotency_key}


@dataclass(frozen=True)
class Collection(Generic[A]):
    """Answers of one kind."""

    path: str


@dataclass(frozen=True)
class Explained(Collection[A], Generic[A, E]):
    """Answers that can be explained to each account."""


ALLOCATIONS: Explained[AllocationAnswer, AllocationExplanation] = Explained("/v1/allocations")
COMPARISONS: Collection[ComparisonAnswer] = Collection("/v1/comparisons")
FRONTIERS: Collection[FrontierAnswer] = Collection("/v1/frontiers")
CLOSURES: Explained[ClosureAnswer, ClosureExplanation] = Explained("/v1/closures")
VERIFICATIONS: Collection[VerificationAnswer | ClosureVerificationAnswer] = Collection("/v1/verifications")
ALLOCATION_VERIFICATIONS: Collection[VerificationAnswer] = Collection("/v1/verifications")
CLOSURE_VERIFICATIONS: Collection[ClosureVerificationAnswer] = Collection("/v1/verifications")

POLICIES: Call[PoliciesAnswer] = Call("GET", "/v1/policies")
READINESS: Call[Health] = Call("GET", "/readyz", statuses=(200, 503), patient=False)


class Filter(TypedDict, total=False):
    """Which records: of a policy, status or venue, first answered since a moment, until before another."""

    policy: str | None
    status: str | None
    venue: str | None
    since: datetime | str | None
    until: datetime | str | None


def solve(collection: Collection[A], request: Object | None, parts: Object, key: str | None) -> Call[A]:
    """Asked under `key`, or a new one. Raises TypeError and ValueError of what cannot be sent."""
    if key is None:
        key = secrets.token_hex(16)
    if not _VISIBLE.fullmatch(key) or len(key) > 255:
        raise ValueError("an idempotency key is a text of 1 to 255 visible ASCII characters")
    return Call("POST", collection.path, body=body_of(request, parts), idempotency_key=key)


def page(collection: Collection[Any], where: Filter, size: int, after: str | None) -> Call[RecordsAnswer]:
    """A page of records; `after` of the page before, None for the first."""
    wanted: dict[str, Any] = {**where, "limit": size, "after": after}
    return Call("GET", collection.path, {name: _text(value) for name, value in wanted.items() if value is not None})


def get(collection: Collection[A], id_: str) -> Call[A]:
    return Call("GET", _of(collection, id_))


def request(collection: Collection[Any], id_: str) -> Call[dict[str, Any]]:
    return Call("GET", f"{_of(collection, id_)}/request")


def replay(collection: Collection[Any], id_: str) -> Call[ReplayAnswer]:
    return Call("GET", f"{_of(collection, id_)}/replay")


def explanation(collection: Explained[Any, E], id_: str, account: str) -> Call[E]:
    told = quote(account, safe="").replace(".", "%2E")  # nobody takes an account `..` for a step up
    return Call("GET", f"{_of(collection, id_)}/explanations/{told}")


def _of(collection: Collection[Any], id_: str) -> str:
    if not _ID.fullmatch(id_):
        raise ValueError("that is not the id of an answer")
    return f"{collection.path}/{id_}"


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def address_of(url: str) -> str:
    """The address of a service. Raises ValueError."""
    try:
        parts = urlsplit(url)
        extra = parts.username or parts.query or parts.fragment
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not extra
    except ValueError:
        sound = False
    if not sound or not _VISIBLE.fullmatch(url):
        raise ValueError("the address must be like http://127.0.0.1:8000")
    return url


def headers_of(key: str | None) -> dict[str, str]:
    """What is sent with every call. Raises ValueError."""
    headers = {"Accept": "application/json"}
    if key is None:
        return headers
    if not _VISIBLE.fullmatch(key):
        raise ValueError("the key must be the text that `adl keys create` told")
    return headers | {"Authorization": f"Bearer {key}"}
