"""POST /v1/closures: the worked example to the unit, and what holds of every answer."""

import copy
import json
from decimal import Decimal
from typing import Any

import pytest

from app import engine
from app.convert.closures import closure_of
from app.settings import Settings
from app.work import Clock
from tests.app.closures import (
    CLOSURES,
    EXAMPLE,
    POLICIES,
    book,
    by_name,
    closure,
    columnar,
    complete,
    shuffled,
    sound,
    traded,
    verification,
)
from tests.app.requests import VERIFICATIONS, Body, answer_to, rows_of, send


def test_the_worked_example_comes_out_as_on_paper(client: Any, matches: Any) -> None:
    """Gaps 6.25, 2.5 and 25 / 40; the fund's 11.25 of 56.25 leaves four fifths: 5, 2 and 0.5 a contract, 45 in all."""
    matches("ClosureRequest", EXAMPLE)
    answer = answer_to(client, CLOSURES, EXAMPLE)
    matches("ClosureAnswer", answer)
    sound(answer)
    assert (answer["status"], answer["budget"], answer["reproducible"]) == ("optimal", "45.000000", True)
    assert [(row["account"], row["market"], row["quantity"], row["price"]) for row in answer["closures"]] == [
        ("ann", "BTC", "2", "105"),
        ("ann", "ETH", "5", "52"),
        ("bob", "BTC", "1", "105"),
        ("cat", "SOL", "-40", "9.5"),
    ]
    assert [row["cost"] for row in answer["closures"]] == ["10.000000", "10.000000", "5.000000", "20.000000"]
    assert [row["realised_pnl"] for row in answer["closures"]] == ["20.000000", "15.000000", "5.000000", "20.000000"]
    assert [row["haircut"] for row in answer["accounts"]] == [0.2, 0.1, 0.5, 0, 0, 0]
    assert [row["endowment"] for row in answer["accounts"]] == [f"{w}.000000" for w in (100, 50, 40, 0, 0, 0)]
    assert [row["leverage_before"] for row in answer["accounts"]] == [2, 2, 5.5, 7.5, None, None]
    assert [row["notional_after"] for row in answer["accounts"]] == [
        f"{n}.000000" for n in (350, 400, 700, 300, 550, 400)
    ]
    assert [(row["market"], row["side"], row["gap"], row["shadow_price"]) for row in answer["markets"]] == [
        ("BTC", "long", "5", 0.2),
        ("ETH", "long", "2", 0.2),
        ("SOL", "short", "0.5", 0.5),
    ]
    assert [row["open_interest_closed"] for row in answer["markets"]] == pytest.approx([3 / 9, 5 / 18, 40 / 90])
    certificate = answer["certificate"]
    assert (certificate["objective"], certificate["bound"], certificate["worst_haircut"]) == (7.25, 7.25, 0.5)
    assert answer["diagnostics"]["solvency"]["deficit"] == "56.250000"
    assert ": -0.0," not in json.dumps(answer), "no minus zero"


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_every_policy_keeps_the_schema_and_adds_up(client: Any, matches: Any, policy: Body) -> None:
    for made in (
        closure(policy),
        columnar(closure(policy)),
        closure(policy, options={"detail": "summary"}),
        closure(policy, options={"margin": "isolated", "on_infeasible": "partial"}),
        closure(policy, options={"numeraire": "equity"}),
        closure(policy, shortfall={"insurance_fund": 1000}),
    ):
        matches("ClosureRequest", made)
        answer = answer_to(client, CLOSURES, made)
        matches("ClosureAnswer", answer)
        assert answer["policy"]["name"] == policy["name"]
        if isinstance(answer["closures"], list) and answer["accounts"]:
            sound(answer)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_the_same_request_has_the_same_bytes(client: Any, policy: Body) -> None:
    first, second = (send(client, CLOSURES, closure(policy)) for _ in range(2))
    assert first.status_code == 200
    assert first.content == second.content


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_the_order_of_the_rows_changes_no_close(client: Any, policy: Body) -> None:
    before = answer_to(client, CLOSURES, closure(policy))
    for seed in range(3):
        made = shuffled(closure(policy), seed)
        after = answer_to(client, CLOSURES, made)
        assert by_name(after) == by_name(before)
        assert after["markets"] == before["markets"]
        assert after["diagnostics"] == before["diagnostics"]
        assert after["certificate"] == before["certificate"]
        assert after["certificate"] == before["certificate"]
        order = [(row["account"], row["market"]) for row in made["snapshot"]["positions"]]
        closes = [(row["account"], row["market"]) for row in after["closures"]]
        assert closes == sorted(closes, key=order.index)
        assert [row["id"] for row in after["accounts"]] == [row["id"] for row in made["snapshot"]["accounts"]]


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_columns_in_columns_out_with_the_same_closes(client: Any, policy: Body) -> None:
    rows, columns = (answer_to(client, CLOSURES, form(closure(policy))) for form in (dict, columnar))
    assert rows_of(columns["closures"]) == rows["closures"]
    assert rows_of(columns["accounts"]) == rows["accounts"]
    same = set(rows) - {"id", "closures", "accounts"}
    assert {name: rows[name] for name in same} == {name: columns[name] for name in same}


