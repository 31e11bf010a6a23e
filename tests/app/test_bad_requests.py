"""Bad requests: each gets its code, names the field and the account, echoes nothing, and harms no later request."""

import json
from typing import Any

import pytest

from solvers.registry import POLICIES
from tests.app.bad_books import (
    broken_json,
    needed_by_scores,
    out_of_range,
    too_large,
    wrong_ids,
    wrong_kinds,
    wrong_tables,
)
from tests.app.bad_parameters import (
    wrong_comparisons,
    wrong_fields,
    wrong_policies,
    wrong_retentions,
    wrong_rules,
    wrong_scalars,
    wrong_shocks,
    wrong_verifications,
)
from tests.app.bad_requests import COLUMNS, MARK, ROWS, Bad, body, changed, text, without
from tests.app.requests import ALLOCATIONS, JSON, Body
from tests.books import AIMS
from tests.problems import one_in

ACCOUNTS = ("ann", "bob", "dee")

CASES = [
    *broken_json(),
    *wrong_kinds(),
    *wrong_ids(),
    *wrong_tables(),
    *wrong_fields(),
    *wrong_scalars(),
    *wrong_retentions(),
    *wrong_rules(),
    *wrong_shocks(),
    *out_of_range(),
    *too_large(),
    *wrong_policies(),
    *needed_by_scores(),
    *wrong_comparisons(),
    *wrong_verifications(),
]


@pytest.fixture(scope="module")
def good(client: Any) -> bytes:
    """The answer to a good request, before anything bad was sent."""
    return answer_to_the_good(client)


def answer_to_the_good(client: Any) -> bytes:
    answer = client.post(ALLOCATIONS, content=text(body()), headers=JSON)
    assert answer.status_code == 200
    content: bytes = answer.content
    return content


def never(token: str) -> Any:
    raise AssertionError(f"{token} in an answer")


def refused(client: Any, path: str, raw: bytes, status: int, code: str) -> Body:
    """The problem document of a refused request, after what holds for all of them was checked."""
    answer = client.post(path, content=raw, headers=JSON)
    problem: Body = json.loads(answer.content, parse_constant=never)
    said = (answer.status_code, problem.get("status"), problem.get("code"))
    assert said == (status, status, code), answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]
    assert problem["type"].endswith(code)
    assert problem["title"]
    assert problem["detail"]
    assert MARK not in answer.text
    assert len(answer.content) < 8_000
    shown = problem.get("errors", [])
    assert len(shown) == min(problem.get("errors_total", 0), 20)
    assert all(set(error) == {"pointer", "detail", "account"} and error["detail"] for error in shown)
    return problem


@pytest.mark.parametrize("case", one_in(3, CASES), ids=lambda case: case.what)
def test_a_bad_request_is_refused_by_name_and_the_next_good_one_works(client: Any, good: bytes, case: Bad) -> None:
    problem = refused(client, case.path, case.raw, case.status, case.code)
    named = [(error["pointer"], error["account"]) for error in problem["errors"]]
    assert (case.pointer, case.account) in named, problem
    assert answer_to_the_good(client) == good


def test_the_table_of_bad_requests_has_no_case_twice() -> None:
    assert len({(case.path, case.raw) for case in CASES}) == len(CASES) >= 500


@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
def test_all_faults_of_a_book_are_named_at_once(client: Any, columns: bool) -> None:
    here = "/snapshot/accounts"
    faults = [("cash", 0, MARK), ("pnl", 2, None), ("max_haircut", 1, "x"), ("group", 1, 7), ("exposure", 2, "y")]
    request, expected = body(COLUMNS if columns else ROWS), set()
    for name, i, value in faults:
        pointer = f"{here}/{name}/{i}" if columns else f"{here}/{i}/{name}"
        request = changed(request, pointer, value)
        expected.add((pointer, ACCOUNTS[i]))
    problem = refused(client, ALLOCATIONS, text(request), 422, "invalid-request")
    assert {(error["pointer"], error["account"]) for error in problem["errors"]} == expected
    assert problem["errors_total"] == len(faults)


def test_twenty_of_many_errors_are_shown_with_their_total(client: Any) -> None:
    rows = [{"id": f"a{i}", "cash": MARK, "pnl": 1} for i in range(500)]
    problem = refused(client, ALLOCATIONS, text(body(rows)), 422, "invalid-request")
    assert (len(problem["errors"]), problem["errors_total"]) == (20, 500)
    unknown = refused(client, ALLOCATIONS, text(body() | {f"x{i}": 1 for i in range(50)}), 422, "invalid-request")
    assert (len(unknown["errors"]), unknown["errors_total"]) == (20, 50)


def test_a_very_long_field_name_does_not_make_a_very_long_answer(client: Any) -> None:
    refused(client, ALLOCATIONS, text(body() | {"x" * 100_000: 1}), 422, "invalid-request")


