"""The service against rational arithmetic: small nasty books, every closed form and score, to the unit.

A mismatch prints the request: paste it into a POST to see it again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests import rational
from tests.books import POLICIES, Request, money, nasty_books, with_policy
from tests.problems import some
from tests.rational import Result, allocate

Post = Callable[[str, Any], tuple[int, Any]]
BOOKS = nasty_books(240)


def units(amount: str, precision: int) -> int:
    """A response's money: a decimal string with exactly the declared precision."""
    assert isinstance(amount, str)
    whole_units = int(Decimal(amount).scaleb(precision).to_integral_value())
    assert Decimal(amount).scaleb(precision) == whole_units
    assert len(amount.partition(".")[2]) == precision, amount
    return whole_units


def close(got: float | None, wanted: Fraction | None) -> bool:
    if got is None or wanted is None:
        return got is None and wanted is None
    return math.isclose(got, float(wanted), rel_tol=1e-9, abs_tol=1e-12)


def differences(answer: Any, wanted: Result, status: str) -> list[str]:
    """What the answer says otherwise than the oracle, in words."""
    book, precision = wanted.book, wanted.book.precision
    equity = sum(book.equity.values())
    wrong: list[str] = []

    def same(what: str, got: Any, expected: Any) -> None:
        if got != expected:
            wrong.append(f"{what}: got {got!r}, expected {expected!r}")

    rows = {row["id"]: row for row in answer["allocations"]}
    seized = {i: units(row["seized"], precision) for i, row in rows.items()}
    same("order of accounts", list(rows), list(book.rows))
    same("seized", seized, wanted.seized)
    same("conservation", sum(seized.values()), wanted.total)
    same("status", answer["status"] == "partial", status == "partial")
    for i, row in rows.items():
        w, x = book.endowment[i], wanted.seized[i]
        same(f"endowment of {i}", units(row["endowment"], precision), w)
        same(f"pnl after of {i}", units(row["pnl_after"], precision), book.pnl[i] - x)
        same(f"equity after of {i}", units(row["equity_after"], precision), book.equity[i] - x)
        same(f"rank of {i}", row["rank"], wanted.ranks.get(i))
        same(f"quantile of {i}", row["quantile"], wanted.quantiles.get(i))
        if not close(row["haircut"] or 0.0, Fraction(x, w or 1)):
            wrong.append(f"haircut of {i}: got {row['haircut']}, expected {x}/{w}")
    solvency = answer["diagnostics"]["solvency"]
    for name, expected in {
        "deficit": book.deficit,
        "insurance_used": book.insurance_used,
        "residual": book.residual,
        "budget": book.budget,
        "capacity": book.capacity,
        "reachable_capacity": book.reachable,
        "uncovered": book.budget - wanted.total,
        "equity_before": equity,
        "equity_after": equity - wanted.total,
    }.items():
        same(name, units(solvency[name], precision), expected)
    same("regime", (solvency["regime"], solvency["binding"]), book.regime)
    same("budget above", units(answer["budget"], precision), book.budget)
    fairness = answer["diagnostics"]["fairness"]
    for name, expected in rational.fairness(wanted).items():
        if name in {"rank_inversions", "versus"}:
            same(name, fairness[name], expected)
        elif not close(fairness[name], expected):
            wrong.append(f"{name}: got {fairness[name]}, expected {expected and float(expected)!r}")
    return wrong


def hold(request: Request, wrong: list[str]) -> None:
    if wrong:
        pytest.fail("\n".join([*wrong[:8], json.dumps(request, ensure_ascii=False)]), pytrace=False)


def solved(post: Post, request: Request) -> Any:
    code, answer = post("/v1/allocations", request)
    if code != 200:
        hold(request, [f"{code} instead of 200: {answer}"])
    return answer


