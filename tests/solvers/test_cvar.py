"""`cvar` against the plain linear program in other solvers, by hand, and what ties and degenerate books get."""

import warnings
from dataclasses import replace
from fractions import Fraction
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import linprog

from solvers.errors import InfeasibleBudget, ProblemError
from solvers.pro_rata import CappedProRata, capped_pro_rata
from solvers.problem import HaircutProblem
from solvers.queue import Queue, queue
from solvers.robustness.cvar import CVar, certify_cvar, cvar
from solvers.robustness.laws import Scenarios
from solvers.robustness.losses import ExposureModel
from solvers.robustness.worst import at_risk
from solvers.weighted import LeverageProRata, Rap, leverage_pro_rata, rap
from tests.problems import UNIT, book, permuted, random_problem, some
from tests.solvers.risky import of_book
from tests.solvers.tails import MODELS, cvar_by_definition, lines, random_case, solved, with_scenarios


def plain(problem: HaircutProblem, parameters: CVar, *, clarabel: bool = False) -> float:
    """The whole linear program, a variable for every account and scenario, by HiGHS in scipy or Clarabel in cvxpy."""
    a, b = lines(problem, parameters.exposure_model)
    assert isinstance(problem.shock, Scenarios)
    p = problem.shock.probabilities
    (n, s), w = a.shape, problem.endowment_units / UNIT
    most = problem.cap_units / np.maximum(problem.endowment_units, 1)
    account, scenario = np.nonzero(np.maximum(a, a + b * most[:, None]) > 0)
    pairs, amount = len(account), problem.amount_units / UNIT
    size = max(float(a[account, scenario].max(initial=0)), amount, 1e-6)
    place = np.arange(pairs)
    slopes = sp.csr_matrix((b[account, scenario] / size, (place, account)), (pairs, n))
    by_scenario = sp.csr_matrix((np.ones(pairs), (scenario, place)), (s, pairs))
    start, costs = a[account, scenario] / size, p / (1 - parameters.level)
    if clarabel:
        h = cp.Variable(n, bounds=[np.zeros(n), most])
        v, u, z = cp.Variable(pairs, nonneg=True), cp.Variable(s, nonneg=True), cp.Variable()
        limits = [(w / amount) @ h == 1, v >= start + slopes @ h, u >= by_scenario @ v - z]
        program = cp.Problem(cp.Minimize(z + costs @ u), limits)
        for tolerance in (1e-11, 1e-10, 1e-9):
            with warnings.catch_warnings(action="ignore", category=UserWarning):  # the status says as much
                program.solve(solver=cp.CLARABEL, tol_gap_abs=tolerance, tol_gap_rel=tolerance, tol_feas=tolerance)
            if program.status == "optimal":
                return float(program.value) * size
        pytest.fail(f"Clarabel ended with status {program.status}")
    found = linprog(
        np.concatenate((np.zeros(n), [1], costs, np.zeros(pairs))),
        A_ub=sp.vstack(
            (
                sp.hstack((slopes, sp.csr_matrix((pairs, 1 + s)), -sp.eye(pairs))),
                sp.hstack((sp.csr_matrix((s, n)), -np.ones((s, 1)), -sp.eye(s), by_scenario)),
            )
        ).tocsr(),
        b_ub=np.concatenate((-start, np.zeros(s))),
        A_eq=sp.csr_matrix(np.concatenate((w / amount, np.zeros(1 + s + pairs)))[None, :]),
        b_eq=[1],
        bounds=[(0, beta) for beta in most] + [(0, None)] * (1 + s + pairs),
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    assert found.status == 0, found.message
    return float(found.fun) * size


def near(size: float) -> Any:
    """Within 1e-8 of the figure, or of a hundredth of a whole unit where it is next to nothing."""
    return pytest.approx(size, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("block", some(10, 1))
def test_the_optimum_is_that_of_the_whole_linear_program_in_scipy(block: int) -> None:
    compared = 0
    for seed in range(block * 42, block * 42 + 42):
        problem, parameters = random_case(seed)
        if problem.amount_units == 0:
            continue
        compared += 1
        allocation, certificate = solved(problem, parameters)
        assert certificate.objective == near(plain(problem, parameters)), seed
        assert certificate.objective == near(cvar_by_definition(problem, parameters, of_book(problem, allocation)))
    assert compared >= 35


@pytest.mark.parametrize("seed", some(range(1000, 1060), 20))
def test_the_optimum_is_that_of_the_whole_program_in_cvxpy_with_clarabel(seed: int) -> None:
    problem, parameters = random_case(seed, 15)
    if not problem.amount_units:
        pytest.skip("there is nothing to take")
    _, certificate = solved(problem, parameters)
    wanted = plain(problem, parameters, clarabel=True)
    assert certificate.objective == pytest.approx(wanted, rel=1e-8, abs=1e-5), seed


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", some(15, 5))
def test_no_policy_beats_it_on_its_own_aim_nor_the_bound(seed: int, model: ExposureModel) -> None:
    problem, parameters = random_case(seed, 60)
    parameters = replace(parameters, exposure_model=model)
    _, certificate = solved(problem, parameters)
    others = (
        capped_pro_rata(problem, CappedProRata()),
        queue(problem, Queue()),
        queue(problem, Queue(score="size")),
        leverage_pro_rata(problem, LeverageProRata()),
        rap(problem, Rap()),
        rap(problem, Rap(risk="optimal")),
        *(cvar(problem, CVar(level=0.6, exposure_model=other)) for other in MODELS),
    )
    slack = 1 + 1e-9
    for other in others:
        theirs = certify_cvar(problem, replace(other, haircuts=None), parameters)
        # Amounts in whole units: an account is within one unit of its haircut, and loses no more than a few a unit.
        assert certificate.objective <= theirs.objective * slack + 1e-4
        # Weights from anywhere prove a bound; it is never above the optimum.
        assert theirs.bound <= certificate.objective * slack + 1e-9


@pytest.mark.parametrize("seed", range(24))
def test_the_order_of_accounts_and_of_scenarios_changes_nothing_for_an_account(seed: int) -> None:
    problem, parameters = random_case(seed)
    allocation, certificate = solved(problem, parameters)
    order = np.random.default_rng(seed).permutation(len(problem.book))
    there = permuted(problem, order)
    again, certified = solved(there, parameters)
    assert again.seized_units.tolist() == allocation.seized_units[order].tolist()
    assert certified == certificate
    assert cvar(problem, parameters).seized_units.tobytes() == allocation.seized_units.tobytes()


# By hand ------------------------------------------------------------------------------------------


TWO = book([0, 0], [10, 10], notional=[100, 50])
"""Equity and endowment 10 each, long 100 and long 50: a fall of 30 % costs the venue 20 and 5."""


def two(budget: float, moves: Any = ((-0.3,), (0.1,))) -> HaircutProblem:
    return with_scenarios(HaircutProblem(TWO), [[100], [50]], moves, budget=int(budget * UNIT))


def test_deleverage_takes_from_the_levered_and_cash_from_the_safe() -> None:
    """Budget 5, level 1/2, so the fall alone counts. A haircut of 1/2 of a saves 10, of b 2.5. Money taken from either
    adds as much to a loss that is there already; so under cash nothing is to choose in a fall of 30 %, but in one of
    15 % b has 2.5 to spare and a nothing.
    """
    allocation, certificate = solved(two(5), CVar(level=0.5))
    assert allocation.seized_units.tolist() == [5 * UNIT, 0]
    assert certificate.objective == pytest.approx(20 / 2 + 5)
    assert certificate.multiplier == pytest.approx(Fraction(-2))
    mild = two(5, [[-0.15], [0.1]])
    allocation, certificate = solved(mild, CVar(level=0.5, exposure_model="cash"))
    assert allocation.seized_units[1] >= 2.5 * UNIT
    assert certificate.objective == pytest.approx(5 + 2.5)
    assert certificate.multiplier == pytest.approx(Fraction(1))
    # Both: a keeps (1 - h) 100 and loses (1 - h)(15 - 10); b loses nothing with (1 - h)(7.5 - 10) either way.
    allocation, certificate = solved(mild, CVar(level=0.5, exposure_model="both"))
    assert allocation.seized_units.tolist() == [5 * UNIT, 0]
    assert certificate.objective == pytest.approx(2.5)


def test_the_worst_cases_alone_count() -> None:
    """a is long and b short of one size: a crash costs 20 (1 - h_a), a rally 30 (1 - h_b)."""
    mirror = book([0, 0], [10, 10], notional=[100, 100])
    moves, weights = [[-0.3], [0.0], [0.4]], [0.3, 0.6, 0.1]
    problem = with_scenarios(HaircutProblem(mirror), [[100], [-100]], moves, weights, budget=5 * UNIT)
    # The worst tenth: b pays until the crash would be as bad as the rally.
    allocation, certificate = solved(problem, CVar(level=0.9))
    assert allocation.seized_units.tolist() == [UNIT, 4 * UNIT]
    assert certificate.objective == pytest.approx(18)
    # The worst four tenths are the rally, a quarter of them, and the crash.
    allocation, certificate = solved(problem, CVar(level=0.6))
    assert allocation.seized_units.tolist() == [5 * UNIT, 0]
    assert certificate.objective == pytest.approx(0.75 * 20 / 2 + 0.25 * 30)


def test_cvar_lies_between_var_and_the_worst_and_weights_show_it() -> None:
    losses, chances = np.array([4.0, 1, 3, 2]), np.full(4, 0.25)
    assert at_risk(losses, chances, 0.5) == (2, 3.5)
    assert at_risk(losses, chances, 0.75) == (3, 4)
    assert at_risk(losses, chances, 0.9) == (4, 4)


# Ties and degenerate books ------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_where_nobody_can_lose_all_pay_capped_pro_rata(model: ExposureModel) -> None:
    calm = with_scenarios(random_problem(np.random.default_rng(3), 25), np.ones((25, 1)) * 1e-3, [[0.01], [-0.01]])
    calm = replace(calm, book=replace(calm.book, min_equity_units=np.full(25, UNIT)))
    allocation, certificate = solved(calm, CVar(exposure_model=model))
    assert (certificate.objective, certificate.bound) == (0, 0)
    fair = capped_pro_rata(calm, CappedProRata()).seized_units
    assert np.abs(allocation.seized_units - fair).max() <= 1


def test_accounts_that_play_no_role_in_the_tail_pay_capped_pro_rata_among_themselves() -> None:
    """a is ruined by a fall and pays all it has; the rest is spread over the short b and the cash of c and d."""
    accounts = book([0, 5, 5, 5], [10, 10, 20, 40], notional=[100, 10, 0, 0], max_haircut=[1, 1, 0.1, 1])
    problem = with_scenarios(HaircutProblem(accounts), [[100], [-10], [0], [0]], [[-0.3], [0.05]], budget=22 * UNIT)
    allocation, certificate = solved(problem, CVar(level=0.5))
    assert allocation.seized_units.tolist() == [10 * UNIT, 2 * UNIT, 2 * UNIT, 8 * UNIT]
    assert certificate.objective == 0


@pytest.mark.parametrize("model", MODELS)
def test_accounts_with_the_same_figures_lose_the_same(model: ExposureModel) -> None:
    rng = np.random.default_rng(11)
    pnl = [10.0] * 6 + rng.lognormal(3, 1, 6).tolist()
    exposure = np.vstack((np.tile([[150.0, -40]], (6, 1)), rng.normal(0, 300, (6, 2))))
    accounts = book([1] * 12, pnl, notional=np.abs(exposure).sum(axis=1).tolist())
    problem = HaircutProblem(accounts)
    for share in (0.1, 0.4, 0.8):
        case = with_scenarios(
            problem, exposure, rng.standard_t(3, (40, 2)) * 0.15, budget=int(problem.reachable_units * share)
        )
        allocation, _ = solved(case, CVar(level=0.8, exposure_model=model))
        assert np.ptp(allocation.seized_units[:6]) <= 1


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("level", [1e-9, 0.5, 1 - 1e-9])
def test_degenerate_books_and_levels_are_solved(model: ExposureModel, level: float) -> None:
    parameters = CVar(level=level, exposure_model=model)
    many = [[-0.4], [-0.2], [0.0], [0.3], [0.5]]
    one_account = HaircutProblem(book([1], [4], notional=[30]))
    problems = [
        with_scenarios(one_account, [[30]], many, budget=2 * UNIT),
        with_scenarios(one_account, [[30]], [[-0.4]], budget=4 * UNIT),
        two(0, many),
        two(20, many),
        two(20 - 1 / UNIT, many),
        two(1 / UNIT, many),
        two(7, [[-0.4]]),
        with_scenarios(HaircutProblem(TWO), [[100], [-50]], many, [0, 0, 3, 0, 1], budget=7 * UNIT),
        with_scenarios(HaircutProblem(TWO), [[100], [-50]], many, [0, 0, 0, 1e-300, 1], budget=7 * UNIT),
        with_scenarios(HaircutProblem(TWO), [[0], [0]], many, budget=7 * UNIT),
    ]
    for problem in problems:
        _, certificate = solved(problem, parameters)
        if problem.amount_units:
            assert certificate.objective == near(plain(problem, parameters))


def test_a_level_that_sees_one_scenario_minimises_the_worst_loss() -> None:
    problem, _ = random_case(42)
    allocation, certificate = solved(problem, CVar(level=1 - 1e-12))
    a, b = lines(problem, "deleverage")
    losses = np.maximum(a + b * of_book(problem, allocation)[:, None], 0).sum(axis=0)
    assert isinstance(problem.shock, Scenarios)
    assert certificate.objective == pytest.approx(losses[problem.shock.probabilities > 0].max(), rel=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_a_millionth_and_a_trillion_stand_side_by_side(model: ExposureModel) -> None:
    rng = np.random.default_rng(5)
    sizes = 10.0 ** np.array([-6, -6, -3, 0, 0, 3, 6, 9, 12, 12])
    pnl = np.maximum(np.round(sizes * rng.uniform(1, 3, 10), 6), 1e-6)
    exposure = pnl[:, None] * rng.uniform(-20, 20, (10, 2))
    accounts = book([0] * 10, pnl.tolist(), notional=np.abs(exposure).sum(axis=1).tolist())
    reach = HaircutProblem(accounts).reachable_units
    moves = rng.standard_t(3, (30, 2)) * 0.1
    for budget in (1, 1000, UNIT, 10**9, 10**15, reach // 3, reach - 5):
        problem = with_scenarios(HaircutProblem(accounts), exposure, moves, budget=budget)
        _, certificate = solved(problem, CVar(level=0.7, exposure_model=model))
        assert certificate.objective <= cvar_by_definition(
            problem, CVar(level=0.7, exposure_model=model), np.full(10, budget / reach)
        ) * (1 + 1e-12)


def test_what_it_cannot_do_is_refused_by_name() -> None:
    with pytest.raises(ProblemError, match="is needed by cvar: say what the next shock is") as refused:
        cvar(HaircutProblem(TWO), CVar())
    assert refused.value.field == "shock"
    with pytest.raises(InfeasibleBudget):
        cvar(two(20 + 1 / UNIT), CVar())
