"""POST /v1/frontiers, and comparisons as a full table of aims."""

import json
from decimal import Decimal
from typing import Any

import pytest

from app import engine
from tests import books
from tests.processes import ROOT

Body = dict[str, Any]
EXAMPLE: Body = json.loads((ROOT / "examples/frontier.json").read_text())
FAIR, ROBUST, KEEPING = ("fairness", "max_haircut"), ("robustness", "expected_deficit_after"), ("revenue", "ltv_kept")


def asked(client: Any, path: str, body: Body, status: int = 200) -> Body:
    answer = client.post(path, json=body)
    assert answer.status_code == status, answer.text[:500]
    found: Body = answer.json()
    return found


def test_each_point_comes_again_from_its_own_policy(client: Any) -> None:
    found = asked(client, "/v1/frontiers", EXAMPLE)
    assert len(found["points"]) == EXAMPLE["points"]
    parts = {name: EXAMPLE[name] for name in ("snapshot", "shortfall", "options")}
    for point in found["points"]:
        again = asked(client, "/v1/allocations", parts | {"policy": point["policy"]})
        diagnostics = again["diagnostics"]
        assert point["measures"] == {
            "max_haircut": diagnostics["fairness"]["max_haircut"],
            "expected_deficit": diagnostics["robustness"]["expected_deficit_after"],
            "revenue_kept": diagnostics["revenue"]["ltv_kept"],
        }
        assert again["status"] == point["status"] == "optimal"


def test_no_point_and_no_pure_optimum_beats_another_and_the_best_of_each_aim_is_there(client: Any) -> None:
    found = asked(client, "/v1/frontiers", EXAMPLE)
    costs = [
        (point["max_haircut"], Decimal(point["expected_deficit"]), -Decimal(point["revenue_kept"]))
        for point in (point["measures"] for point in found["points"])
    ]
    assert costs == sorted(costs)
    assert not any(a != b and all(x <= y for x, y in zip(a, b, strict=True)) for a in costs for b in costs)
    marked = {one["policy"]["name"]: one for one in found["policies"]}
    for name in ("capped-pro-rata", "expected-deficit", "revenue"):
        assert (marked[name]["dominated"], marked[name]["distance"]) == (False, 0)
        assert marked[name]["measures"] in [point["measures"] for point in found["points"]]
    assert found["allocation"]["valid"] is True


def test_an_allocation_that_takes_too_much_is_beaten(client: Any) -> None:
    greedy = EXAMPLE | {
        "allocation": [{"id": "ann", "seized": 1}, {"id": "bob", "seized": 4}, {"id": "cy", "seized": 2.5}]
    }
    own = asked(client, "/v1/frontiers", greedy | {"measures": ["gini", "expected_deficit"]})["allocation"]
    assert own["valid"] is False
    assert own["dominated"] is True
    assert own["distance"] > 0


def test_a_policy_that_does_not_fit_says_why_and_the_rest_is_answered(client: Any) -> None:
    shockless = {**EXAMPLE, "measures": ["gini", "revenue_kept"], "options": {"retention": books.AIMS["retention"]}}
    found = asked(client, "/v1/frontiers", shockless)
    refused = {one["policy"]["name"]: one["problem"]["code"] for one in found["policies"] if "problem" in one}
    assert refused == {"expected-deficit": "invalid-request", "cvar": "invalid-request"}


