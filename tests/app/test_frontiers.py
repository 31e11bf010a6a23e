"""POST /v1/frontiers, and comparisons as a full table of aims."""

import json
from decimal import Decimal
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import engine
from app.main import create_app
from app.settings import Settings
from tests import books
from tests.problems import some
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
    assert found["allocation"]["dominated"] is True  # equal dollars, as far as they go, and so is this one:
    assert {name for name, one in marked.items() if one["dominated"]} == {"contracts-pro-rata"}


def test_an_allocation_that_breaks_the_rules_is_not_held_against_the_frontier(client: Any) -> None:
    greedy = EXAMPLE | {
        "allocation": [{"id": "ann", "seized": 1}, {"id": "bob", "seized": 4}, {"id": "cy", "seized": 2.5}]
    }
    found = asked(client, "/v1/frontiers", greedy | {"measures": ["gini", "expected_deficit"]})
    own = found["allocation"]
    assert (own["valid"], own["dominated"], own["distance"]) == (False, None, None)
    assert own["measures"]["expected_deficit"] is not None
    assert "breaks a rule" in found["notes"][0]
    stranger = greedy | {
        "allocation": [{"id": "ann", "seized": 1}, {"id": "zoe", "seized": 0}, {"id": "cy", "seized": 1}]
    }
    found = asked(client, "/v1/frontiers", stranger)
    assert found["allocation"]["valid"] is False
    assert "breaks rules in 3 places" in found["notes"][0]  # zoe, cy above its cap, the budget


def test_linear_aims_have_points_along_their_straight_stretch_and_mixtures_beat_policies(client: Any) -> None:
    measures = {"measures": ["expected_deficit", "revenue_kept"]}
    found, few = (asked(client, "/v1/frontiers", EXAMPLE | measures | {"points": points}) for points in (100, 2))
    assert len(found["points"]) == 100
    assert {point["status"] for point in found["points"]} == {"optimal"}
    deficits = [Decimal(point["measures"]["expected_deficit"]) for point in found["points"]]
    kept = [Decimal(point["measures"]["revenue_kept"]) for point in found["points"]]
    slope = (kept[-1] - kept[0]) / (deficits[-1] - deficits[0])
    for deficit, fees in zip(deficits, kept, strict=True):
        assert abs(fees - kept[0] - slope * (deficit - deficits[0])) < Decimal("0.00001")
    marked = {one["policy"]["name"]: one["dominated"] for one in found["policies"]}
    beaten = {"pro-rata", "capped-pro-rata", "contracts-pro-rata", "leverage-pro-rata", "rap"}
    assert {name for name, dominated in marked.items() if dominated} == beaten
    assert few["policies"] == found["policies"]
    parts = {name: EXAMPLE[name] for name in ("snapshot", "shortfall", "options")}
    middle = found["points"][50]
    again = asked(client, "/v1/allocations", parts | {"policy": middle["policy"]})
    assert again["status"] == "optimal"
    assert again["diagnostics"]["revenue"]["ltv_kept"] == middle["measures"]["revenue_kept"]


def test_an_optimum_by_one_exposure_model_says_where_another_makes_it_worse(client: Any) -> None:
    parts = {name: EXAMPLE[name] for name in ("snapshot", "shortfall", "options")}
    worse = asked(client, "/v1/allocations", parts | {"policy": {"name": "expected-deficit"}})
    robustness = worse["diagnostics"]["robustness"]
    after = {model["exposure_model"]: model["expected_deficit_after"] for model in robustness["models"]}
    before = robustness["expected_deficit_before"]
    assert Decimal(after["cash"]) > Decimal(before)
    assert f"takes money and closes nothing (exposure model cash) the expected deficit rises from {before}" in " ".join(
        worse["notes"]
    )
    for policy in ({"name": "expected-deficit", "exposure_model": "cash"}, {"name": "capped-pro-rata"}):
        answer = asked(client, "/v1/allocations", parts | {"policy": policy})
        assert not any("exposure model cash" in note for note in answer["notes"])
    levels = asked(client, "/v1/allocations", parts | {"policy": {"name": "cvar", "level": 0.8}})
    assert {model["level"] for model in levels["diagnostics"]["robustness"]["models"]} == {0.8}


