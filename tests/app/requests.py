"""Good requests over five accounts, as rows and as columns, and how they are sent."""

import copy
import json
from typing import Any

from tests.processes import ROOT

ALLOCATIONS, COMPARISONS, VERIFICATIONS = "/v1/allocations", "/v1/comparisons", "/v1/verifications"
JSON = {"content-type": "application/json"}
Body = dict[str, Any]

ROWS: list[Body] = [
    {**row, "score": score, "max_haircut": cap}
    for row, score, cap in zip(
        json.loads((ROOT / "app/static/examples/five-accounts.json").read_bytes())["snapshot"]["accounts"],
        (2, 3, 1, 0, 0),
        (1, "0.9", 0.95, 1, 1),
        strict=True,
    )
]


def columns_of(rows: list[Body]) -> Body:
    return {name: [row[name] for row in rows] for name in rows[0]}


def rows_of(columns: Body) -> list[Body]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def request(accounts: Any = ROWS, policy: Body | None = None, **options: Any) -> Body:
    return {
        "snapshot": {"accounts": copy.deepcopy(accounts)},
        "shortfall": {"severity": 0.5},
        "policy": policy or {"name": "capped-pro-rata"},
        "options": options,
    }


def comparison(policies: list[Any], **parts: Any) -> Body:
    made = request() | {"policies": policies} | parts
    del made["policy"]
    return made


def verification(allocation: Any, accounts: Any = ROWS, **options: Any) -> Body:
    made = request(accounts, **options) | {"allocation": allocation}
    del made["policy"]
    return made


def send(client: Any, path: str, body: Any, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body)
    return client.post(path, content=content, headers=JSON | headers)


def answer_to(client: Any, path: str, body: Any) -> Any:
    answer = send(client, path, body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()
