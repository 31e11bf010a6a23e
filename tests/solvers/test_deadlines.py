"""Time limits of searches: they end them, and change no answer."""

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import pytest

from solvers.backends.deadline import Deadline
from solvers.errors import SolverTimeout
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


@pytest.mark.parametrize("case", searches(25), ids=lambda case: str(case[0]))
def test_a_limit_that_does_not_pass_changes_nothing(case: tuple[str, HaircutProblem, Any]) -> None:
    name, made, parameters = case
    free, limited = (solve(made, POLICIES[name], parameters, seconds=s).allocation for s in (np.inf, 600))
    assert np.array_equal(free.seized_units, limited.seized_units)
    assert free.notes == limited.notes


def test_a_deadline_passes_once_and_for_all() -> None:
    Deadline(60).check()
    with pytest.raises(SolverTimeout):
        Deadline(0).check()
