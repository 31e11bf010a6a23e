"""Shocks over HTTP: every law, exposures that do not fit, ids, sizes, and `rap` by expected loss."""

import json
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.conftest import Post

ROWS: list[dict[str, Any]] = [
    {"id": "ann", "cash": 0, "pnl": 1, "notional": 5},
    {"id": "bob", "cash": 0, "pnl": 1, "notional": 10},
    {"id": "cyd", "cash": 1, "pnl": 0},
    {"id": "dee", "cash": 0, "pnl": -1, "notional": 3},
]
LONG = [row | ({"exposure": [row["notional"], 0]} if "notional" in row else {}) for row in ROWS]
SCENARIOS = {"law": "scenarios", "moves": [[-0.3, 0], [0.1, 0.2]]}


def request(shock: Any, rows: Any = ROWS, policy: Any = None) -> dict[str, Any]:
    return {
        "snapshot": {"accounts": rows},
        "policy": policy or {"name": "rap", "risk": "optimal"},
        "options": {"shock": shock},
    }


@pytest.mark.parametrize(
    ("shock", "rows", "before", "after"),
    [
        ({"law": "normal", "sigma": 0.1}, ROWS, "0.087561", "0.008079"),
        ({"law": "student-t", "df": 3, "scale": 0.05}, ROWS, "0.056238", "0.013377"),
        ({"law": "two-point", "size": 0.25}, ROWS, "0.875000", "0.214286"),
        (SCENARIOS, LONG, "1.250000", "0.400000"),
    ],
    ids=["normal", "student-t", "two-point", "scenarios"],
)
def test_every_law_works_over_http(post: Post, shock: Any, rows: Any, before: str, after: str) -> None:
    status, answer = post("/v1/allocations", request(shock, rows))
    assert status == 200, answer
    found = answer["diagnostics"]["robustness"]
    assert (found["expected_deficit_before"], found["expected_deficit_after"]) == (before, after)
    assert found["exposure_model"] == "deleverage"
    assert found["level"] == 0.95
    assert found["max_leverage_before"] == 10
    columns = {name: [row.get(name) for row in rows] for name in {key for row in rows for key in row}}
    columns["notional"] = [row.get("notional", 0) for row in rows]
    status, in_columns = post("/v1/allocations", request(shock, columns))
    assert in_columns["diagnostics"] == answer["diagnostics"]
    seized = [{"id": row["id"], "seized": row["seized"]} for row in answer["allocations"]]
    checked = {key: value for key, value in request(shock, rows).items() if key != "policy"} | {"allocation": seized}
    status, verified = post("/v1/verifications", checked)
    assert verified["diagnostics"]["robustness"] == found


def test_without_a_shock_there_is_no_robustness_and_no_rap_by_expected_loss(post: Post) -> None:
    status, answer = post("/v1/allocations", request(None, policy={"name": "queue"}))
    assert (status, answer["diagnostics"]["robustness"]) == (200, None)
    status, problem = post("/v1/allocations", request(None))
    assert (status, problem["errors"][0]["pointer"]) == (422, "/options/shock")
    several = request(None) | {"policies": [{"name": "rap", "risk": "optimal"}, {"name": "rap"}]}
    del several["policy"]
    status, compared = post("/v1/comparisons", several)
    assert (status, [result.get("status") for result in compared["results"]]) == (200, [None, "feasible"])
    assert compared["results"][0]["problem"]["errors"][0]["pointer"] == "/options/shock"


