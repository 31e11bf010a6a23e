"""The generic solvers behind `capped-pro-rata`: rivals of the closed form, with total status maps."""

from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from ortools.linear_solver import pywraplp

from solvers.backends import cvxpy, ortools
from solvers.errors import SolverFailed, SolverTimeout
from solvers.pro_rata import CappedProRata
from solvers.problem import HaircutProblem, Shortfall
from solvers.registry import POLICIES
from solvers.solve import Solution, solve
from tests.conftest import Post
from tests.problems import book, five_accounts, problem, random_problem, units

METHODS = [
    CappedProRata(method="convex", disutility="quadratic"),
    CappedProRata(method="convex", disutility="power"),
    CappedProRata(method="convex", disutility="entropy"),
    CappedProRata(method="lp"),
]
RANDOM = [random_problem(np.random.default_rng(1_000 + seed), 2 + seed % 30) for seed in range(100)]
NASTY = {
    "ties": problem(book([0] * 4, [10, 10, 10, 10], max_haircut=[1, 0.25, 0.25, 1]), 17),
    "zero caps": problem(book([0] * 3, [10, 20, 30], max_haircut=[0, 1, 0.5]), 25),
    "one account": problem(book([0], [10]), 4),
    "dust beside a whale": problem(book([0] * 3, ["0.000001", 1, 10**12]), 10**11),
    "nothing to take": problem(book([0, 0], [1, 2]), 0),
    "all that can be taken": problem(book([0, 0], [1, 2], max_haircut=[0.5, 1]), 2.5),
    "one unit": problem(book([0, 0], [1, 2]), "0.000001"),
}


def run(found: HaircutProblem, parameters: CappedProRata) -> Solution:
    return solve(found, POLICIES["capped-pro-rata"], parameters)


def objective(found: HaircutProblem, haircuts: Any, parameters: CappedProRata) -> float:
    w = found.endowment[found.winners] / found.endowment[found.winners].mean()
    h = np.asarray(haircuts, dtype=np.float64)
    phi = {"quadratic": h * h / 2, "power": h**3 / 3, "entropy": h * np.log(np.maximum(h, 1e-300))}
    return float(h.max()) if parameters.method == "lp" else float((w * phi[parameters.disutility]).sum())


@pytest.mark.parametrize("parameters", METHODS, ids=lambda p: f"{p.method} {p.disutility}")
@pytest.mark.parametrize("which", ["random", *NASTY])
def test_a_generic_solver_finds_the_closed_form(parameters: CappedProRata, which: str) -> None:
    for found in RANDOM if which == "random" else [NASTY[which]]:
        if not found.winners.size or (which == "random" and found.budget_units == 0):
            continue
        exact, other = run(found, CappedProRata()), run(found, parameters)
        seized = other.allocation.seized_units
        assert seized.sum() == found.budget_units
        assert (seized <= found.cap_units).all()
        assert (seized >= 0).all()
        if other.allocation.haircuts is None:
            continue
        level = exact.allocation.multiplier
        assert level is not None
        rows = found.winners
        wanted = np.minimum(float(level), found.cap_units[rows] / found.endowment[rows])
        value, best = (objective(found, h, parameters) for h in (other.allocation.haircuts, wanted))
        assert value == pytest.approx(best, rel=1e-8, abs=1e-12)
        heavy = found.endowment[rows] > 1e-6 * found.endowment[rows].mean()
        np.testing.assert_allclose(other.allocation.haircuts[heavy], wanted[heavy], atol=2e-3)


def test_an_unproven_gap_is_not_called_optimal() -> None:
    for parameters in METHODS:
        for found in RANDOM[:10]:
            solution = run(found, parameters)
            gap = solution.certificate.relative_gap
            if gap is not None:
                assert (solution.status == "optimal") == (gap <= 1e-9)


def test_every_status_of_the_libraries_is_mapped() -> None:
    settings = cp.settings
    known = {*settings.SOLUTION_PRESENT, *settings.INF_OR_UNB, *settings.ERROR, settings.SOLVER_ERROR}
    assert {str(status) for status in known} <= set(cvxpy.STATUSES)
    names = {"OPTIMAL", "FEASIBLE", "INFEASIBLE", "UNBOUNDED", "ABNORMAL", "MODEL_INVALID", "NOT_SOLVED"}
    assert names == set(ortools.STATUSES)
    assert all(hasattr(pywraplp.Solver, name) for name in names)


@pytest.mark.parametrize("status", [*(s for s, error in cvxpy.STATUSES.items() if error), None, "new"])
def test_a_status_of_clarabel_that_is_not_optimal_is_an_error(status: str | None) -> None:
    with pytest.raises(SolverTimeout if status == "user_limit" else SolverFailed, match="closed-form"):
        cvxpy._require(status)


def test_a_status_of_glop_that_is_not_optimal_is_an_error() -> None:
    for name, error in ortools.STATUSES.items():
        if error is not None:
            with pytest.raises(error, match=name):
                ortools._require(getattr(pywraplp.Solver, name), pywraplp.Solver)
    with pytest.raises(SolverFailed, match="99"):
        ortools._require(99, pywraplp.Solver)


def test_a_solver_that_fails_answers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cp.Problem, "solve", lambda *_, **__: None)
    with pytest.raises(SolverFailed):
        run(five_accounts(), METHODS[0])


def test_row_order_does_not_reach_the_solver() -> None:
    pnl = [3, 11, 7, 29, 5]
    ids = ["a", "b", "c", "d", "e"]
    for parameters in METHODS:
        one = run(problem(book([0] * 5, pnl, ids), 13), parameters).allocation.seized_units
        two = run(problem(book([0] * 5, pnl[::-1], ids[::-1]), 13), parameters).allocation.seized_units
        assert one.tolist() == two.tolist()[::-1]


@pytest.mark.parametrize("parameters", METHODS, ids=lambda p: f"{p.method} {p.disutility}")
def test_methods_are_selectable_over_the_wire(post: Post, parameters: CappedProRata) -> None:
    accounts = [{"id": f"a{i}", "cash": 0, "pnl": pnl} for i, pnl in enumerate((8, 4, 0.5))]
    policy = {"name": "capped-pro-rata", "method": parameters.method, "disutility": parameters.disutility}
    body = {"snapshot": {"accounts": accounts}, "shortfall": {"deficit": 7.5}, "policy": policy}
    status, answer = post("/v1/allocations", body)
    assert status == 200
    assert answer["policy"] == policy
    assert answer["solver"]["library"] == ("ortools" if parameters.method == "lp" else "cvxpy")
    seized = [float(account["seized"]) for account in answer["allocations"]]
    assert sum(seized) == pytest.approx(7.5, abs=1e-9)
    assert seized == pytest.approx([4.8, 2.4, 0.3], abs=1e-4)


def test_without_a_budget_nothing_is_solved() -> None:
    free = HaircutProblem(book([0], [1]), Shortfall(deficit_units=0))
    for parameters in METHODS:
        assert run(free, parameters).allocation.seized_units.tolist() == units(0)
