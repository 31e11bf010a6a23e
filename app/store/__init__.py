"""The durable record of the service: every answer, the idempotency keys of those that asked, and who may ask."""

from app.store.claims import Claimed, Conflict, InFlight, Outcome, Replayed
from app.store.entries import Entry, Facts, Kind, Line
from app.store.errors import BadCursor, ClaimLost, NewerDatabase, StoreError, StoreFailed, StoreUnavailable
from app.store.keys import SCOPES, Key, KeyScope
from app.store.records import Filter, Page
from app.store.store import Store

__all__ = [
    "SCOPES",
    "BadCursor",
    "ClaimLost",
    "Claimed",
    "Conflict",
    "Entry",
    "Facts",
    "Filter",
    "InFlight",
    "Key",
    "KeyScope",
    "Kind",
    "Line",
    "NewerDatabase",
    "Outcome",
    "Page",
    "Replayed",
    "Store",
    "StoreError",
    "StoreFailed",
    "StoreUnavailable",
]
