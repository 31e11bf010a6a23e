"""Time limits of searches: they end them, and change no answer."""

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import pytest

from solvers.allocation import Allocation
from solvers.backends.deadline import Deadline
from solvers.errors import SolverTimeout
from solvers.pro_rata import CappedProRata
from solvers.problem import HaircutProblem, Shortfall
from solvers.registry import POLICIES
from solvers.revenue.retention import Exponential
from solvers.revenue.revenue import Revenue
from solvers.robustness.cvar import CVar
from solvers.solve import solve
from tests.problems import book
from tests.solvers.tails import with_scenarios


def searches(n: int) -> list[tuple[str, HaircutProblem, Any]]:
    """Fees in proportion to profits, which leave the search no hint, and fat tails of many accounts."""
    rng = np.random.default_rng(5)
    pnl = np.round(10 * rng.pareto(1.2, n) + 10, 2)
    found = book([0] * n, pnl.tolist(), fees=(pnl / 100).tolist(), notional=np.round(pnl * 20, 2).tolist())
    made = HaircutProblem(found, Shortfall(deficit_units=int(pnl.sum() * 4e5)))
    exposure = np.round(pnl * 20, 2)[:, None] * rng.choice([-1, 1], (n, 2))
    return [
        ("revenue", replace(made, retention=Exponential(3)), Revenue(exact=True)),
        ("cvar", with_scenarios(made, exposure, rng.normal(0, 0.1, (400, 2))), CVar(exposure_model="cash")),
    ]


@pytest.mark.parametrize("case", searches(1500), ids=lambda case: str(case[0]))
def test_a_search_ends_when_its_time_is_up(case: tuple[str, HaircutProblem, Any]) -> None:
    name, made, parameters = case
    started = perf_counter()
    with pytest.raises(SolverTimeout):
        solve(made, POLICIES[name], parameters, seconds=0.01)
    assert perf_counter() - started < 1.5


@pytest.mark.parametrize("case", searches(1500), ids=lambda case: str(case[0]))
def test_where_it_is_asked_for_the_best_is_returned_with_its_gap(case: tuple[str, HaircutProblem, Any]) -> None:
    name, made, parameters = case
    started = perf_counter()
    found = solve(made, POLICIES[name], parameters, seconds=0.0, best=True)
    assert perf_counter() - started < 2.5
    assert (found.cut, found.status) == (True, "feasible")
    gap = found.certificate.relative_gap
    assert gap is not None
    assert 0 < gap <= 1
    assert found.certificate.budget_error_units == 0
    fair = solve(made, POLICIES["capped-pro-rata"], CappedProRata())
    worst = POLICIES[name].optimality(made, fair.allocation, parameters)  # type: ignore[misc]
    assert worst is not None
    assert found.certificate.objective is not None
    assert found.certificate.objective <= worst.objective * (1 + 1e-9)


def test_a_generic_solver_without_an_answer_leaves_the_fairest() -> None:
    _, made, _ = searches(1500)[0]
    for method in ("convex", "lp"):
        found = solve(made, POLICIES["capped-pro-rata"], CappedProRata(method=method), seconds=0.0, best=True)
        assert found.cut
        assert found.allocation.notes[0].startswith("The time was up before")
        assert np.array_equal(
            found.allocation.seized_units,
            solve(made, POLICIES["capped-pro-rata"], CappedProRata()).allocation.seized_units,
        )


@pytest.mark.parametrize("case", searches(25), ids=lambda case: str(case[0]))
def test_a_limit_that_does_not_pass_changes_nothing(case: tuple[str, HaircutProblem, Any]) -> None:
    name, made, parameters = case
    solutions = [
        solve(made, POLICIES[name], parameters, seconds=seconds, best=best)
        for seconds, best in ((np.inf, False), (600, False), (600, True))
    ]
    assert not any(found.cut for found in solutions)
    free, *others = (found.allocation for found in solutions)
    for limited in others:
        assert_same(free, limited)


def assert_same(free: Allocation, limited: Allocation) -> None:
    assert np.array_equal(free.seized_units, limited.seized_units)
    assert free.notes == limited.notes


def test_a_deadline_passes_once_and_for_all() -> None:
    Deadline(60).check()
    with pytest.raises(SolverTimeout):
        Deadline(0).check()
