"""Random books over HTTP: answers add up, are valid where they are sent back, and refused severities shrink to fit."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from tests.app.closures import CLOSURES, POLICIES, complete, shuffled, sound, verification
from tests.app.requests import VERIFICATIONS, Body, answer_to, send
from tests.problems import some

FORGIVEN = {"queue": {"over-closed"}}
"""What the policies may break that close whole positions."""


def random_request(rng: Random) -> Body:
    """Up to five markets and twelve accounts, with caps, losers, zero gaps and both sides of a market."""
    markets = [
        {
            "symbol": f"m{m}",
            "mark_price": rng.choice(["100", "0.37", "33.3", "60000"]),
            "lot_size": rng.choice(["1", "0.1", "0.001", "5", "0.25"]),
        }
        for m in range(rng.choice([1, 2, 3, 5]))
    ]
    ids = [f"a{i}" for i in range(rng.choice([2, 3, 6, 12]))]
    positions = [
        {
            "account": name,
            "market": market["symbol"],
            "quantity": str(Decimal(market["lot_size"]) * rng.randint(1, 200) * rng.choice([-1, 1])),
            "entry_price": str(Decimal(market["mark_price"]) * Decimal(rng.choice(["0.5", "0.9", "1", "1.1", "1.7"]))),
        }
        for name in ids
        for market in rng.sample(markets, rng.randint(1, len(markets)))
    ]
    liquidations = [
        {
            "market": market["symbol"],
            "quantity": str(Decimal(market["lot_size"]) * rng.randint(1, 150) * side),
            "price": str(
                Decimal(market["mark_price"]) * (1 + side * Decimal(rng.choice(["0", "0.001", "0.01", "0.2"])))
            ),
        }
        for market in rng.sample(markets, rng.randint(1, len(markets)))
        for side in rng.choice([(1,), (-1,), (1, -1), (1, 1)])
    ]
    accounts = [
        {"id": name, "cash": rng.choice([0, 10, "55.5", 10**6]), "max_haircut": rng.choice([1, 1, 1, 0.5, 0.1, 0])}
        for name in ids
    ]
    made = {
        "snapshot": {
            "precision": rng.choice([0, 2, 6, 8]),
            "markets": markets,
            "accounts": accounts,
            "positions": positions,
        },
        "liquidations": liquidations,
        "shortfall": {"insurance_fund": rng.choice([0, 5, "0.1"]), "severity": rng.choice([1, 1, 0.5, 0.3])},
        "policy": rng.choice(list(POLICIES.values())),
        "options": {
            "margin": rng.choice(["cross", "cross", "isolated"]),
            "on_infeasible": rng.choice(["reject", "partial"]),
        },
    }
    return complete(made)


@pytest.mark.parametrize("seed", some(400, 25))
def test_answers_add_up_and_are_valid_where_they_are_sent_back(client: Any, seed: int) -> None:
    made = random_request(Random(seed))
    answer = send(client, CLOSURES, made)
    if answer.status_code == 409:
        severity = answer.json()["largest_feasible_severity"]
        made |= {"shortfall": made["shortfall"] | {"severity": severity}} if severity is not None else {
            "options": made["options"] | {"on_infeasible": "partial"}
        }  # fmt: skip
        answer = send(client, CLOSURES, made)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    sound(told)
    turned = answer_to(client, CLOSURES, shuffled(made, seed))
    assert turned["markets"] == told["markets"]
    assert sorted(map(str, turned["closures"])) == sorted(map(str, told["closures"]))
    if told["closures"]:
        judged = answer_to(client, VERIFICATIONS, verification(made, told["closures"]))
        broken = {found["rule"] for found in judged["violations"]} - FORGIVEN.get(made["policy"]["name"], set())
        assert broken <= ({"not-closed"} if told["status"] == "partial" else set())
        assert not {found["rule"] for found in judged["warnings"]} & {"over-paid", "under-paid"}
