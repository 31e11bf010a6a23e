"""POST /v1/comparisons: what each policy alone would answer, and what is wrong with it in its place."""

import json
from typing import Any

import pytest

from tests import books
from tests.app.requests import ALLOCATIONS, COMPARISONS, ROWS, answer_to, comparison, request, send


def test_a_comparison_answers_what_each_allocation_would(client: Any) -> None:
    policies = list(books.POLICIES.values())
    together = answer_to(client, COMPARISONS, comparison(policies))["results"]
    alone = [answer_to(client, ALLOCATIONS, request(policy=policy)) for policy in policies]
    assert json.dumps(together) == json.dumps(alone)
    assert len({answer["id"] for answer in alone}) == len(policies)


def test_what_is_wrong_with_one_policy_stands_in_its_place(client: Any, matches: Any) -> None:
    """Nobody may lose more than half: pro-rata, which would take six tenths, cannot; the others can."""
    rows = [row | {"max_haircut": cap} for row, cap in zip(ROWS, (0.5, 1, 1, 1, 1), strict=True)]
    del rows[0]["entry_notional"]
    asked = [
        {"name": "queue"},
        {"name": "no such policy"},
        {"name": "pro-rata"},
        {"name": "queue", "score": "bitmex"},
        {"name": "rap", "exponent": 11},
        7,
        {"name": "capped-pro-rata"},
    ]
    made = comparison(asked, snapshot={"accounts": rows})
    answer = answer_to(client, COMPARISONS, made)
    matches("ComparisonAnswer", answer)
    results = answer["results"]
    codes = [result["problem"]["code"] if "problem" in result else result["status"] for result in results]
    invalid = "invalid-request"
    assert codes == ["feasible", invalid, "infeasible-budget", invalid, invalid, invalid, "optimal"]
    pointers = [[e["pointer"] for e in result["problem"]["errors"]] for result in results if "problem" in result]
    assert pointers == [
        ["/policies/1/name"],
        ["/snapshot/accounts/0"],
        ["/snapshot/accounts/0/entry_notional"],
        ["/policies/4/exponent"],
        ["/policies/5"],
    ]
    assert results[2]["policy"] == {"name": "pro-rata"}
    assert results[2]["problem"]["largest_feasible_severity"] == pytest.approx(0.5 * 12.5 / 15)
    alone = send(client, ALLOCATIONS, request(rows, {"name": "pro-rata"}))
    assert (alone.status_code, alone.json()) == (409, results[2]["problem"])