def test_a_shortage_is_refused_or_accepted_as_asked(client: Any) -> None:
    short = {**EXAMPLE, "shortfall": {"deficit": 20}}
    assert asked(client, "/v1/frontiers", short, 409)["code"] == "infeasible-budget"
    partial = short | {"options": EXAMPLE["options"] | {"on_infeasible": "partial"}}
    found = asked(client, "/v1/frontiers", partial)
    assert (found["status"], found["budget"], len(found["points"])) == ("partial", "20.000000", 1)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"measures": ["gini"]}, "/measures"),
        ({"measures": ["gini", "gini"]}, "/measures"),
        ({"measures": ["gini", "max_haircut", "cvar", "expected_deficit"]}, "/measures"),
        ({"measures": ["gini", "beauty"]}, "/measures/1"),
        ({"measures": "gini"}, "/measures"),
        ({"points": 1}, "/points"),
        ({"points": 2.5}, "/points"),
        ({"allocation": [{"id": "ann", "seized": "much"}]}, "/allocation/0/seized"),
        ({"options": {"retention": {"curve": "linear", "rate": 1}}}, "/options/shock"),
        ({"options": {"shock": {"law": "normal", "sigma": 1}}}, "/options/retention"),
        (
            {"options": EXAMPLE["options"] | {"retention": {"curve": "exponential", "rate": 1}}},
            "/options/retention",
        ),
    ],
)
def test_a_bad_frontier_is_refused_by_name(client: Any, change: Body, pointer: str) -> None:
    problem = asked(client, "/v1/frontiers", EXAMPLE | change, 422)
    assert pointer in [error["pointer"] for error in problem["errors"]]


def test_too_many_points_are_refused(client: Any) -> None:
    assert asked(client, "/v1/frontiers", EXAMPLE | {"points": 101}, 413)["code"] == "payload-too-large"


@pytest.mark.parametrize(
    ("limits", "pointer"),
    [
        ({"mm": -1}, "/policy/group_limits"),
        ({"nobody": 1}, "/policy/group_limits"),
        ({"mm": "x"}, "/policy/group_limits/mm"),
    ],
)
def test_a_bad_group_limit_is_refused(client: Any, limits: Body, pointer: str) -> None:
    body = {name: EXAMPLE[name] for name in ("snapshot", "shortfall")}
    problem = asked(client, "/v1/allocations", body | {"policy": {"name": "blend", "group_limits": limits}}, 422)
    assert pointer in [error["pointer"] for error in problem["errors"]]


def test_in_a_comparison_a_bad_limit_is_named_where_its_policy_stands(client: Any) -> None:
    body = {name: EXAMPLE[name] for name in ("snapshot", "shortfall")}
    policies = [{"name": "queue"}, {"name": "blend", "group_limits": {"nobody": 1}}]
    results = asked(client, "/v1/comparisons", body | {"policies": policies})["results"]
    assert "problem" not in results[0]
    assert results[1]["problem"]["errors"][0]["pointer"] == "/policies/1/group_limits"


