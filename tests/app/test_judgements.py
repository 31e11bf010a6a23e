"""POST /v1/verifications of closures: every broken rule is named, and what is told of fills."""

import json
from typing import Any

import pytest

from tests.app.closures import CLOSURES, EXAMPLE, closure, columnar, verification
from tests.app.requests import VERIFICATIONS, Body, answer_to, columns_of, send
from tests.processes import ROOT

GOOD = [
    ("ann", "BTC", 2, 105),
    ("ann", "ETH", 5, 52),
    ("bob", "BTC", 1, 105),
    ("cat", "SOL", -40, 9.5),
]


def fills(*rows: tuple[Any, ...]) -> list[Body]:
    return [dict(zip(("account", "market", "quantity", "price"), row, strict=True)) for row in rows]


def judged(client: Any, *rows: tuple[Any, ...], **parts: Any) -> Any:
    return answer_to(client, VERIFICATIONS, verification(EXAMPLE, fills(*rows), **parts))


def test_the_fairest_closes_typed_in_by_hand_are_valid(client: Any, matches: Any) -> None:
    answer = judged(client, *GOOD)
    matches("ClosureVerificationAnswer", answer)
    assert (answer["valid"], answer["violations"]) == (True, [])
    found = answer["closures"]
    assert (found["needed"], found["paid"], found["overshoot"]) == ("45.000000", "45.000000", "0.000000")
    assert (found["worst_haircut"], found["smallest_worst_haircut"]) == (0.5, 0.5)
    assert [(row["needed"], row["closed"]) for row in found["markets"]] == [("3", "3"), ("5", "5"), ("40", "40")]
    assert [(found["rule"], found["account"]) for found in answer["warnings"]] == [("risk-rose", "cat")]
    assert found["hedges_broken"] == 1


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([*GOOD, ("zed", "BTC", 1, 105)], [("unknown-account", "zed", "BTC", 4)]),
        ([*GOOD, ("ann", "XRP", 1, 105)], [("unknown-market", "ann", None, 4)]),
        ([*GOOD, ("bob", "SOL", 1, 10)], [("no-position", "bob", "SOL", 4)]),
        ([*GOOD, ("bob", "BTC", -1, 100)], [("same-side", "bob", "BTC", 4)]),
        ([*GOOD, ("dan", "SOL", -1, 9.5)], [("unprofitable", "dan", None, 4), ("over-closed", None, "SOL", None)]),
        (
            [*GOOD[:2], ("bob", "BTC", 2, 105), *GOOD[3:]],
            [("over-cap", "bob", None, 2), ("over-closed", None, "BTC", None)],
        ),
        (GOOD[:3], [("not-closed", None, "SOL", None)]),
        ([*GOOD[1:], ("ann", "BTC", 1.5, 105)], [("off-lot", "ann", "BTC", 3), ("not-closed", None, "BTC", None)]),
        ([("ann", "BTC", 3, 105), *GOOD[1:2], *GOOD[3:]], []),
    ],
)
@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
def test_every_broken_rule_is_named(client: Any, matches: Any, rows: Any, expected: Any, columns: bool) -> None:
    made = columns_of(fills(*rows)) if columns else fills(*rows)
    answer = answer_to(client, VERIFICATIONS, verification(EXAMPLE, made))
    matches("ClosureVerificationAnswer", answer)
    found = [tuple(one[name] for name in ("rule", "account", "market", "closure")) for one in answer["violations"]]
    assert found == expected
    assert answer["valid"] is (not expected)


@pytest.mark.parametrize(
    ("row", "detail"),
    [
        (("bob", "BTC", -1, 100), "1 contracts were sold, but the account is short: a close is a purchase"),
        (("cat", "SOL", 2, 10), "2 contracts were bought, but the account is long: a close is a sale"),
        (
            ("eve", "BTC", -1, 100),
            "1 contracts were traded, but the account is long: a close is a sale, and no sale was needed",
        ),
        (
            ("fay", "SOL", 1, 10),
            "1 contracts were traded, but the account is short: a close is a purchase, and no purchase was needed",
        ),
    ],
)
def test_a_trade_on_the_wrong_side_is_told_what_a_close_would_have_been(
    client: Any, row: tuple[Any, ...], detail: str
) -> None:
    found = judged(client, *GOOD, row)["violations"]
    assert [(one["rule"], one["detail"]) for one in found] == [("same-side", detail)]


