"""Good requests of contract space: the worked example, its changes, and its answers by name."""

import copy
import json
from collections.abc import Iterable
from decimal import Decimal
from random import Random
from typing import Any

from tests.app.requests import Body, columns_of
from tests.processes import ROOT

CLOSURES = "/v1/closures"
EXAMPLE: Body = json.loads((ROOT / "examples/closures.json").read_bytes())
POLICIES: dict[str, Body] = {
    "lexicographic": {"name": "lexicographic"},
    "min-max": {"name": "min-max"},
    "revenue": {"name": "revenue"},
    "leverage-draining": {"name": "leverage-draining"},
    "leverage-draining by a factor": {"name": "leverage-draining", "factors": 1},
    "expected-deficit": {"name": "expected-deficit"},
    "cvar": {"name": "cvar", "level": 0.75},
    "contracts-pro-rata": {"name": "contracts-pro-rata"},
    "queue": {"name": "queue"},
    "queue partial": {"name": "queue", "score": "size", "partial_close": True},
}
TABLES = (("snapshot", "markets"), ("snapshot", "accounts"), ("snapshot", "positions"), ("liquidations",))


def closure(policy: Body | None = None, **parts: Any) -> Body:
    """The worked example under a policy, with options or other parts replaced."""
    made = copy.deepcopy(EXAMPLE) | {"policy": policy or {"name": "lexicographic"}}
    snapshot = {name: parts.pop(name) for name in ("markets", "accounts", "positions") if name in parts}
    made["snapshot"] |= snapshot
    return complete(made | parts)


def complete(made: Body) -> Body:
    """With what its policy needs: a retention, a covariance or scenarios of the markets' moves, and so cross margin."""
    policy, options, needed = made["policy"], made.get("options", {}), {}
    match policy["name"]:
        case "revenue":
            needed = {"retention": {"curve": "power", "rate": 1, "exponent": 2}}
        case "leverage-draining":
            needed = {"margin": "cross"}
            policy = policy | {"covariance": covariance(made["snapshot"]["markets"])}
        case "expected-deficit" | "cvar":
            needed = {"shock": {"law": "scenarios", "moves": moves(made["snapshot"]["markets"])}}
    if needed:
        made = made | {"policy": policy, "options": options | needed | {"margin": "cross"}}
    return made


def moves(markets: list[Body]) -> list[list[float]]:
    """Twelve scenarios of these markets, the same for a symbol wherever it stands."""
    drawn = {market["symbol"]: Random(market["symbol"]) for market in markets}
    return [[round(drawn[market["symbol"]].uniform(-0.6, 0.6), 3) for market in markets] for _ in range(12)]


def covariance(markets: list[Body]) -> list[list[float]]:
    """Deviations of 5 % to 30 % of the mark, all correlations a half."""
    deviations = [
        float(market["mark_price"]) * round(Random(market["symbol"]).uniform(0.05, 0.3), 3) for market in markets
    ]
    return [
        [one * other * (1 if row == column else 0.5) for column, other in enumerate(deviations)]
        for row, one in enumerate(deviations)
    ]


def book(
    markets: Body, accounts: Body, positions: Iterable[tuple[Any, ...]], liquidations: Iterable[Body], **parts: Any
) -> Body:
    """A request from plain numbers: markets {"up": mark}, accounts {"a": cash or fields}, positions (a, up, q, p0)."""
    return {
        "snapshot": {
            "markets": [
                {"symbol": name, "lot_size": 1, **(mark if isinstance(mark, dict) else {"mark_price": mark})}
                for name, mark in markets.items()
            ],
            "accounts": [
                {"id": name, **(cash if isinstance(cash, dict) else {"cash": cash})} for name, cash in accounts.items()
            ],
            "positions": [
                dict(zip(("account", "market", "quantity", "entry_price"), row, strict=True)) for row in positions
            ],
        },
        "liquidations": list(liquidations),
        "policy": {"name": "lexicographic"},
    } | parts


def tables(made: Body, change: Any) -> Body:
    """A copy with every table changed."""
    made = copy.deepcopy(made)
    for *path, last in TABLES:
        here = made
        for part in path:
            here = here[part]
        here[last] = change(here[last])
    return made


def columnar(made: Body) -> Body:
    """The same in columns; rows that lack a field have none of it."""

    def turn(rows: list[Body]) -> Body:
        defaults = {"max_haircut": 1, "lot_size": "0.00000001"}
        names = {name: None for row in rows for name in row}
        return columns_of([{name: row.get(name, defaults.get(name)) for name in names} for row in rows])

    return tables(made, turn)


def shuffled(made: Body, seed: int) -> Body:
    def turn(rows: list[Body]) -> list[Body]:
        return Random(seed).sample(rows, len(rows))

    return complete(tables(made, turn))


def verification(made: Body, closures: Any, **parts: Any) -> Body:
    """The request of a verification of closes, from that of a closure."""
    return {name: part for name, part in made.items() if name != "policy"} | {"closures": closures} | parts


def by_name(answer: Body) -> dict[tuple[str, str], Body]:
    return {(row["account"], row["market"]): row for row in answer["closures"]}


def sound(answer: Body) -> None:
    """Conservation: markets add up to closes, closes to accounts, accounts to the budget or what is left of it."""
    precision = len(answer["budget"].partition(".")[2])
    for market in answer["markets"]:
        side = -1 if market["side"] == "short" else 1
        rows = [
            row
            for row in answer["closures"]
            if row["market"] == market["market"] and Decimal(row["quantity"]) * side > 0
        ]
        closed = sum(abs(Decimal(row["quantity"])) for row in rows)
        assert closed == Decimal(market["closed"])
        assert sum(Decimal(row["cost"]) for row in rows) == Decimal(market["cost"])
        assert {row["price"] for row in rows} <= {market["price"]}
        assert max(Decimal(market["needed"]) - closed, 0) == Decimal(market["left"])
        assert (market["reason"] is None) == (Decimal(market["left"]) == 0)
        assert market["accounts_touched"] == len({row["account"] for row in rows})
    paid = sum(Decimal(row["cost"]) for row in answer["closures"])
    assert paid == sum(Decimal(row["seized"]) for row in answer["accounts"])
    assert paid - Decimal(answer["budget"]) == Decimal(answer["certificate"]["budget_error"])
    assert Decimal(answer["certificate"]["cap_violation"]) == 0
    for row in answer["accounts"]:
        seized = sum(Decimal(one["cost"]) for one in answer["closures"] if one["account"] == row["id"])
        assert seized == Decimal(row["seized"]) <= Decimal(row["endowment"])
        assert len(row["seized"].partition(".")[2]) == precision
    if all(Decimal(market["left"]) == 0 for market in answer["markets"]):
        assert paid >= Decimal(answer["budget"])


def traded(answer: Body) -> dict[tuple[str, str], tuple[str, str]]:
    return {key: (row["quantity"], row["cost"]) for key, row in by_name(answer).items()}
