"""The same request has the same answer, whatever the form and the order it comes in."""

from random import Random
from typing import Any

import pytest

from tests import books
from tests.app.requests import ALLOCATIONS, ROWS, Body, answer_to, columns_of, request, rows_of, send


@pytest.mark.parametrize("policy", books.POLICIES.values(), ids=books.POLICIES)
def test_the_same_request_has_the_same_bytes(client: Any, policy: Body) -> None:
    first, second = (send(client, ALLOCATIONS, request(policy=policy)) for _ in range(2))
    assert first.status_code == 200
    assert first.content == second.content


@pytest.mark.parametrize("policy", books.POLICIES.values(), ids=books.POLICIES)
def test_the_order_of_the_rows_changes_no_accounts_amount(client: Any, policy: Body) -> None:
    tie = [ROWS[0] | {"id": f"tie {i}"} for i in range(3)]
    before = answer_to(client, ALLOCATIONS, request([*ROWS, *tie], policy))
    for seed in range(3):
        shuffled = [*ROWS, *tie]
        Random(seed).shuffle(shuffled)
        after = answer_to(client, ALLOCATIONS, request(shuffled, policy))
        assert [row["id"] for row in after["allocations"]] == [row["id"] for row in shuffled]
        assert {row["id"]: row for row in after["allocations"]} == {row["id"]: row for row in before["allocations"]}
        for answer in (before, after):
            answer["diagnostics"]["fairness"].pop("lorenz", None)  # corners of equal haircut come as the rows do
        assert after["diagnostics"] == before["diagnostics"]


@pytest.mark.parametrize("policy", books.POLICIES.values(), ids=books.POLICIES)
def test_columns_in_columns_out_and_rows_in_rows_out_with_the_same_amounts(client: Any, policy: Body) -> None:
    rows = answer_to(client, ALLOCATIONS, request(ROWS, policy))
    columns = answer_to(client, ALLOCATIONS, request(columns_of(ROWS), policy))
    assert isinstance(rows["allocations"], list)
    assert rows_of(columns["allocations"]) == rows["allocations"]
    assert [row["id"] for row in rows["allocations"]] == [row["id"] for row in ROWS]
    kept = set(rows) - {"id", "allocations"}
    assert {name: rows[name] for name in kept} == {name: columns[name] for name in kept}


def test_a_summary_is_the_full_answer_without_the_accounts(client: Any) -> None:
    full = answer_to(client, ALLOCATIONS, request(detail="full"))
    summary = answer_to(client, ALLOCATIONS, request(detail="summary"))
    assert summary["allocations"] is None
    differing = {name for name in full if full[name] != summary[name]}
    assert differing == {"allocations", "id"}


NUMBERS = (
    "cash",
    "pnl",
    "notional",
    "contracts",
    "max_haircut",
    "min_equity",
    "fees",
    "maintenance_margin",
    "entry_notional",
    "bankruptcy_notional",
    "price_ratio",
    "score",
    "exposure",
)


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.parametrize(
    ("number", "strings"),
    [
        (0.1, ("0.1", "0.10", "1e-1", "+0.1")),
        (0.1 + 0.2, ("0.30000000000000004", "3.0000000000000004e-1")),
        (1, ("1", "1.0", "1e0")),
    ],
    ids=["0.1", "0.1 + 0.2", "1"],
)
def test_a_number_and_its_decimal_string_have_one_id_and_one_answer(
    client: Any, field: str, number: float, strings: tuple[str, ...]
) -> None:
    forms = {
        form: send(client, ALLOCATIONS, request([ROWS[0] | {field: form}, *ROWS[1:]])).content
        for form in (number, *strings)
    }
    assert {form for form, content in forms.items() if content != forms[number]} == set()


@pytest.mark.parametrize("field", ["cash", "notional", "max_haircut", "score"])
def test_zeros_at_the_end_of_a_long_decimal_string_change_nothing(client: Any, field: str) -> None:
    short, long = (
        send(client, ALLOCATIONS, request([ROWS[0] | {field: form}, *ROWS[1:]])).content
        for form in ("0.5", "0.5000000000000000000000")
    )
    assert short == long


@pytest.mark.parametrize("field", ["deficit", "largest", "insurance_fund", "needed", "severity"])
def test_the_shortfall_may_be_numbers_or_strings_too(client: Any, field: str) -> None:
    forms = [
        send(client, ALLOCATIONS, request() | {"shortfall": {"severity": 0.5, field: form}})
        for form in (0.42, "0.42", "0.420", "42e-2", "0.42000000000000000000000000")
    ]
    assert {answer.status_code for answer in forms} == {200}
    assert len({answer.content for answer in forms}) == 1


def test_a_float_means_its_shortest_decimal_form(client: Any) -> None:
    rows = [{"id": "a", "cash": 0, "pnl": 0.1 + 0.2}, {"id": "b", "cash": 0, "pnl": 4.35}]
    made = request(rows) | {"shortfall": {"deficit": 0.57}}
    made["snapshot"]["precision"] = 17
    answer = answer_to(client, ALLOCATIONS, made)
    assert [row["endowment"] for row in answer["allocations"]] == ["0.30000000000000004", "4.35000000000000000"]
    assert answer["budget"] == "0.57000000000000000"


def test_an_amount_is_rounded_against_the_account_and_a_deficit_up(client: Any) -> None:
    rows = [
        {"id": "a", "cash": "-0.0000001", "pnl": "9.9999999"},
        {"id": "b", "cash": 0, "pnl": 5, "min_equity": "1e-7"},
    ]
    made = request(rows, policy={"name": "queue"}) | {"shortfall": {"deficit": "7.0000001"}}
    answer = answer_to(client, ALLOCATIONS, made)
    assert answer["allocations"][0]["endowment"] == "9.999999"
    assert answer["allocations"][0]["equity_after"] == "2.999997"
    assert answer["budget"] == "7.000001"
    assert answer["diagnostics"]["solvency"]["reachable_capacity"] == "14.999997"


def test_a_cap_is_read_exactly(client: Any) -> None:
    rows = [ROWS[0] | {"max_haircut": "0.99999999999999999999"}]
    answer = answer_to(client, ALLOCATIONS, request(rows) | {"shortfall": {"deficit": 1}})
    assert answer["diagnostics"]["solvency"]["reachable_capacity"] == "7.999999"