def test_a_proven_optimum_has_nothing_to_regret(client: Any) -> None:
    rows = [{"id": name, "cash": 0, "pnl": 10, "fees": fees} for name, fees in (("ann", 1), ("bob", 2))]
    body = {
        "snapshot": {"accounts": rows},
        "shortfall": {"deficit": 15},
        "options": {"retention": {"curve": "exponential", "rate": 1}},
    }
    for exact, status, regret in ((True, "optimal", "0.000000"), (False, "feasible", None)):
        answer = asked(client, "/v1/allocations", body | {"policy": {"name": "revenue", "exact": exact}})
        assert answer["status"] == status
        found = answer["diagnostics"]["revenue"]["churn_regret"]
        assert found == regret or (regret is None and Decimal(found) > 0)


def test_a_shortage_under_group_limits_says_what_really_stays_open(client: Any) -> None:
    body = {
        "snapshot": EXAMPLE["snapshot"],
        "shortfall": {"deficit": 20, "severity": {"rule": "match"}},
        "options": {"on_infeasible": "partial"},
        "policy": {"name": "blend", "group_limits": {"mm": 1}},
    }
    answer = asked(client, "/v1/allocations", body)
    assert answer["status"] == "partial"
    taken = sum(Decimal(row["seized"]) for row in answer["allocations"])
    assert taken == Decimal("5.5")
    assert "14.500000 of the residual stays open" in answer["notes"][0]
    assert "allow less" in answer["notes"][0]


def test_a_rule_by_its_bare_name_is_told_how_to_be_written(client: Any) -> None:
    body = {"snapshot": EXAMPLE["snapshot"], "policy": {"name": "capped-pro-rata"}}
    problem = asked(client, "/v1/allocations", body | {"shortfall": {"severity": "match"}}, 422)
    (error,) = problem["errors"]
    assert error["pointer"] == "/shortfall/severity"
    assert error["detail"] == 'must be a number from 0 to 1; a rule is an object: {"rule": "match"}'


@pytest.mark.parametrize("measures", [[], ["gini"], ["gini", "max_haircut", "cvar", "expected_deficit"]])
def test_too_few_and_too_many_measures_are_told_how_many_there_may_be(client: Any, measures: list[str]) -> None:
    (error,) = asked(client, "/v1/frontiers", EXAMPLE | {"measures": measures}, 422)["errors"]
    assert error == {"pointer": "/measures", "detail": "must be two or three different ones", "account": None}


def test_every_parameter_of_every_policy_says_what_it_means(client: Any) -> None:
    for policy in client.get("/v1/policies").json()["policies"]:
        for name, parameter in policy["parameters"]["properties"].items():
            assert name == "name" or len(parameter["description"]) > 20, (policy["name"], name)


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
        ({"mm": -1}, "/policy/group_limits/mm"),
        ({"mm": 1e300}, "/policy/group_limits/mm"),
        ({"mm": "x"}, "/policy/group_limits/mm"),
        ({"nobody": 1}, "/policy/group_limits/nobody"),
        ({"nobody" * 50: 1}, "/policy/group_limits/" + ("nobody" * 50)[:64] + "..."),
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
    assert results[1]["problem"]["errors"][0]["pointer"] == "/policies/1/group_limits/nobody"


def test_what_a_solver_did_not_mean_to_raise_is_a_named_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(engine, "frontier", broken)  # in this process, so that it must be solved here
    with TestClient(create_app(Settings(solver_processes=0))) as client:
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


@pytest.mark.parametrize("seed", some(12, 2))
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