def check_refused(post: Post, request: Request, wanted: Result) -> None:
    """409 with the figures; what it sends back succeeds; and partial takes the most there is."""
    book, refusal = wanted.book, wanted.refusal
    assert refusal is not None
    code, problem = post("/v1/allocations", request)
    if (code, problem.get("code")) != (409, "infeasible-budget"):
        hold(request, [f"{code} {problem.get('code')} instead of 409 infeasible-budget"])
    wrong = [
        f"{name}: got {problem[name]}, expected {expected} units"
        for name, expected in (
            ("budget", book.budget),
            ("reachable_capacity", book.reachable),
            ("shortage", refusal.shortage),
        )
        if units(problem[name], book.precision) != expected
    ]
    named = {error.get("account") for error in problem.get("errors") or []} - {None}
    if refusal.accounts and named != set(refusal.accounts):
        wrong.append(f"accounts named: got {sorted(named)}, expected {sorted(refusal.accounts)}")
    hold(request, wrong)

    severity = problem["largest_feasible_severity"]
    again = {**request, "shortfall": {**request["shortfall"], "severity": severity}}
    most = Fraction(refusal.largest_budget, book.residual)
    if not (0 <= severity <= 1 and math.isclose(severity, float(most), rel_tol=1e-9, abs_tol=1e-15)):
        wrong.append(f"largest feasible severity: got {severity}, expected {float(most)}")
    smaller = allocate(again)
    if smaller.infeasible:
        wrong.append(f"severity {severity} sent back asks {smaller.book.budget} of {refusal.largest_budget} units")
    hold(request, wrong)
    hold(again, differences(solved(post, again), smaller, "whole"))

    partial = with_policy(request, request["policy"], on_infeasible="partial")
    hold(partial, differences(solved(post, partial), allocate(partial), "partial"))


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("part", some(15, 1))
def test_the_service_equals_rational_arithmetic_to_the_unit(post: Post, name: str, part: int) -> None:
    for book in BOOKS[part * 16 : part * 16 + 16]:
        request = with_policy(book, POLICIES[name])
        wanted = allocate(request)
        if wanted.infeasible:
            check_refused(post, request, wanted)
        else:
            hold(request, differences(solved(post, request), wanted, "whole"))


@pytest.mark.parametrize("gap", [-1, 0, 1])
def test_one_unit_decides_whether_a_budget_is_refused(post: Post, gap: int) -> None:
    """Caps are whole units before anything else: 0.3 of 1.000001 is 300000 units, not 300000.3."""
    account = {"id": "a", "cash": 0, "pnl": "1.000001", "notional": 2, "contracts": 1, "max_haircut": 0.3}
    deficit = money(600_000 + gap, 6)
    accounts = [account, {**account, "id": "b"}]
    for policy in ("capped-pro-rata", "pro-rata", "leverage-pro-rata", "contracts-pro-rata", "queue"):
        body = {
            "snapshot": {"precision": 6, "accounts": accounts},
            "shortfall": {"deficit": deficit},
            "policy": {"name": policy},
        }
        assert post("/v1/allocations", body)[0] == (409 if gap > 0 else 200)


@pytest.mark.parametrize("policy", ["capped-pro-rata", "pro-rata"])
def test_remainders_are_compared_exactly(post: Post, policy: str) -> None:
    """The fractions are (U - 1)/2U and (U + 1)/2U with U near 2^62: equal in floats, yet b's is the larger."""
    capacity, first = 2**62 - 1, 2**61 + 3
    budget = (capacity - 1) // 2 * pow(first, -1, capacity) % capacity
    profits = {"a": first, "b": capacity - first}
    body = {
        "snapshot": {
            "precision": 0,
            "accounts": [{"id": i, "cash": 0, "pnl": str(w)} for i, w in profits.items()],
        },
        "shortfall": {"deficit": str(budget)},
        "policy": {"name": policy},
    }
    got = {row["id"]: int(row["seized"]) for row in solved(post, body)["allocations"]}
    floors = {i: budget * w // capacity for i, w in profits.items()}
    assert got == allocate(body).seized == {"a": floors["a"], "b": floors["b"] + 1}


def test_a_verdict_keeps_its_one_unit_of_tolerance_at_a_million_million(post: Post) -> None:
    """Capped-pro-rata leaves each a unit, leverage takes all of x and leaves a two: a gap of exactly one unit."""
    body = {
        "snapshot": {
            "precision": 0,
            "accounts": [
                {"id": "x", "cash": 0, "pnl": 10**12 + 1000, "notional": 2},
                {"id": "a", "cash": 0, "pnl": 10**12, "notional": 1},
            ],
        },
        "shortfall": {"deficit": 2 * 10**12 + 998},
        "policy": {"name": "leverage-pro-rata"},
    }
    answer = solved(post, body)
    assert [row["seized"] for row in answer["allocations"]] == ["1000000001000", "999999999998"]
    assert answer["diagnostics"]["fairness"]["versus"]["capped-pro-rata"] == "equal"