def test_money_breaks_no_rule_and_is_told_by_market(client: Any, matches: Any) -> None:
    """BTC asks for 15 and is paid 9, ETH for 10 and is paid 12.5; SOL pays its 20."""
    rows = [("ann", "BTC", 2, 103), ("ann", "ETH", 5, 52.5), ("bob", "BTC", 1, 103), *GOOD[3:]]
    answer = judged(client, *rows)
    matches("ClosureVerificationAnswer", answer)
    assert (answer["valid"], answer["closures"]["overshoot"]) == (True, "-3.500000")
    assert [(one["rule"], one["market"], one["detail"]) for one in answer["warnings"] if one["account"] is None] == [
        ("over-paid", "ETH", "12.500000 was paid for what was closed where its price asks for 10.000000"),
        ("under-paid", "BTC", "9.000000 was paid for what was closed where its price asks for 15.000000"),
    ]


def test_where_not_all_can_be_closed_no_smallest_worst_haircut_is_told(client: Any, matches: Any) -> None:
    """SOL needs 50 of cat, who has 40."""
    left = [*EXAMPLE["liquidations"][:2], {"market": "SOL", "quantity": -50, "price": 8.75}]
    for liquidations, smallest in ((EXAMPLE["liquidations"], 0.5), (left, None)):
        answer = judged(client, *GOOD, liquidations=liquidations, options={"on_infeasible": "partial"})
        matches("ClosureVerificationAnswer", answer)
        assert answer["closures"]["smallest_worst_haircut"] == smallest
    short = [*left[:2], {"market": "SOL", "quantity": -91, "price": 9.999}]  # 90 are held, dan's among them
    assert judged(client, *GOOD, liquidations=short)["closures"]["smallest_worst_haircut"] is None
    free = [*left[:2], {"market": "SOL", "quantity": -91, "price": 10}]
    assert judged(client, *GOOD, liquidations=free)["closures"]["smallest_worst_haircut"] is None


def test_a_queue_that_was_not_kept_is_told(client: Any) -> None:
    kept = judged(client, ("ann", "BTC", 3, 105), *GOOD[1:2], *GOOD[3:], score="pnl")
    assert kept["valid"] is True
    broken = judged(client, *GOOD, score="pnl")
    assert [(found["rule"], found["account"], found["market"]) for found in broken["violations"]] == [
        ("order-broken", "bob", "BTC")
    ]


def test_the_worked_verification_comes_out_as_on_paper(client: Any, matches: Any) -> None:
    body = json.loads((ROOT / "examples/closures-verification.json").read_bytes())
    matches("ClosureVerificationRequest", body)
    answer = answer_to(client, VERIFICATIONS, body)
    rules = [(found["rule"], found["account"] or found["market"]) for found in answer["violations"]]
    assert rules == [("unprofitable", "dan"), ("over-closed", "BTC"), ("order-broken", "cat")]
    assert (answer["closures"]["paid"], answer["closures"]["overshoot"]) == ("50.000000", "5.000000")


def test_partial_fills_of_one_position_add_up(client: Any) -> None:
    answer = judged(client, ("ann", "BTC", 1, 105), ("ann", "BTC", 1, 105), *GOOD[1:])
    assert answer["valid"] is True
    assert answer["diagnostics"] == judged(client, *GOOD)["diagnostics"]


def test_gains_are_counted(client: Any) -> None:
    answer = judged(client, ("ann", "BTC", 2, 99), *GOOD[1:])
    assert (answer["closures"]["gains"], answer["closures"]["gained"]) == (1, "2.000000")


def test_the_order_of_fills_and_how_numbers_are_written_change_no_finding(client: Any) -> None:
    plain = judged(client, *GOOD)
    turned = judged(client, *GOOD[::-1])
    assert turned["closures"] == plain["closures"]
    strings = judged(client, *((account, market, str(q), f"{p}e0") for account, market, q, p in GOOD))
    assert strings == plain


def test_closures_near_an_allocation_are_not_mistaken(client: Any) -> None:
    both = verification(EXAMPLE, fills(*GOOD), allocation=[{"id": "ann", "seized": 4}])
    answer = send(client, VERIFICATIONS, both)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/allocation"]


def test_our_columns_are_taken_back_as_they_are(client: Any) -> None:
    made = columnar(closure())
    answer = answer_to(client, CLOSURES, made)
    assert answer_to(client, VERIFICATIONS, verification(made, answer["closures"]))["valid"] is True
