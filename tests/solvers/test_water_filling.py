"""Water-filling against generic solvers, and on inputs made to break it."""

from fractions import Fraction

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ortools.linear_solver import pywraplp

from solvers.errors import InfeasibleBudget
from solvers.money import Int64
from solvers.pro_rata import CappedProRata
from solvers.problem import HaircutProblem
from solvers.registry import POLICIES
from solvers.rounding import shares
from solvers.solve import solve
from solvers.water_filling import Rates, fill
from tests.problems import book, problem, random_problem, some, units

BOOKS = [random_problem(np.random.default_rng(seed), 2 + seed % 40) for seed in range(120)]


def scaled(found: HaircutProblem) -> tuple[np.ndarray, np.ndarray, float]:
    """Endowments, cap fractions and budget of the winners, in units of the mean endowment."""
    rows = found.winners
    mean = found.endowment[rows].mean()
    return found.endowment[rows] / mean, found.cap_units[rows] / found.endowment[rows], found.budget_units / mean


def haircuts(found: HaircutProblem, name: str) -> np.ndarray:
    policy = POLICIES[name]
    seized = solve(found, policy, policy.parameters()).allocation.seized_units[found.winners]
    return seized / found.endowment_units[found.winners]


def minimise(w: np.ndarray, beta: np.ndarray, budget: float, r: np.ndarray) -> float:
    """min sum w h^2 / (2 r), by Clarabel."""
    h = cp.Variable(len(w), bounds=[np.zeros(len(w)), beta])
    objective = cp.Minimize(cp.sum(cp.multiply(w / (2 * r), cp.square(h))))
    program = cp.Problem(objective, [w @ h == budget])
    program.solve(solver=cp.CLARABEL, tol_gap_rel=1e-12, tol_gap_abs=1e-12, tol_feas=1e-12)
    assert program.status == cp.OPTIMAL
    return float(program.value)


@pytest.mark.parametrize("start", some(range(0, 120, 30), 1))
def test_capped_pro_rata_is_the_quadratic_optimum(start: int) -> None:
    for found in (found for found in BOOKS[start : start + 30] if found.winners.size and found.budget_units):
        w, beta, budget = scaled(found)
        wanted = minimise(w, beta, budget, np.ones(len(w)))
        h = haircuts(found, "capped-pro-rata")
        assert float((w * h * h / 2).sum()) == pytest.approx(wanted, rel=1e-8, abs=1e-12)


def test_leverage_pro_rata_is_the_optimum_weighted_by_leverage() -> None:
    checked = 0
    for found in BOOKS:
        rows = found.winners
        leverage = found.book.column("notional").floats[rows] * 1e6 / found.book.equity_units[rows]
        if not rows.size or not leverage.all() or not found.budget_units or np.ptp(np.log(leverage)) > 6:
            continue
        w, beta, budget = scaled(found)
        wanted = minimise(w, beta, budget, leverage)
        h = haircuts(found, "leverage-pro-rata")
        assert float((w * h * h / (2 * leverage)).sum()) == pytest.approx(wanted, rel=1e-8)
        checked += 1
    assert checked >= 5


def test_no_allocation_has_a_smaller_worst_haircut() -> None:
    """min t with x_i <= t w_i, by ortools' GLOP."""
    for found in (found for found in BOOKS if found.winners.size and found.budget_units):
        w, beta, budget = scaled(found)
        solver = pywraplp.Solver.CreateSolver("GLOP")
        worst = solver.NumVar(0, 1, "worst")
        x = [solver.NumVar(0, float(cap), "") for cap in beta * w]
        solver.Add(solver.Sum(x) == budget)
        for amount, weight in zip(x, w.tolist(), strict=True):
            solver.Add(amount <= worst * weight)
        solver.Minimize(worst)
        assert solver.Solve() == pywraplp.Solver.OPTIMAL
        level = solve(found, POLICIES["capped-pro-rata"], CappedProRata()).certificate.multiplier
        assert level is not None
        assert min(float(level), beta.max()) == pytest.approx(worst.solution_value(), rel=1e-7)


def test_newton_finishes_where_every_step_frees_one_account() -> None:
    """Breakpoints that double: each tangent reaches one account further."""
    n = 60
    rates = np.array([2 ** (n - i) for i in range(n)], dtype=np.int64)
    caps = np.array([2**30] * n, dtype=np.int64)
    filling = fill(caps, Rates.of(rates), 2**30 * n - 1, [str(i) for i in range(n)])
    assert filling.seized_units.sum() == 2**30 * n - 1
    assert (filling.seized_units[:-1] == 2**30).all()


def test_rates_of_any_range_share_one_budget_exactly() -> None:
    numerators, denominators = [1, 10**40, 3, 7], [10**40, 1, 7, 3]
    caps = np.array([10, 10, 10**15, 10**15], dtype=np.int64)
    filling = fill(caps, Rates.quotients(numerators, denominators), 10**12, ["a", "b", "c", "d"])
    assert filling.seized_units.sum() == 10**12
    assert filling.seized_units.tolist()[:2] == [0, 10]
    left = 10**12 - 10
    assert abs(filling.seized_units[2] - Fraction(left * 9, 58)) < 1


def test_when_the_weighted_are_at_their_caps_the_rest_is_spread_over_the_others() -> None:
    found = problem(book([0] * 4, [10, 10, 10, 30], notional=[5, 20, 0, 0], max_haircut=[0.1, 0.2, 1, 1]), 11)
    for name in ("leverage-pro-rata", "rap"):
        solution = solve(found, POLICIES[name], POLICIES[name].parameters())
        assert solution.allocation.seized_units.tolist() == units(1, 2, 2, 6)
        assert len(solution.allocation.notes) == 1
        assert "2 winners of weight zero" in solution.allocation.notes[0]


def test_pro_rata_names_who_is_in_the_way_and_what_it_could_take() -> None:
    found = problem(book([0] * 3, [10, 10, 20], max_haircut=[1, 0.2, 0.3]), 15)
    with pytest.raises(InfeasibleBudget) as refused:
        solve(found, POLICIES["pro-rata"], None)
    assert refused.value.rows == (1, 2)
    assert refused.value.reachable_units == units(8)[0]
    partial = solve(found, POLICIES["pro-rata"], None, partial=True)
    assert partial.status == "partial"
    assert partial.allocation.seized_units.tolist() == units(2, 2, 4)


@given(st.lists(st.integers(1, 10**13), min_size=1, max_size=12), st.integers(0, 10**14))
def test_shares_in_doubles_and_in_integers_are_the_same(rates: list[int], amount: int) -> None:
    ids = [f"{i:02}" for i in range(len(rates))]
    rows = np.arange(len(rates))
    fast = shares(np.array(rates, dtype=np.int64), amount, sum(rates), ids, rows)
    slow = shares(np.array(rates, dtype=object), amount, sum(rates), ids, rows)
    assert fast.tolist() == slow.tolist()
    assert fast.sum() == amount
    wanted: Int64 = np.array([Fraction(rate * amount, sum(rates)) for rate in rates], dtype=object)
    assert all(abs(got - want) < 1 for got, want in zip(fast.tolist(), wanted, strict=True))