def test_layouts_follow_positions_and_accounts_each_their_own(client: Any) -> None:
    columns = columnar(EXAMPLE)["snapshot"]
    mixed = answer_to(client, CLOSURES, closure(positions=columns["positions"]))
    assert (type(mixed["closures"]), type(mixed["accounts"])) == (dict, list)
    mixed = answer_to(client, CLOSURES, closure(accounts=columns["accounts"]))
    assert (type(mixed["closures"]), type(mixed["accounts"])) == (list, dict)


def test_a_summary_is_the_full_answer_without_closures_and_accounts(client: Any) -> None:
    full, summary = (answer_to(client, CLOSURES, closure(options={"detail": detail})) for detail in ("full", "summary"))
    assert (summary["closures"], summary["accounts"]) == (None, None)
    assert {name for name in full if full[name] != summary[name]} == {"id", "closures", "accounts"}


def test_the_id_depends_on_everything_and_on_no_default(client: Any) -> None:
    plain = answer_to(client, CLOSURES, EXAMPLE)["id"]
    accounts, positions, left = (
        EXAMPLE["snapshot"]["accounts"],
        EXAMPLE["snapshot"]["positions"],
        EXAMPLE["liquidations"],
    )
    same = [
        closure(options={"margin": "cross", "integer": "rounded", "time_limit": 20}),
        closure(shortfall={"insurance_fund": "11.250", "severity": 1, "largest": None}),
        closure(accounts=[row | {"fees": 0, "score": None, "min_equity": "0.0"} for row in accounts]),
        closure(liquidations=[row | {"price": row.get("price")} for row in left]),
    ]
    assert {answer_to(client, CLOSURES, made)["id"] for made in same} == {plain}
    markets = EXAMPLE["snapshot"]["markets"]
    different = [
        columnar(EXAMPLE),
        closure({"name": "min-max"}),
        closure(options={"detail": "summary"}),
        closure(options={"on_infeasible": "partial"}),
        closure(shortfall={"insurance_fund": 11.25, "largest": 4}),
        closure(shortfall={"insurance_fund": 11.25, "needed": 4}),
        closure(markets=[row | {"maintenance_margin_rate": 0.01} for row in markets]),
        closure(markets=[row | {"tick_size": "0.25"} for row in markets]),
        closure(markets=[row | {"lot_size": 0.5} for row in markets]),
        closure(accounts=[row | {"group": "mm"} for row in accounts]),
        closure(accounts=[row | {"score": 2} for row in accounts]),
        closure(accounts=[*accounts[:5], accounts[5] | {"cash": "55.000001"}]),
        closure(positions=[positions[0] | {"entry_price": 116}, *positions[1:]]),
        closure(liquidations=[left[0] | {"account": "eva"}, *left[1:]]),
        closure() | {"snapshot": EXAMPLE["snapshot"] | {"venue": "other"}},
    ]
    ids = [answer_to(client, CLOSURES, made)["id"] for made in different]
    assert len({plain, *ids}) == len(ids) + 1


@pytest.mark.parametrize(
    ("policy", "valid"), [(policy, name != "queue") for name, policy in POLICIES.items()], ids=list(POLICIES)
)
@pytest.mark.parametrize("form", [dict, columnar], ids=["rows", "columns"])
@pytest.mark.parametrize("margin", ["cross", "isolated"])
def test_our_own_answers_are_valid_where_they_are_sent_back(
    client: Any, matches: Any, policy: Body, valid: bool, form: Any, margin: str
) -> None:
    """Only a queue of whole positions closes more than was needed, and is told so."""
    made = form(closure(policy, options={"margin": margin, "on_infeasible": "partial"}))
    answer = answer_to(client, CLOSURES, made)
    asked = verification(made, answer["closures"])
    matches("ClosureVerificationRequest", asked)
    judged = answer_to(client, VERIFICATIONS, asked)
    matches("ClosureVerificationAnswer", judged)
    assert judged["diagnostics"] | {"risk": answer["diagnostics"]["risk"]} == answer["diagnostics"]
    assert {found["rule"] for found in judged["violations"]} == (set() if valid else {"over-closed"})
    assert judged["valid"] is valid
    assert {found["rule"] for found in judged["warnings"]} <= {"risk-rose", "not-closed"}
    assert judged["closures"]["worst_haircut"] == pytest.approx(answer["certificate"]["worst_haircut"], abs=1e-6)
    bound = answer["certificate"]["worst_haircut_bound"]
    assert judged["closures"]["smallest_worst_haircut"] == pytest.approx(bound, abs=1e-12)