def test_what_a_solver_did_not_mean_to_raise_is_a_named_failure(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(engine, "frontier", broken)
    problem = asked(client, "/v1/frontiers", EXAMPLE, 500)
    assert problem["code"] == "solver-failed"
    assert problem["detail"] == "the frontier failed; nothing was applied"


@pytest.mark.parametrize("deficit", [20, "12.500001", "17.3333333", 900, "1e9"])
def test_the_severity_that_match_tells_is_within_reach(client: Any, deficit: Any) -> None:
    body = {"snapshot": EXAMPLE["snapshot"], "policy": {"name": "capped-pro-rata"}}
    matched = asked(
        client, "/v1/allocations", body | {"shortfall": {"deficit": deficit, "severity": {"rule": "match"}}}
    )
    assert matched["budget"] == "12.500000"
    severity = matched["diagnostics"]["solvency"]["severity"]
    assert str(severity) in matched["notes"][0]
    again = asked(client, "/v1/allocations", body | {"shortfall": {"deficit": deficit, "severity": severity}})
    assert Decimal(again["budget"]) == pytest.approx(Decimal("12.5"), abs=Decimal("0.001"))


def test_group_limits_that_cannot_be_met_are_refused_with_the_groups_that_bind(client: Any) -> None:
    body = {name: EXAMPLE[name] for name in ("snapshot", "shortfall")}
    limits = {"mm": 1, "retail": 10**9}
    problem = asked(client, "/v1/allocations", body | {"policy": {"name": "blend", "group_limits": limits}}, 409)
    assert problem["code"] == "infeasible-budget"
    assert "mm" in problem["detail"]
    assert "retail" not in problem["detail"]


@pytest.mark.parametrize("seed", range(12))
def test_no_policy_beats_the_optimal_one_on_its_own_aim(client: Any, seed: int) -> None:
    """Over all pairs: the best of each column of the table is the policy whose aim the column is."""
    books_of_all = [book for book in books.nasty_books(40, seed=seed) if book["shortfall"].get("deficit")]
    solved = 0
    for book in books_of_all[:6]:
        request = books.with_policy(book, {}, **books.AIMS, detail="summary")
        del request["policy"]
        answer = asked(client, "/v1/comparisons", request | {"policies": list(books.ALL.values())})
        fit = [result for result in answer["results"] if "problem" not in result]
        if len(fit) < 10 or fit[0]["diagnostics"]["fairness"]["max_haircut"] is None:
            continue
        solved += 1
        for aim, best, sign in (
            (FAIR, "capped-pro-rata", 1),
            (ROBUST, "expected-deficit", 1),
            (KEEPING, "revenue", -1),
        ):
            table = {r["policy"]["name"]: sign * Decimal(str(r["diagnostics"][aim[0]][aim[1]])) for r in fit}
            unit = Decimal(10) ** -request["snapshot"]["precision"] * 20
            slack = unit + abs(table[best]) * Decimal("1e-9")
            if aim is FAIR:
                slack += Decimal("1e-6")
            assert all(value >= table[best] - slack for value in table.values()), (aim, table)
        cvar = {r["policy"]["name"]: Decimal(r["diagnostics"]["robustness"]["cvar_after"]) for r in fit}
        assert min(cvar.values()) >= cvar["cvar"] - unit - abs(cvar["cvar"]) * Decimal("1e-9")
    assert solved or seed


@pytest.mark.parametrize("exponent", [1.0000001, 2, 2.5, 100])
def test_any_power_goes_with_group_limits(client: Any, exponent: float) -> None:
    parts = {name: EXAMPLE[name] for name in ("snapshot", "shortfall")}
    options = EXAMPLE["options"] | {"retention": {"curve": "power", "rate": 1, "exponent": exponent}}
    policy = {"name": "blend", "weights": {"fairness": 0, "robustness": 0, "revenue": 1}, "group_limits": {"mm": 4}}
    answer = asked(client, "/v1/allocations", parts | {"policy": policy, "options": options})
    assert answer["status"] == "optimal"
    assert Decimal(answer["allocations"][0]["seized"]) <= 4


def test_a_convex_program_beyond_the_doubles_is_done_without(client: Any) -> None:
    """A millionth beside 1e12, and a power of 100: cvxpy cannot hold the coefficients, the exact solver needs not."""
    rows = [
        {"id": "dust", "cash": 0, "pnl": "0.000001", "fees": 1, "group": "g"},
        {"id": "fish", "cash": 0, "pnl": 5, "fees": 1, "group": "g"},
        {"id": "whale", "cash": 0, "pnl": 1e12, "fees": 1},
    ]
    policy = {"name": "blend", "weights": {"fairness": 1, "revenue": 1}, "group_limits": {"g": 2}}
    options = {"retention": {"curve": "power", "rate": 1, "exponent": 100}}
    body = {"snapshot": {"accounts": rows}, "shortfall": {"deficit": 9e11}, "policy": policy, "options": options}
    answer = asked(client, "/v1/allocations", body)
    assert answer["status"] == "optimal"
    assert "found without it" in answer["notes"][0]
    seized = [Decimal(row["seized"]) for row in answer["allocations"]]
    assert sum(seized) == Decimal(900_000_000_000)
    assert seized[0] + seized[1] == 2
