"""The 480 full fills of 2025-10-10 (Powered by HyperReplay - (c) ConejoCapital) as waves to close and to verify."""

import csv
from collections import Counter, defaultdict
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from tests.app.tables import Load
from tests.conftest import Post
from tests.processes import ROOT

EVENT = ROOT.parent / "shared/data/hyperliquid-2025-10-10"
FILLS, GAPS = EVENT / "high_leverage_outliers_fills.csv", EVENT / "two_pass_wave_coin_gap_per_contract.csv"
pytestmark = pytest.mark.skipif(not EVENT.exists(), reason="the tables of 2025-10-10 are not on this machine")

WAVES = 21
BEYOND = {14: [41, 258, 378, 460]}
"""Lines with closes of contracts that were bought within the wave."""
LACKING = {14: {"BTC", "YGG"}, 16: {"GMX", "ZEC"}, 17: {"XPL"}}
"""Coins of which contracts are left: their holders have no profit at entry_price, or not enough to pay the gaps."""


@pytest.fixture(scope="module")
def fills() -> dict[int, dict[str, Any]]:
    """Rows by line, numbers exact."""
    numbers = ("time", "adl_price", "adl_size", "adl_notional", "closed_pnl", "position_size", "entry_price")
    with FILLS.open(newline="") as file:
        rows = dict(enumerate(csv.DictReader(file), 2))
    return {
        line: row | {name: Fraction(row[name]) for name in (*numbers, "position_unrealized_pnl")}
        for line, row in rows.items()
    }


@pytest.fixture(scope="module")
def waves(fills: dict[int, dict[str, Any]]) -> list[list[int]]:
    """Lines by wave: cut where the sorted times are more than five seconds apart."""
    times = sorted({row["time"] for row in fills.values()})
    starts = [times[0], *(later for earlier, later in pairwise(times) if later - earlier > 5000)]
    found: dict[Fraction, list[int]] = defaultdict(list)
    for line, row in fills.items():
        found[max(start for start in starts if start <= row["time"])].append(line)
    return [lines for _, lines in sorted(found.items())]


def test_the_waves_are_listed_and_all_closes_are_in_one(load: Load, waves: list[list[int]]) -> None:
    request, said = load("closures", FILLS)
    assert request is None
    assert len(waves) == WAVES
    assert said[0] == f"{FILLS.name}: 480 rows, 0 unusable, 294 accounts"
    assert said[-1] == f"{FILLS.name} has 21 waves: choose one with --wave N"
    assert [int(line.split(", ")[1].removeprefix("closes ")) for line in said[1:-1]] == list(map(len, waves))


@pytest.mark.parametrize("wave", range(1, WAVES + 1))
def test_a_wave_of_fills_is_closed_and_its_own_closes_are_judged(
    load: Load, post: Post, fills: dict[int, dict[str, Any]], waves: list[list[int]], wave: int
) -> None:
    request, said = load("closures", FILLS, "--wave", str(wave), "--verify")
    beyond = BEYOND.get(wave, [])
    assert said[0].startswith(f"{FILLS.name}: 480 rows, {len(beyond)} unusable")
    assert [int(line.split(":")[0].removeprefix("line ")) for line in said if line.startswith("line ")] == beyond
    lines = [line for line in waves[wave - 1] if line not in beyond]
    closed: Counter[tuple[str, int]] = Counter()
    for line in lines:
        closed[fills[line]["coin"], -1 if fills[line]["position_size"] > 0 else 1] += fills[line]["adl_size"]
    asked = request["liquidations"]
    signed = [(coin, Fraction(size)) for coin, size in zip(asked["market"], asked["quantity"], strict=True)]
    assert {(coin, 1 if size > 0 else -1): abs(size) for coin, size in signed} == closed
    made = request["closures"]
    assert len(made["account"]) == len(lines)
    assert sum(abs(Fraction(size)) for size in made["quantity"]) == sum(closed.values())

    status, judged = post("/v1/verifications", request)
    assert status == 200
    assert abs(Fraction(judged["closures"]["paid"])) <= Fraction(1, 10**6)
    assert [(market["market"], market["closed"]) for market in judged["closures"]["markets"]] == [
        (market["market"], market["needed"]) for market in judged["closures"]["markets"]
    ]

    gaps, _ = load("closures", FILLS, "--wave", str(wave), "--gaps", str(GAPS))
    assert gaps["snapshot"] == request["snapshot"]
    times = [fills[line]["time"] for line in waves[wave - 1]]
    by_coin = published(min(times), max(times))
    need = sum((by_coin.get(coin, 0) * size for (coin, _), size in closed.items()), Fraction(0))
    status, answer = post("/v1/closures", gaps | {"options": {"on_infeasible": "partial"}})
    assert status == 200
    assert 0 <= Fraction(answer["budget"]) - need < Fraction(1, 10**6)
    for market in answer["markets"]:
        assert Fraction(market["needed"]) == closed[market["market"], 1 if market["side"] == "long" else -1]
        assert Fraction(market["closed"]) + Fraction(market["left"]) == Fraction(market["needed"])
    assert {market["market"] for market in answer["markets"] if market["reason"]} == LACKING.get(wave, set())


def published(start: Fraction, end: Fraction) -> dict[str, Fraction]:
    """Gaps by coin of the published wave that all of these times lie in."""
    with GAPS.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["t_start_ms"]) <= start <= end <= int(row["t_end_ms"])]
    assert len({row["wave"] for row in rows}) <= 1
    return {row["coin"]: Fraction(row["gap_per_contract_usd"]) for row in rows}


def test_adl_price_is_the_mark_and_entry_price_is_not_of_the_moment_as_the_page_says(
    fills: dict[int, dict[str, Any]],
) -> None:
    bankrupt: dict[tuple[str, Fraction], set[str]] = defaultdict(set)
    prices: dict[tuple[str, Fraction], set[Fraction]] = defaultdict(set)
    entries: dict[tuple[str, str], set[Fraction]] = defaultdict(set)
    agree: Counter[str] = Counter()
    for row in fills.values():
        size, price, entry, side = row["adl_size"], row["adl_price"], row["entry_price"], row["position_size"]
        assert float(row["adl_notional"]) == pytest.approx(float(size * price))
        assert float(row["position_unrealized_pnl"]) == pytest.approx(float(side * (price - entry)))
        bankrupt[row["coin"], row["time"]].add(row["liquidated_user"])
        prices[row["coin"], row["time"]].add(price)
        entries[row["user"], row["coin"]].add(entry)
        of_venue = price - row["closed_pnl"] / size * (1 if side > 0 else -1)
        off = abs(float(of_venue / entry - 1))
        agree["exactly" if off < 1e-9 else "nearly" if off < 1e-4 else "not"] += 1
        agree["whole"] += size == abs(side)
    assert (len(prices), {len(found) for found in prices.values()}) == (163, {1})
    assert sum(len(found) > 1 for found in bankrupt.values()) == 17
    assert {len(found) for found in entries.values()} == {1}
    assert agree == {"exactly": 140, "nearly": 105, "not": 235, "whole": 444}
