"""A good request with every field in it, changes to it, and what a bad one has to be answered."""

import copy
import json
from dataclasses import dataclass
from typing import Any

from tests.app.requests import ALLOCATIONS, VERIFICATIONS, Body

MARK = "marker7f3a"
HUGE = 10**400
ROWS: list[Body] = [
    {
        "id": name,
        "cash": cash,
        "pnl": pnl,
        "notional": 40,
        "contracts": 10,
        "max_haircut": 1,
        "min_equity": 0,
        "fees": 0.5,
        "group": "mm",
        "maintenance_margin": 1.5,
        "entry_notional": 48,
        "bankruptcy_notional": 50,
        "price_ratio": 0.8,
        "score": 1,
        "exposure": [40, -2.5],
    }
    for name, cash, pnl in (("ann", 2, 8), ("bob", "1", 4), ("dee", 0, -6))
]
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}
NUMBERS = tuple(name for name in ROWS[0] if name not in ("id", "group", "exposure"))


def body(accounts: Any = ROWS, **parts: Any) -> Body:
    return copy.deepcopy({"snapshot": {"accounts": accounts}, "policy": {"name": "capped-pro-rata"}} | parts)


def comparison(**parts: Any) -> Body:
    made = body(policies=[{"name": "queue"}], **parts)
    del made["policy"]
    return made


def verification(allocation: Any) -> Body:
    made = body(allocation=allocation)
    del made["policy"]
    return made


def text(value: Any) -> bytes:
    """As JSON, with Python's NaN and Infinity tokens where the value has them."""
    return json.dumps(value).encode()


def changed(request: Body, pointer: str, value: Any) -> Body:
    """A copy with the value at a JSON pointer replaced or added."""
    made = copy.deepcopy(request)
    *path, last = pointer.split("/")[1:]
    here: Any = made
    for part in path:
        here = here[int(part)] if isinstance(here, list) else here.setdefault(part, {})
    if isinstance(here, list):
        here[int(last)] = value
    else:
        here[last] = value
    return made


def without(request: Body, pointer: str) -> Body:
    made = copy.deepcopy(request)
    *path, last = pointer.split("/")[1:]
    here: Any = made
    for part in path:
        here = here[int(part)] if isinstance(here, list) else here[part]
    del here[last]
    return made


@dataclass(frozen=True)
class Bad:
    """One bad request; `pointer` and `account` are those of one of the errors in the answer."""

    what: str
    raw: bytes
    pointer: str
    account: str | None = None
    path: str = ALLOCATIONS
    status: int = 422
    code: str = "invalid-request"


def at(pointer: str, value: Any, account: str | None = None, *, what: str = "", base: Body | None = None) -> Bad:
    """A good request with this value at this place, which is the place the answer has to name."""
    named = f"{what or repr(value)[:24]} at {pointer}"
    return Bad(named, text(changed(base or body(), pointer, value)), pointer, account)


def in_verification(pointer: str, value: Any, account: str | None = None, *, what: str = "") -> Bad:
    base = verification([{"id": "ann", "seized": 4}, {"id": "bob", "seized": 2}])
    case = at(pointer, value, account, what=what, base=base)
    return Bad(f"verification: {case.what}", case.raw, pointer, account, VERIFICATIONS)
