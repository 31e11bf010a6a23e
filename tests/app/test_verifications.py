"""POST /v1/verifications: our own answers are valid, and every broken rule is named."""

import copy
from typing import Any

import pytest

from tests import books
from tests.app.requests import (
    ALLOCATIONS,
    ROWS,
    VERIFICATIONS,
    Body,
    answer_to,
    columns_of,
    request,
    send,
    verification,
)


@pytest.mark.parametrize("policy", books.POLICIES.values(), ids=books.POLICIES)
@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
def test_our_own_answers_are_valid(client: Any, matches: Any, policy: Body, columns: bool) -> None:
    made = answer_to(client, ALLOCATIONS, request(columns_of(ROWS) if columns else ROWS, policy))
    asked = verification(made["allocations"])
    matches("VerificationRequest", asked)
    judged = answer_to(client, VERIFICATIONS, asked)
    matches("VerificationAnswer", judged)
    assert (judged["valid"], judged["violations"]) == (True, [])
    assert judged["diagnostics"] == made["diagnostics"]


@pytest.mark.parametrize(
    ("seized", "expected"),
    [
        ({"ann": "3.9", "bob": "3.6"}, []),
        ({"ann": "3.8", "bob": "3.7"}, [("over-cap", "bob")]),
        ({"ann": "8.000001", "bob": "-0.500001"}, [("over-cap", "ann"), ("negative", "bob")]),
        ({"ann": 4, "bob": "3.4", "dee": "0.1"}, [("not-a-winner", "dee")]),
        ({"ann": "3.9", "bob": "3.6", "zed": 0}, [("unknown-account", "zed")]),
        ({"ann": "3.9", "bob": "3.5", "zed": "0.1"}, [("unknown-account", "zed"), ("budget", None)]),
        ({"ann": "3.9", "bob": "3.599999"}, [("budget", None)]),
        ({"ann": 8, "bob": 3}, [("budget", None)]),
        ({"cy": "0.5", "ann": 7}, [("over-cap", "cy")]),
        ({"eve": -1, "ann": 8, "bob": 0.5}, [("negative", "eve")]),
    ],
)
def test_every_broken_rule_is_named_with_its_account(
    client: Any, matches: Any, seized: Body, expected: list[tuple[str, str | None]]
) -> None:
    """B = 7.5 from ann 8, bob 4 of which 3.6 at most, cy 0.5 of which 0.475; dee and eve lost."""
    columns = {"id": list(seized), "seized": list(seized.values())}
    answer = answer_to(client, VERIFICATIONS, verification(columns))
    matches("VerificationAnswer", answer)
    assert [(found["rule"], found["account"]) for found in answer["violations"]] == expected
    assert answer["valid"] is (not expected)


def test_a_shortage_is_a_violation_unless_partial_is_accepted(client: Any) -> None:
    made = verification([{"id": "ann", "seized": 8}, {"id": "bob", "seized": "3.6"}, {"id": "cy", "seized": "0.475"}])
    made["shortfall"]["severity"] = 1
    refused = answer_to(client, VERIFICATIONS, made)
    assert [found["rule"] for found in refused["violations"]] == ["budget"]
    accepted = answer_to(client, VERIFICATIONS, made | {"options": {"on_infeasible": "partial"}})
    assert (accepted["valid"], accepted["diagnostics"]["solvency"]["uncovered"]) == (True, "2.925000")
    less = copy.deepcopy(made) | {"options": {"on_infeasible": "partial"}}
    less["allocation"].pop()
    assert answer_to(client, VERIFICATIONS, less)["valid"] is True
    more = copy.deepcopy(made) | {"shortfall": {"deficit": 8}, "options": {"on_infeasible": "partial"}}
    assert [found["rule"] for found in answer_to(client, VERIFICATIONS, more)["violations"]] == ["budget"]


def test_a_partial_pro_rata_answer_is_valid_where_it_is_sent_back(client: Any) -> None:
    rows = [{"id": "a", "cash": 0, "pnl": 10, "max_haircut": 0.1}, {"id": "b", "cash": 0, "pnl": 10}]
    asked = {"snapshot": {"accounts": rows}, "shortfall": {"deficit": 5}, "options": {"on_infeasible": "partial"}}
    answer = answer_to(client, ALLOCATIONS, asked | {"policy": {"name": "pro-rata"}})
    assert [account["seized"] for account in answer["allocations"]] == ["1.000000", "1.000000"]
    assert answer_to(client, VERIFICATIONS, asked | {"allocation": answer["allocations"]})["valid"] is True


def test_answers_near_the_limit_of_amounts_are_valid_where_they_are_sent_back(client: Any) -> None:
    rows = [{"id": "a", "cash": 0, "pnl": 6}, {"id": "b", "cash": 0, "pnl": 1}]
    asked = {"snapshot": {"precision": 18, "accounts": rows}, "shortfall": {"deficit": 5}}
    answer = answer_to(client, ALLOCATIONS, asked | {"policy": {"name": "capped-pro-rata"}})
    assert answer["status"] == "optimal"
    assert answer_to(client, VERIFICATIONS, asked | {"allocation": answer["allocations"]})["valid"] is True


def test_a_verification_whose_remainders_would_wrap_is_refused_by_name(client: Any) -> None:
    rows = [{"id": "ann", "cash": 0, "pnl": 9 * 10**12}, {"id": "dee", "cash": 0, "pnl": -3}]
    answer = send(client, VERIFICATIONS, verification([{"id": "ann", "seized": -9 * 10**12}], rows))
    assert answer.status_code == 422
    assert [(error["pointer"], error["account"]) for error in answer.json()["errors"]] == [
        ("/allocation/0/seized", "ann")
    ]
