"""Certificates of `cvar`: under laws of one factor, against lies, and whatever becomes of HiGHS."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import highspy
import numpy as np
import pytest

from solvers.backends import highs
from solvers.diagnostics.robustness import robustness
from solvers.errors import SolverTimeout
from solvers.pro_rata import CappedProRata, capped_pro_rata
from solvers.queue import Queue, queue
from solvers.robustness.cvar import CVar, certify_cvar, cvar
from solvers.robustness.laws import Normal, Shock, StudentT, TwoPoint
from solvers.robustness.losses import ExposureModel
from solvers.solve import GAP_TOLERANCE
from solvers.verify import violations
from solvers.weighted import Rap, rap
from tests.problems import random_problem, some
from tests.solvers.tails import MODELS, cvar_by_definition, random_case, solved, with_scenarios


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("law", [Normal(0.1), StudentT(3, 0.05), TwoPoint(0.3)], ids=str)
@pytest.mark.parametrize("seed", some(6, 1))
def test_under_a_law_of_one_factor_it_is_certified_and_no_policy_beats_it(
    law: Shock, model: ExposureModel, seed: int
) -> None:
    problem = replace(random_problem(np.random.default_rng(seed), 30), shock=law)
    parameters = CVar(level=0.9, exposure_model=model)
    allocation = cvar(problem, parameters)
    certificate = certify_cvar(problem, allocation, parameters)
    assert certificate.relative_gap <= GAP_TOLERANCE
    ours = robustness(problem, allocation.seized_units, model, 0.9)
    assert ours is not None
    assert ours.cvar_after == pytest.approx(certificate.objective, rel=1e-6, abs=1e-4)
    for other in (capped_pro_rata(problem, CappedProRata()), queue(problem, Queue()), rap(problem, Rap())):
        theirs = robustness(problem, other.seized_units, model, 0.9)
        assert theirs is not None
        assert certificate.objective <= theirs.cvar_after * (1 + 1e-9) + 1e-4


@pytest.mark.parametrize("model", MODELS)
def test_two_equal_scenarios_of_long_accounts_are_the_two_point_law(model: ExposureModel) -> None:
    for seed in range(6):
        found = random_problem(np.random.default_rng(seed), 20)
        notional = found.book.column("notional").floats[:, None]
        parameters = CVar(level=0.8, exposure_model=model)
        by_law = replace(found, shock=TwoPoint(0.4))
        in_scenarios = with_scenarios(found, notional, [[-0.4], [0.4]])
        one = certify_cvar(by_law, cvar(by_law, parameters), parameters)
        _, other = solved(in_scenarios, parameters)
        assert one.objective == pytest.approx(other.objective, rel=1e-9, abs=1e-8)


def test_a_solver_that_stops_leaves_the_best_so_far_with_its_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> highs.Vertex:
        raise SolverTimeout("HiGHS ended with status kTimeLimit")

    problem, _ = random_case(15, 60)
    parameters = CVar(level=0.5)
    _, optimum = solved(problem, parameters)
    monkeypatch.setattr(highs, "minimise", stopped)
    allocation = cvar(problem, parameters)
    assert violations(problem, allocation.seized_units) == []
    assert "kTimeLimit" in allocation.notes[0]
    certificate = certify_cvar(problem, allocation, parameters)
    assert certificate.bound <= optimum.objective * (1 + 1e-9)
    assert optimum.objective <= certificate.objective * (1 + 1e-9)
    share = problem.cap_units / np.maximum(problem.endowment_units, 1) * problem.amount_units / problem.reachable_units
    assert certificate.objective <= cvar_by_definition(problem, parameters, share) * (1 + 1e-9)
    assert certificate.relative_gap > GAP_TOLERANCE


def test_the_certificate_believes_neither_weights_nor_haircuts() -> None:
    problem, parameters = random_case(15, 60)
    allocation, certificate = solved(problem, parameters)
    assert allocation.haircuts is not None
    assert allocation.scenario_weights is not None
    rng = np.random.default_rng(0)
    for weights in (rng.random(len(allocation.scenario_weights)) * 1e3, -allocation.scenario_weights):
        lied = certify_cvar(problem, replace(allocation, scenario_weights=weights), parameters)
        assert lied.bound <= certificate.objective * (1 + 1e-9)
    short = certify_cvar(problem, replace(allocation, haircuts=allocation.haircuts * 0.5), parameters)
    assert short.objective >= certificate.objective * (1 - 1e-9)


@pytest.mark.parametrize("threads", some([2, 1], 1))
def test_highs_solves_whatever_number_of_threads_another_library_began_with(threads: int) -> None:
    """HiGHS refuses a number of threads other than its first in the process, whoever asked for that."""
    script = f"""
import cvxpy as cp
x = cp.Variable(2, bounds=[0, 1])
cp.Problem(cp.Minimize(x[0]), [cp.sum(x) == 1]).solve(solver=cp.HIGHS, threads={threads})
from tests.solvers.tails import random_case, solved
from solvers.robustness.cvar import CVar
allocation, _ = solved(random_case(15, 60)[0], CVar(level=0.5))
assert not allocation.notes
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])


def test_every_status_of_highs_has_a_meaning_and_only_optimal_is_one() -> None:
    assert set(highs.STATUSES) == set(highspy.HighsModelStatus.__members__)
    assert [name for name, error in highs.STATUSES.items() if error is None] == ["kOptimal"]
