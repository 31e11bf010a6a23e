"""An answer: its JSON, and how it came."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from app.client.answers import AllocatedRow, ClosedAccountRow, ClosedMarket, ClosureRow
from app.client.frames import Library, frame

T = TypeVar("T")

TABLES = {
    "allocations": AllocatedRow,
    "accounts": ClosedAccountRow,
    "closures": ClosureRow,
    "markets": ClosedMarket,
}
"""The parts of answers that can be a data frame."""


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What the service answered.

    data              the JSON as it came, a dictionary; amounts are decimal texts
    request_id        what the service calls this request in its log
    idempotency_key   with which it was asked; None of what was read
    attempts          how often it was sent, 1 where nothing was in the way
    replayed          it was answered before, under the same key
    """

    data: T
    request_id: str | None
    idempotency_key: str | None
    attempts: int
    replayed: bool

    @property
    def recorded(self) -> bool:
        """False where the service answered although its store could not be used."""
        return cast("dict[str, Any]", self.data).get("recorded") is not False

    def frame(self, part: str | None = None, library: Library | None = None) -> Any:
        """A data frame of what happens to each account, or of another `part`: closures, markets.

        Amounts are Decimals. Raises ValueError where the answer has no such part: one of `detail` `summary`, or a
        comparison, whose results `app.client.frame` takes one by one. ImportError where neither pandas nor polars is.
        """
        data = cast("dict[str, Any]", self.data)
        name = part or next((name for name in ("allocations", "accounts") if name in data), "allocations")
        found = data.get(name)
        if name not in TABLES or found is None:
            raise ValueError(f"this answer has no {name} to show")
        return frame(found or {field: [] for field in TABLES[name].__annotations__}, library)
