"""The book of 2025-10-10 (Powered by HyperReplay - (c) ConejoCapital), through the service."""

import copy
import csv
import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Post
from tests.problems import some

TABLE = Path(__file__).parents[2] / "shared/data/hyperliquid-2025-10-10/adl_by_user_REALTIME.csv"
pytestmark = pytest.mark.skipif(not TABLE.exists(), reason="the table of 2025-10-10 is not on this machine")

POLICIES: list[dict[str, Any]] = [
    {"name": "pro-rata"},
    {"name": "capped-pro-rata"},
    {"name": "leverage-pro-rata"},
    {"name": "rap", "risk": "linear"},
    {"name": "rap", "risk": "power", "exponent": 0.5},
    {"name": "rap", "risk": "cvar", "threshold": 2},
    {"name": "queue", "score": "pnl"},
    {"name": "queue", "score": "size"},
    {"name": "queue", "score": "whitebit"},
]
OF_EACH_NAME = POLICIES[:4] + POLICIES[6:7]
OTHERS = POLICIES[4:6] + POLICIES[7:]


@pytest.fixture(scope="module")
def request_body() -> dict[str, Any]:
    with TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    accounts = {
        "id": [row["user"] for row in rows],
        "cash": [float(row["account_value_realtime"]) for row in rows],
        "pnl": [float(row["closed_pnl"]) for row in rows],
        "notional": [float(row["adl_notional"]) for row in rows],
    }
    return {"snapshot": {"accounts": accounts}, "shortfall": {"deficit": "15079669.61"}}


def units(amounts: list[str]) -> list[int]:
    return [int(amount.replace(".", "")) for amount in amounts]


@pytest.mark.parametrize(
    "policy", some(OF_EACH_NAME + OTHERS, 5), ids=lambda policy: " ".join(map(str, policy.values()))
)
def test_every_policy_balances_to_the_unit_and_passes_no_cap(
    post: Post, request_body: dict[str, Any], policy: dict[str, Any]
) -> None:
    status, answer = post("/v1/allocations", {**request_body, "policy": policy})
    assert status == 200
    solvency, accounts = answer["diagnostics"]["solvency"], answer["allocations"]
    assert round(float(solvency["capacity"]), 2) == 834_298_911.35
    assert round(float(solvency["reachable_capacity"]), 2) == 833_285_313.20
    assert solvency["regime"] == "coverable"
    endowment, seized, equity = (units(accounts[name]) for name in ("endowment", "seized", "equity_after"))
    assert sum(w > 0 for w in endowment) == 19_207
    assert sum(seized) == 15_079_669_610_000
    for w, x, e in zip(endowment, seized, equity, strict=True):
        assert 0 <= x <= w
        assert x == 0 or e >= 0
    status, judged = post(
        "/v1/verifications",
        {**request_body, "allocation": {"id": accounts["id"], "seized": accounts["seized"]}},
    )
    assert status == 200
    assert judged["valid"]
    assert judged["diagnostics"]["fairness"] == answer["diagnostics"]["fairness"]


@pytest.mark.parametrize("policy", some(OF_EACH_NAME, 2), ids=lambda policy: str(policy["name"]))
def test_row_order_changes_nobodys_amount_and_the_same_request_gets_the_same_bytes(
    client: Any, request_body: dict[str, Any], policy: dict[str, Any]
) -> None:
    shuffled = copy.deepcopy(request_body)
    columns = shuffled["snapshot"]["accounts"]
    order = list(range(len(columns["id"])))
    random.Random(7).shuffle(order)
    shuffled["snapshot"]["accounts"] = {name: [column[i] for i in order] for name, column in columns.items()}

    def send(body: dict[str, Any]) -> bytes:
        content = json.dumps({**body, "policy": policy})
        return bytes(
            client.post("/v1/allocations", content=content, headers={"content-type": "application/json"}).content
        )

    first, again, other = send(request_body), send(request_body), send(shuffled)
    assert first == again
    ordered, mixed = json.loads(first)["allocations"], json.loads(other)["allocations"]
    assert dict(zip(ordered["id"], ordered["seized"], strict=True)) == dict(
        zip(mixed["id"], mixed["seized"], strict=True)
    )


def test_a_score_without_its_field_names_the_field_and_the_account(post: Post, request_body: dict[str, Any]) -> None:
    status, problem = post("/v1/allocations", {**request_body, "policy": {"name": "queue", "score": "binance"}})
    assert status == 422
    assert problem["errors_total"] == 19_207
    assert problem["errors"][0]["pointer"] == "/snapshot/accounts/maintenance_margin/0"
    assert problem["errors"][0]["account"] == request_body["snapshot"]["accounts"]["id"][0]


AIMS = {"shock": {"law": "student-t", "df": 3, "scale": 0.05}, "retention": {"curve": "linear", "rate": 0.5}}
OPTIMAL: list[dict[str, Any]] = [
    {"name": "expected-deficit"},
    {"name": "cvar"},
    {"name": "revenue"},
    {"name": "blend", "weights": {"fairness": 1, "robustness": 1, "revenue": 1}},
]


def with_fees(body: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The table has no fees: a thousandth of the notional stands in."""
    accounts = body["snapshot"]["accounts"]
    fees = [round(notional / 1000, 2) for notional in accounts["notional"]]
    return {**body, "snapshot": {"accounts": accounts | {"fees": fees}}, "options": AIMS | options}


def test_the_optimal_policies_are_certified_and_nobody_beats_them_on_their_own_aim(
    post: Post, request_body: dict[str, Any]
) -> None:
    asked = with_fees(request_body, detail="summary") | {"policies": POLICIES + OPTIMAL}
    status, answer = post("/v1/comparisons", asked)
    assert status == 200
    solved = {result["policy"]["name"]: result for result in answer["results"]}
    assert all(solved[policy["name"]]["status"] == "optimal" for policy in OPTIMAL)
    deficits = {name: float(x["diagnostics"]["robustness"]["expected_deficit_after"]) for name, x in solved.items()}
    tails = {name: float(x["diagnostics"]["robustness"]["cvar_after"]) for name, x in solved.items()}
    kept = {name: float(x["diagnostics"]["revenue"]["ltv_kept"]) for name, x in solved.items()}
    assert deficits["expected-deficit"] <= min(deficits.values()) + 1e-3
    assert tails["cvar"] <= min(tails.values()) + 1e-3
    assert kept["revenue"] >= max(kept.values()) - 1e-3


@pytest.mark.slow
def test_the_frontier_between_deficit_and_fees_is_monotone_and_concave(
    post: Post, request_body: dict[str, Any]
) -> None:
    asked = with_fees(request_body) | {"measures": ["expected_deficit", "revenue_kept"], "points": 25}
    status, answer = post("/v1/frontiers", asked)
    assert status == 200
    points = [tuple(map(float, point["measures"].values())) for point in answer["points"]]
    assert len(points) == 25
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(points)]
    assert all(slope > 0 for slope in slopes)
    assert all(after <= before * (1 + 1e-6) for before, after in pairwise(slopes))
