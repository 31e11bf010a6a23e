"""POST /v1/closures: prices, costs, precisions and lots, from those that are nothing to the largest."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.app.closures import (
    CLOSURES,
    book,
    by_name,
    columnar,
    sound,
    traded,
    verification,
)
from tests.app.requests import VERIFICATIONS, answer_to, send


def test_a_side_without_a_gap_is_closed_free_of_charge_in_proportion(client: Any) -> None:
    """The unprofitable are closed too: it costs them nothing."""
    made = book(
        {"up": 100},
        {"a": 100, "b": 100, "c": -1000},
        [("a", "up", -30, 110), ("b", "up", -10, 95), ("c", "up", -10, 110)],
        [{"market": "up", "quantity": 8, "price": 100}],
    )
    answer = answer_to(client, CLOSURES, made)
    sound(answer)
    assert traded(answer) == {("a", "up"): ("6", "0.000000"), ("b", "up"): ("2", "0.000000")}
    assert (answer["budget"], answer["markets"][0]["price"], answer["markets"][0]["gap"]) == ("0.000000", "100", "0")
    assert answer["markets"][0]["shadow_price"] == 0
    assert [row["realised_pnl"] for row in answer["closures"]] == ["60.000000", "-10.000000"]


def test_derived_prices_spread_the_negative_equity_by_notional(client: Any) -> None:
    """The bankrupt owes 30 on notionals of 200 and 100: 20 and 10, over 2 and 4 contracts."""
    made = book(
        {"up": 100, "down": 25},
        {"broke": -30, "a": 1000},
        [("broke", "up", 2, 100), ("broke", "down", -4, 25), ("a", "up", -5, 200), ("a", "down", 5, 5)],
        [
            {"account": "broke", "market": "up", "quantity": 2},
            {"account": "broke", "market": "down", "quantity": -4},
        ],
    )
    answer = answer_to(client, CLOSURES, made)
    found = [(row["market"], row["side"], row["price"], row["cost"]) for row in answer["markets"]]
    assert found == [("down", "short", "22.5", "10.000000"), ("up", "long", "110", "20.000000")]


def test_a_price_that_ends_nowhere_has_18_digits_or_as_many_as_its_costs_need(client: Any) -> None:
    made = book(
        {"up": 100},
        {"a": 1000},
        [("a", "up", -9, 200)],
        [{"market": "up", "quantity": 1, "price": 101}, {"market": "up", "quantity": 2, "price": 100}],
    )
    answer = answer_to(client, CLOSURES, made)
    third = answer["markets"][0]["price"]
    assert third == "100.333333333333333"
    assert abs(Fraction(third) - Fraction(301, 3)) < Fraction(1, 10**15)
    assert answer_to(client, VERIFICATIONS, verification(made, answer["closures"]))["valid"] is True


@pytest.mark.parametrize(("precision", "lot"), [(0, 1), (8, "0.00000001"), (18, "0.000000000000001")])
def test_amounts_have_the_declared_precision_and_quantities_their_lots(
    client: Any, matches: Any, precision: int, lot: Any
) -> None:
    made = book(
        {"up": {"mark_price": 3, "lot_size": lot}},
        {"a": 1, "b": 1, "broke": 0},
        [("a", "up", -1, 5), ("b", "up", -2, 5), ("broke", "up", 1, 5)],
        [{"market": "up", "quantity": 1, "price": "3.5"}],
    )
    made["snapshot"]["precision"] = precision
    answer = answer_to(client, CLOSURES, made)
    matches("ClosureAnswer", answer)
    sound(answer)
    amounts = [answer["budget"], *(row["cost"] for row in answer["closures"])]
    amounts += [row[name] for row in answer["accounts"] for name in ("endowment", "seized", "notional_after")]
    assert {len(amount.partition(".")[2]) for amount in amounts} == {precision}
    assert sum(Decimal(row["quantity"]) for row in answer["closures"]) == 1
    if precision:
        assert by_name(answer)["a", "up"]["quantity"].startswith("0.33333333")
    assert answer_to(client, VERIFICATIONS, verification(made, answer["closures"]))["valid"] is True


def test_lots_default_to_one_hundred_millionth(client: Any) -> None:
    made = book({"up": 100}, {"a": 1000}, [("a", "up", "-1", 200)], [{"market": "up", "quantity": 1, "price": 101}])
    del made["snapshot"]["markets"][0]["lot_size"]
    answer = answer_to(client, CLOSURES, made)
    assert answer["id"] == answer_to(client, CLOSURES, columnar(made) | made)["id"]
    made["liquidations"][0]["quantity"] = made["snapshot"]["positions"][0]["quantity"] = "0.000000001"
    assert send(client, CLOSURES, made).status_code == 422


@pytest.mark.parametrize("size", ["1e-40", "1e-20", "123.456789", "1e20"])
def test_lots_of_any_size_come_back_as_quantities_that_are_read(client: Any, size: str) -> None:
    lots = {"a": 7, "b": 5, "need": 9}
    quantity = {name: str(Decimal(count) * Decimal(size)) for name, count in lots.items()}
    made = book(
        {"up": {"mark_price": 100, "lot_size": size}},
        {"a": 0, "b": 0},
        [("a", "up", "-" + quantity["a"], 200), ("b", "up", "-" + quantity["b"], 200)],
        [{"market": "up", "quantity": quantity["need"], "price": 100}],
    )
    made["snapshot"]["accounts"] = [{"id": "a", "cash": 1}, {"id": "b", "cash": 1}]
    answer = send(client, CLOSURES, made)
    if size == "1e20":
        assert answer.status_code == 422, "a profit of 7e22"
        return
    assert sum(Decimal(row["quantity"]) for row in answer.json()["closures"]) == Decimal(quantity["need"])
    assert answer_to(client, VERIFICATIONS, verification(made, answer.json()["closures"]))["valid"] is True


def test_a_queue_that_closes_far_more_than_was_needed_still_pays_its_price(client: Any) -> None:
    """One contract is needed at a third of a cent, and 2e15 of them are closed: 18 digits of the price would not do."""
    made = book(
        {"up": "0.001"},
        {"a": 1, "b": 1},
        [("a", "up", "-2e15", "0.004")],
        [{"market": "up", "quantity": 1, "price": "0.002"}, {"market": "up", "quantity": 2, "price": "0.001"}],
        policy={"name": "queue"},
    )
    answer = answer_to(client, CLOSURES, made)
    assert answer["closures"][0]["quantity"] == "2000000000000000"
    judged = answer_to(client, VERIFICATIONS, verification(made, answer["closures"]))
    assert [found["rule"] for found in judged["violations"]] == ["over-closed"]
    assert judged["warnings"] == []


@pytest.mark.parametrize(
    "retention", [{"curve": "linear", "rate": 1}, {"curve": "power", "rate": 1, "exponent": 2}], ids=str
)
@pytest.mark.parametrize("policy", ["lexicographic", "min-max", "revenue", "contracts-pro-rata", "queue"])
def test_closes_that_cost_nothing_need_nobody_who_pays(client: Any, policy: str, retention: Any) -> None:
    made = {
        "snapshot": {
            "markets": [{"symbol": "ETH", "mark_price": "100"}],
            "accounts": [{"id": "ann", "cash": 1000, "fees": 5, "score": 1}],
            "positions": [{"account": "ann", "market": "ETH", "quantity": "-10", "entry_price": "100"}],
        },
        "liquidations": [{"market": "ETH", "quantity": "3", "price": "100"}],
        "policy": {"name": policy, "score": "custom"} if policy == "queue" else {"name": policy},
        "options": {"retention": retention},
    }
    answer = answer_to(client, CLOSURES, made)
    assert answer["budget"] == "0.000000"
    closed = answer["closures"][0]
    assert (closed["account"], closed["market"], closed["cost"]) == ("ann", "ETH", "0.000000")
