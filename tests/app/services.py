"""Services at an address, asked for little and for much."""

import json
from contextlib import closing
from typing import Any

import httpx2

from app import sample
from tests.app.requests import ALLOCATIONS, send

VENUE = sample.venue()
SLOW = json.dumps(sample.comparison(VENUE)).encode()
"""Every policy on the sample venue: a second of work or more."""

SMALL: dict[str, Any] = {
    "snapshot": {"accounts": [{"id": "ann", "cash": 2, "pnl": 8}, {"id": "eve", "cash": 0, "pnl": -3}]},
    "policy": {"name": "capped-pro-rata"},
}


def works(client: Any) -> bool:
    answer = send(client, ALLOCATIONS, SMALL)
    return bool(answer.status_code == 200 and answer.json()["allocations"][0]["seized"] == "3.000000")


def to(address: str) -> Any:
    return closing(httpx2.Client(base_url=address, timeout=30))