@pytest.mark.parametrize(
    ("score", "name"),
    [
        ("binance", "maintenance_margin"),
        ("hyperliquid-observed", "entry_notional"),
        ("bitmex", "bankruptcy_notional"),
        ("hyperliquid-published", "price_ratio"),
        ("custom", "score"),
    ],
)
def test_an_account_that_cannot_be_haircut_may_lack_what_a_score_needs(client: Any, score: str, name: str) -> None:
    lacking = without(body(policy={"name": "queue", "score": score}), f"/snapshot/accounts/2/{name}")
    answer = client.post(ALLOCATIONS, content=text(lacking), headers=JSON)
    assert answer.status_code == 200, answer.text
    assert answer.json()["allocations"][2]["rank"] is None


def unexposed(accounts: Body) -> Body:
    """Without exposures, which are for two factors."""
    return {name: value for name, value in accounts.items() if name != "exposure"}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
@pytest.mark.parametrize(
    ("numeraire", "caps", "pro_rata"), [("pnl", [0.25, 1, 1], 3), ("equity", [0.25, 0.7, 1], 3.75)]
)
def test_a_budget_above_capacity_is_refused_with_the_severity_that_fits(
    client: Any, policy: str, columns: bool, numeraire: str, caps: list[float], pro_rata: float
) -> None:
    """Six can be taken of endowments 8 and 4, or 10 and 5; by pro-rata a quarter of all. The deficit is 7.7."""
    table = unexposed(COLUMNS) | {"max_haircut": caps}
    rows = [unexposed(row) | {"max_haircut": cap} for row, cap in zip(ROWS, caps, strict=True)]
    accounts: Any = table if columns else rows
    options = {"numeraire": numeraire, **AIMS}
    request = body(accounts, policy={"name": policy}, shortfall={"deficit": 7.7}, options=options)
    problem = refused(client, ALLOCATIONS, text(request), 409, "infeasible-budget")
    assert (problem["budget"], problem["reachable_capacity"]) == ("7.700000", "6.000000")
    most = pro_rata if policy == "pro-rata" else 6
    assert float(problem["shortage"]) == pytest.approx(7.7 - most, abs=2e-6)
    severity = problem["largest_feasible_severity"]
    assert severity == pytest.approx(most / 7.7, rel=1e-6)
    fitting = client.post(ALLOCATIONS, content=text(changed(request, "/shortfall/severity", severity)), headers=JSON)
    assert fitting.status_code == 200, fitting.text
    assert float(fitting.json()["budget"]) == pytest.approx(most, abs=2e-6)
    if policy == "pro-rata":
        named = [(error["pointer"], error["account"]) for error in problem["errors"]]
        assert ("/snapshot/accounts/id/0" if columns else "/snapshot/accounts/0", "ann") in named


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
def test_a_budget_without_winners_is_refused_and_nothing_can_be_taken(client: Any, policy: str, columns: bool) -> None:
    accounts: Any = (
        {"id": ["ann", "bob"], "cash": [0, 1], "pnl": [-8, -3]} if columns else list(map(unexposed, ROWS[2:]))
    )
    request = body(accounts, policy={"name": policy}, options=AIMS)
    problem = refused(client, ALLOCATIONS, text(request), 409, "infeasible-budget")
    assert (problem["reachable_capacity"], problem["largest_feasible_severity"]) == ("0.000000", 0)
    assert problem["shortage"] == problem["budget"] == ("10.000000" if columns else "6.000000")
    nothing = client.post(ALLOCATIONS, content=text(changed(request, "/shortfall/severity", 0)), headers=JSON)
    assert (nothing.status_code, nothing.json()["budget"]) == (200, "0.000000")


ENDS = {
    "the smallest severity": {"shortfall": {"severity": 5e-324}},
    "a severity below all doubles": {"shortfall": {"severity": "1e-999", "deficit": 5, "largest": 3}},
    "a whole power of the largest leverage": {"policy": {"name": "rap", "risk": "power", "exponent": 10}},
    "half a power of the largest leverage": {"policy": {"name": "rap", "risk": "power", "exponent": 2.5}},
    "the largest leverage": {"policy": {"name": "leverage-pro-rata"}},
    "the largest threshold": {"policy": {"name": "rap", "risk": "cvar", "threshold": 1.7e308}},
    "the most contracts": {"policy": {"name": "contracts-pro-rata"}},
    "the largest scores": {"policy": {"name": "queue", "score": "hyperliquid-observed"}},
    "the largest time limit": {"options": {"time_limit": 1.7e308}},
}


@pytest.mark.parametrize("size", [1.7e308, 5e-324, 0.0], ids=repr)
@pytest.mark.parametrize("end", ENDS)
def test_numbers_at_the_ends_of_the_range_do_not_break_the_service(client: Any, end: str, size: float) -> None:
    """Answered, or refused by name where that cannot be: never a failure of the service."""
    only_one = {"notional": 0, "contracts": 0}
    rows = [ROWS[0] | {"notional": size, "contracts": size}, ROWS[1] | only_one, ROWS[2] | {"pnl": -5}]
    answer = client.post(ALLOCATIONS, content=text(body(rows, **ENDS[end])), headers=JSON)
    json.loads(answer.content, parse_constant=never)
    assert answer.status_code in (200, 422), answer.text