@pytest.mark.parametrize(
    ("shock", "exposures", "pointer", "account"),
    [
        (SCENARIOS, [None, [1, 2], None, None], "/snapshot/accounts/0/exposure", "ann"),
        (SCENARIOS, [[1, 2], 3, None, None], "/snapshot/accounts/1/exposure", "bob"),
        (SCENARIOS, [[1, 2], [1, 2], [1], None], "/snapshot/accounts/2/exposure", "cyd"),
        (SCENARIOS, [[1, 2], [1, 2], None, [1, 2, 3]], "/snapshot/accounts/3/exposure", "dee"),
        (SCENARIOS, [[1, 2], ["1e61", 2], None, None], "/snapshot/accounts/1/exposure", "bob"),
        (SCENARIOS, [[1, 2], [1, 1e-61], None, None], "/snapshot/accounts/1/exposure", "bob"),
        ({"law": "normal", "sigma": 0.1}, [1, [1, 2], None, None], "/snapshot/accounts/1/exposure", "bob"),
    ],
)
def test_exposures_that_do_not_fit_the_shock_are_refused_by_name(
    post: Post, shock: Any, exposures: list[Any], pointer: str, account: str
) -> None:
    rows = [row | {"exposure": exposure} for row, exposure in zip(ROWS, exposures, strict=True)]
    status, problem = post("/v1/allocations", request(shock, rows))
    assert status == 422
    assert [(error["pointer"], error["account"]) for error in problem["errors"]] == [(pointer, account)]


def test_the_id_tells_shocks_apart_and_not_the_spelling_of_their_numbers(client: Any) -> None:
    def sent(shock: str) -> bytes:
        raw = json.dumps(request("here", LONG, {"name": "queue"})).replace('"here"', shock)
        answer = client.post("/v1/allocations", content=raw, headers={"content-type": "application/json"})
        assert answer.status_code == 200, answer.text
        content: bytes = answer.content
        return content

    def scenarios(*moves: str, more: str = "") -> str:
        return f'{{"law": "scenarios", "moves": [{", ".join(moves)}]{more}}}'

    groups = [
        [scenarios("[0.1, 0]"), scenarios("[1e-1, -0.0]"), scenarios("[0.10, 0]", more=', "weights": null')],
        [scenarios("[0.1, 0.1]")],
        [scenarios("[0.1, 0]", "[0.1, 0]")],
        [scenarios("[0.1, 0]", "[0.1, 0]", more=f', "weights": [{w}, 2]') for w in ("1", "1.0", "1e0")],
        ["null"],
    ]
    answers = [{sent(spelling) for spelling in group} for group in groups]
    assert [len(group) for group in answers] == [1] * len(groups)
    assert len({json.loads(*group)["id"] for group in answers}) == len(groups)


def test_more_scenario_losses_than_the_service_allows_are_refused() -> None:
    with TestClient(create_app(Settings(max_scenario_losses=4 * 16 * 2))) as small:
        for shock, status in ((SCENARIOS, 200), (SCENARIOS | {"moves": [[0.1, 0.2]] * 17}, 413)):
            assert small.post("/v1/allocations", json=request(shock, LONG)).status_code == status


def test_rap_optimal_does_not_depend_on_the_scale_of_money(post: Post) -> None:
    """The axiom that rap claims, for the risk that needs a shock."""
    rng = np.random.default_rng(11)
    cash, pnl, notional = (np.round(rng.lognormal(3, 1.5, 25), 2) for _ in range(3))
    deficit = round(float(pnl.sum()) * 0.4, 2)

    def seized(factor: int) -> list[int]:
        rows = [
            {"id": f"a{i}", "cash": f"{c * factor:.2f}", "pnl": f"{p * factor:.2f}", "notional": f"{n * factor:.2f}"}
            for i, (c, p, n) in enumerate(zip(cash.tolist(), pnl.tolist(), notional.tolist(), strict=True))
        ]
        body = {
            "snapshot": {"accounts": rows},
            "shortfall": {"deficit": f"{deficit * factor:.2f}"},
            "policy": {"name": "rap", "risk": "optimal"},
            "options": {"shock": {"law": "student-t", "df": 3, "scale": 0.2}},
        }
        status, answer = post("/v1/allocations", body)
        assert status == 200
        return [int(account["seized"].replace(".", "")) for account in answer["allocations"]]

    small, large = seized(1), seized(100)
    assert all(abs(b - 100 * a) <= 101 for a, b in zip(small, large, strict=True))
    assert sum(large) == 100 * sum(small)
