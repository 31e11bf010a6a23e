"""The tables of 2025-10-10 (Powered by HyperReplay - (c) ConejoCapital), read where they are; nothing is copied."""

import csv
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest

from tests.app.tables import Load, accounts
from tests.conftest import Post
from tests.processes import ROOT

EVENT = ROOT.parent / "shared/data/hyperliquid-2025-10-10"
real = pytest.mark.skipif(not EVENT.exists(), reason="the tables of 2025-10-10 are not on this machine")


@real
def test_the_table_by_user_loads_whole_and_has_the_known_capacity(load: Load, post: Post, tmp_path: Path) -> None:
    path = EVENT / "adl_by_user_REALTIME.csv"
    request, said = load("by-user", path, "--deficit", "15079669.61")
    assert said == [f"{path.name}: 19337 rows, 0 unusable, 19337 accounts"]
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert accounts(request) == {
        "id": [row["user"] for row in rows],
        "cash": [row["account_value_realtime"] for row in rows],
        "pnl": [row["closed_pnl"] for row in rows],
        "notional": [row["adl_notional"] for row in rows],
    }
    status, answer = post("/v1/allocations", request)
    assert status == 200
    solvency = answer["diagnostics"]["solvency"]
    assert solvency["budget"] == "15079669.610000"
    assert round(Decimal(solvency["capacity"]), 2) == Decimal("834298911.35")

    pyarrow.parquet.write_table(pyarrow.csv.read_csv(path), tmp_path / "t.parquet")
    stored, _ = load("by-user", tmp_path / "t.parquet", "--deficit", "15079669.61")
    for name in ("cash", "pnl", "notional"):
        assert list(map(Decimal, accounts(stored)[name])) == list(map(Decimal, accounts(request)[name]))
    assert post("/v1/allocations", stored)[1]["allocations"] == answer["allocations"]


@pytest.fixture
def fills() -> dict[int, dict[str, str]]:
    """The 480 full fills by line."""
    with (EVENT / "high_leverage_outliers_fills.csv").open(newline="") as file:
        return dict(enumerate(csv.DictReader(file), 2))


@real
def test_the_480_fills_load_whole(load: Load, post: Post, fills: dict[int, dict[str, str]]) -> None:
    path = EVENT / "high_leverage_outliers_fills.csv"
    request, said = load("detailed", path, "--deficit", "100000", "--policy", "leverage-pro-rata")
    assert said == [
        f"{path.name}: 480 rows, 0 unusable, 294 accounts",
        "later closes of a coin, not needed: 103",
        "accounts closed in several coins: 50",
    ]
    columns = accounts(request)
    oldest: dict[tuple[str, str], dict[str, str]] = {}
    for row in sorted(fills.values(), key=lambda row: (int(row["time"]), -abs(Fraction(row["position_size"])))):
        oldest.setdefault((row["user"], row["coin"]), row)
    for i, user in enumerate(columns["id"]):
        firsts = [row for (holder, _), row in oldest.items() if holder == user]
        notional = sum(abs(Fraction(row["position_size"])) * Fraction(row["adl_price"]) for row in firsts)
        entry = sum(abs(Fraction(row["position_size"])) * Fraction(row["entry_price"]) for row in firsts)
        assert Fraction(columns["notional"][i]) == notional
        assert Fraction(columns["entry_notional"][i]) == entry
        assert float(columns["price_ratio"][i]) == pytest.approx(float(notional / entry), rel=1e-15)
        assert columns["pnl"][i] in {row["total_unrealized_pnl"] for row in firsts}
        assert {columns["cash"][i]} == {row["account_value_realtime"] for row in firsts}
    for policy in ("leverage-pro-rata", "capped-pro-rata", "queue hyperliquid-published", "queue hyperliquid-observed"):
        name, _, score = policy.partition(" ")
        asked = {"name": name} | ({"score": score} if score else {})
        status, answer = post("/v1/allocations", request | {"policy": asked})
        assert (status, answer["budget"]) == (200, "100000.000000")


# By hand: the account of a line, the lines of its first closes by coin, the line of its first close of all; notional
# and entry notional in cents, and the profit of its positions at the prices of the closes.
BY_HAND = [
    (2, [2], 2, "165.88", "177.99", "12.11"),  # one close
    (367, [329], 329, "21479.80", "15921.00", "5558.80"),  # a long, closed three times at one time
    (215, [91, 101, 102, 85, 152, 215], 91, "22746.54", "34201.06", "11454.51"),  # six coins; ONDO twice, later at 149
    (154, [136, 182, 116], 136, "7756.56", "11899.51", "4142.95"),  # three coins, XRP twice at one time
]


@real
@pytest.mark.parametrize(("line", "firsts", "opening", "notional", "entry", "profit"), BY_HAND)
def test_accounts_of_the_fills_come_out_as_by_hand(
    load: Load,
    fills: dict[int, dict[str, str]],
    line: int,
    firsts: list[int],
    opening: int,
    notional: str,
    entry: str,
    profit: str,
) -> None:
    path = EVENT / "high_leverage_outliers_fills.csv"
    user = fills[line]["user"]
    assert {fills[first]["user"] for first in firsts} == {user}
    request, _ = load("detailed", path)
    columns = accounts(request)
    i = columns["id"].index(user)
    assert columns["cash"][i] == fills[opening]["account_value_realtime"]
    assert columns["pnl"][i] == fills[opening]["total_unrealized_pnl"]
    assert round(Decimal(columns["notional"][i]), 2) == Decimal(notional)
    assert round(Decimal(columns["entry_notional"][i]), 2) == Decimal(entry)
    positions, _ = load("detailed", path, "--pnl", "positions")
    assert round(Decimal(accounts(positions)["pnl"][i]), 2) == Decimal(profit)


@real
def test_the_account_wide_columns_hold_what_the_page_says(fills: dict[int, dict[str, str]]) -> None:
    cash: dict[str, set[str]] = {}
    last_prices: dict[str, list[float]] = {}
    for row in fills.values():
        cash.setdefault(row["user"], set()).add(row["account_value_realtime"])
        implied = float(row["entry_price"]) + float(row["total_unrealized_pnl"]) / float(row["position_size"])
        last_prices.setdefault(row["coin"], []).append(float(f"{implied:.8g}"))
    assert {len(values) for values in cash.values()} == {1}
    # Whoever has nothing left in other coins shows the same price, whenever it was closed.
    common = sum(max(map(prices.count, prices)) for prices in last_prices.values())
    assert common >= 460