def test_isolated_margin_looks_at_the_position_alone(client: Any) -> None:
    """Cross: a's loss elsewhere leaves it nothing. Isolated: its position here pays."""
    made = book(
        {"up": 100, "down": 100},
        {"a": 1000, "b": 1000},
        [("a", "up", -10, 110), ("a", "down", -10, 80), ("b", "up", -10, 110)],
        [{"market": "up", "quantity": 10, "price": 101}],
    )
    cross = answer_to(client, CLOSURES, made)
    assert traded(cross) == {("b", "up"): ("10", "10.000000")}
    isolated = answer_to(client, CLOSURES, made | {"options": {"margin": "isolated"}})
    assert traded(isolated) == {("a", "up"): ("5", "5.000000"), ("b", "up"): ("5", "5.000000")}
    assert [row["endowment"] for row in isolated["accounts"]] == ["100.000000", "100.000000"]
    sound(isolated)


def test_opposite_sides_of_one_market_are_closed_apart(client: Any) -> None:
    """Both sides of one market, and several bankrupt accounts pooled on one of them."""
    made = book(
        {"up": 100},
        {"a": 1000, "b": 1000},
        [("a", "up", -5, 150), ("b", "up", 5, 50)],
        [
            {"market": "up", "quantity": 1, "price": 102, "account": "x"},
            {"market": "up", "quantity": 1, "price": 104, "account": "y"},
            {"market": "up", "quantity": -2, "price": 99},
        ],
    )
    answer = answer_to(client, CLOSURES, made)
    sound(answer)
    assert [(row["side"], row["gap"]) for row in answer["markets"]] == [("short", "1"), ("long", "3")]
    assert traded(answer) == {("a", "up"): ("2", "6.000000"), ("b", "up"): ("-2", "2.000000")}


def test_robustness_and_revenue_are_told_of_closures_too(client: Any, matches: Any) -> None:
    aims = {"shock": {"law": "normal", "sigma": 0.2}, "retention": {"curve": "linear", "rate": 0.5}}
    accounts = [row | {"fees": 1} for row in EXAMPLE["snapshot"]["accounts"]]
    answer = answer_to(client, CLOSURES, closure(accounts=accounts, options=aims))
    matches("ClosureAnswer", answer)
    assert answer["diagnostics"]["revenue"]["ltv_kept"] == "5.600000"
    assert Decimal(answer["diagnostics"]["robustness"]["expected_deficit_after"]) > 0


def test_exact_is_for_policies_that_minimise_and_never_worse(client: Any, matches: Any) -> None:
    for name in ("lexicographic", "min-max"):
        rounded, exact = (
            answer_to(client, CLOSURES, closure({"name": name}, options={"integer": integer}))
            for integer in ("rounded", "exact")
        )
        matches("ClosureAnswer", exact)
        sound(exact)
        worst = [answer["certificate"]["worst_haircut"] for answer in (rounded, exact)]
        assert worst == [0.5, 0.5]
        assert exact["certificate"]["worst_haircut_bound"] <= worst[1]


def test_a_search_that_the_clock_cut_short_says_so() -> None:
    class Late(Clock):
        def left(self, *, best: bool = False) -> float:
            return 1e-9

    for integer, reproducible in (("rounded", True), ("exact", False)):
        asked = closure_of(closure(options={"integer": integer}), Settings())
        answer = engine.close_out(*asked, Late(30, lambda _: None))
        assert answer["reproducible"] is reproducible


def test_no_answer_has_a_nan(client: Any) -> None:
    def never(token: str) -> Any:
        raise AssertionError(token)

    nobody = book(
        {"up": 100},
        {"a": 0, "b": -50},
        [("a", "up", -5, 100), ("b", "up", -5, 90)],
        [{"market": "up", "quantity": 1, "price": 101}],
        options={"on_infeasible": "partial"},
    )
    for policy in POLICIES.values():
        for options in ({"on_infeasible": "partial"}, {"on_infeasible": "partial", "margin": "isolated"}):
            content = send(client, CLOSURES, complete(nobody | {"policy": policy, "options": options}))
            assert content.status_code == 200, content.text
            json.loads(content.content, parse_constant=never)


def test_the_metrics_tell_closings_from_allocations(client: Any) -> None:
    answer_to(client, CLOSURES, EXAMPLE)
    text = client.get("/metrics").text
    assert 'adl_budget{policy="closures lexicographic"} 45.0' in text


def test_accounts_at_their_caps_are_told_and_those_who_owe_nothing_are_not(client: Any) -> None:
    for cap, capped in (("0.1", True), (0, True), (1, False)):
        accounts = copy.deepcopy(EXAMPLE["snapshot"]["accounts"])
        accounts[1]["max_haircut"] = cap
        answer = answer_to(client, CLOSURES, closure(accounts=accounts))
        told = {row["id"]: row["capped"] for row in answer["accounts"]}
        assert told == dict.fromkeys(("ann", "cat", "dan", "eve", "fay"), False) | {"bob": capped}
