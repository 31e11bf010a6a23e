"""POST /v1/closures where not everything can be closed: reasons, refusals and partial closes."""

from typing import Any

import pytest

from tests.app.closures import (
    CLOSURES,
    EXAMPLE,
    book,
    closure,
    columnar,
    sound,
    traded,
    verification,
)
from tests.app.requests import VERIFICATIONS, answer_to, send


def test_markets_that_cannot_be_closed_are_named_with_a_severity_that_can(client: Any, matches: Any) -> None:
    """SOL needs 50 of cat, who has 40; without the fund 62.5 of which cat can give 0.64."""
    made = closure(
        shortfall={},
        liquidations=[
            *EXAMPLE["liquidations"][:2],
            {"market": "SOL", "quantity": -50, "price": 8.75, "account": "zoe"},
        ],
    )
    for form, pointer in ((dict, "/liquidations/2"), (columnar, "/liquidations/market/2")):
        refused = send(client, CLOSURES, form(made))
        assert refused.status_code == 409
        problem = refused.json()
        matches("Problem", problem)
        assert problem["code"] == "infeasible-budget"
        assert problem["errors"] == [{"pointer": pointer, "detail": "caps", "account": "zoe"}]
        assert "options.on_infeasible = partial" in problem["detail"]
        assert (problem["budget"], problem["reachable_capacity"], problem["shortage"]) == (
            "93.750000",
            "71.250000",
            "22.500000",
        )
        severity = problem["largest_feasible_severity"]
        assert severity == pytest.approx(0.64, rel=1e-6)
        fitting = answer_to(client, CLOSURES, form(made) | {"shortfall": {"severity": severity}})
        assert fitting["status"] == "optimal"


@pytest.mark.parametrize(
    ("positions", "reason"),
    [
        ([("a", "up", 5, 90), ("b", "up", 5, 90)], "no opposite holders"),
        ([("a", "up", -5, 90), ("b", "up", 5, 90)], "only unprofitable holders remain"),
        ([("a", "up", -5, 100), ("b", "up", -5, 90)], "only unprofitable holders remain"),
    ],
)
def test_the_reason_tells_why_nobody_can_be_closed(client: Any, positions: Any, reason: str) -> None:
    made = book({"up": 100}, {"a": 100, "b": 100}, positions, [{"market": "up", "quantity": 1, "price": 101}])
    refused = send(client, CLOSURES, made)
    assert refused.status_code == 409, refused.text
    assert [error["detail"] for error in refused.json()["errors"]] == [reason]
    partial = answer_to(client, CLOSURES, made | {"options": {"on_infeasible": "partial"}})
    assert (partial["status"], partial["closures"]) == ("partial", [])
    assert [(row["left"], row["reason"]) for row in partial["markets"]] == [("1", reason)]
    judged = answer_to(
        client,
        VERIFICATIONS,
        verification(made, [{"account": "b", "market": "up", "quantity": 1, "price": 101}]),
    )
    assert judged["valid"] is False


def test_where_closing_is_free_contracts_may_be_left_and_no_money_is_short(client: Any, matches: Any) -> None:
    made = book(
        {"up": 100},
        {"a": 100, "b": -100},
        [("a", "up", -3, 95), ("b", "up", -9, 100)],
        [{"market": "up", "quantity": 5, "price": 100}],
    )
    refused = send(client, CLOSURES, made).json()
    matches("Problem", refused)
    assert [error["detail"] for error in refused["errors"]] == ["only holders without equity remain"]
    assert (refused["budget"], refused["shortage"]) == ("0.000000", "0.000000")
    partial = answer_to(client, CLOSURES, made | {"options": {"on_infeasible": "partial"}})
    matches("ClosureAnswer", partial)
    assert [(row["left"], row["reason"]) for row in partial["markets"]] == [
        ("2", "only holders without equity remain")
    ]  # fmt: skip


def test_a_market_of_which_contracts_are_left_has_no_shadow_price(client: Any, matches: Any) -> None:
    """SOL needs 50 of cat, who has 40; BTC and ETH are closed."""
    left = [*EXAMPLE["liquidations"][:2], {"market": "SOL", "quantity": -50, "price": 8.75}]
    made = closure(liquidations=left, shortfall={}, options={"on_infeasible": "partial"})
    for name in ("lexicographic", "min-max"):
        answer = answer_to(client, CLOSURES, made | {"policy": {"name": name}})
        matches("ClosureAnswer", answer)
        assert [(row["market"], row["reason"]) for row in answer["markets"]] == [
            ("BTC", None), ("ETH", None), ("SOL", "caps")
        ]  # fmt: skip
        assert [row["shadow_price"] is None for row in answer["markets"]] == [False, False, True]


def test_partial_closes_the_most_that_can_be_closed(client: Any, matches: Any) -> None:
    """Of 10 contracts at a gap of 1 the caps pay for 3 and 4; the haircuts are equal where caps allow."""
    made = book(
        {"up": 100},
        {"a": 100, "b": {"cash": 100, "max_haircut": 0.4}},
        [("a", "up", -10, 100.3), ("b", "up", -10, 101)],
        [{"market": "up", "quantity": 10, "price": 101}],
        options={"on_infeasible": "partial"},
    )
    answer = answer_to(client, CLOSURES, made)
    matches("ClosureAnswer", answer)
    sound(answer)
    assert answer["status"] == "partial"
    assert traded(answer) == {("a", "up"): ("3", "3.000000"), ("b", "up"): ("4", "4.000000")}
    assert (answer["markets"][0]["left"], answer["markets"][0]["reason"]) == ("3", "caps")
    assert answer["certificate"]["budget_error"] == "-3.000000"
    assert answer["diagnostics"]["solvency"]["uncovered"] == "3.000000"
    assert answer_to(client, VERIFICATIONS, verification(made, answer["closures"]))["valid"] is True
    strict = verification(made, answer["closures"], options={})
    assert [found["rule"] for found in answer_to(client, VERIFICATIONS, strict)["violations"]] == ["not-closed"]
