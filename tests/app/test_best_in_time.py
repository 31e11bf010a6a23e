"""Searches that run out of time over HTTP: refused, or their best with its gap, as asked."""

from random import Random
from typing import Any

from tests.app.requests import ALLOCATIONS, COMPARISONS, Body, answer_to, send


def long_search(**options: Any) -> Body:
    """Fees in proportion to profits under exponential retention: minutes to the optimum, a moment to a good one."""
    rng = Random(5)
    profits = [round(10 * rng.paretovariate(1.2), 2) for _ in range(4000)]
    return {
        "snapshot": {
            "accounts": {
                "id": [f"a{i}" for i in range(len(profits))],
                "cash": [0] * len(profits),
                "pnl": profits,
                "fees": [f"{profit / 100:.4f}" for profit in profits],
            }
        },
        "shortfall": {"deficit": round(sum(profits) * 0.4, 2)},
        "policy": {"name": "revenue", "exact": True},
        "options": {"retention": {"curve": "exponential", "rate": 3}, "time_limit": 1, "detail": "summary"} | options,
    }


def test_a_search_that_cannot_finish_is_refused_or_answers_its_best_as_asked(client: Any, matches: Any) -> None:
    refused = send(client, ALLOCATIONS, long_search())
    assert (refused.status_code, refused.json()["code"]) == (504, "solver-timeout")
    made = long_search(on_timeout="best")
    answer = answer_to(client, ALLOCATIONS, made)
    matches("AllocationAnswer", answer)
    assert (answer["status"], answer["reproducible"]) == ("feasible", False)
    certificate = answer["certificate"]
    assert 0 < certificate["relative_gap"] < 0.01
    assert certificate["bound"] < certificate["objective"]
    assert (certificate["budget_error"], certificate["cap_violation"]) == ("0.000000", "0.000000")
    assert any("its deadline" in note for note in answer["notes"])


def test_the_best_of_a_search_that_ends_is_what_it_is_without_a_limit(client: Any) -> None:
    small = long_search(time_limit=None)
    small["snapshot"]["accounts"] = {name: column[:12] for name, column in small["snapshot"]["accounts"].items()}
    small["shortfall"] = {"deficit": 50}
    plain, best = (
        answer_to(client, ALLOCATIONS, small | {"options": small["options"] | {"on_timeout": wanted}})
        for wanted in ("reject", "best")
    )
    assert best["reproducible"]
    assert {name: part for name, part in best.items() if name != "id"} == {
        name: part for name, part in plain.items() if name != "id"
    }


def test_in_a_comparison_each_policy_has_its_best(client: Any) -> None:
    made = long_search(on_timeout="best", time_limit=4)
    made["policies"] = [made.pop("policy"), {"name": "capped-pro-rata"}]
    search, fair = answer_to(client, COMPARISONS, made)["results"]
    assert (search["reproducible"], fair["reproducible"]) == (False, True)
