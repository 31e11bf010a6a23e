"""Revenue against solvers it does not use, by hand, and at the edges: which haircuts keep the most fees."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import exp, fsum, isfinite
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from solvers import verify
from solvers.allocation import Allocation
from solvers.diagnostics.revenue import revenue_kept
from solvers.errors import InfeasibleBudget, ProblemError
from solvers.money import Float64, Int64, Numbers
from solvers.pro_rata import CappedProRata, capped_pro_rata
from solvers.problem import HaircutProblem
from solvers.registry import POLICIES
from solvers.revenue.certificate import certify_revenue
from solvers.revenue.retention import Exponential, Linear, Power, Retention
from solvers.revenue.revenue import Revenue, revenue
from solvers.verify import Optimality
from tests.problems import UNIT, book, permuted, problem, random_problem, some, units

CURVES: list[Retention] = [
    Linear(0.7),
    Linear(1e-6),
    Power(0.5, 2.0),
    Power(1.0, 1.0001),
    Power(1.0, 1.0000001),
    Power(0.3, 20.0),
    Exponential(1.0),
    Exponential(50.0),
    Exponential(1e-6),
]
CONVEX = [curve for curve in CURVES if not isinstance(curve, Exponential)]
CONCAVE = [curve for curve in CURVES if isinstance(curve, Exponential)]


def paying(found: HaircutProblem, fees: list[Any], curve: Retention) -> HaircutProblem:
    columns = {**found.book.columns, "fees": Numbers.parse("fees", fees)}
    return replace(found, book=replace(found.book, columns=columns), retention=curve)


def random_paying(seed: int, n: int, curve: Retention) -> HaircutProblem:
    """A random book whose fees are heavy-tailed too, some of them zero, some tied with others a dollar."""
    rng = np.random.default_rng(seed)
    found = random_problem(rng, n)
    fees = np.round(rng.lognormal(1, 2, n), 3)
    fees[rng.random(n) < 0.15] = 0.0
    tied = rng.random(n) < 0.2
    fees[tied] = found.endowment[tied] / UNIT / 4
    return paying(found, fees.tolist(), curve)


def run(found: HaircutProblem, *, exact: bool = False) -> tuple[Allocation, Optimality]:
    """An allocation that keeps every rule, and its certificate."""
    allocation = revenue(found, Revenue(exact=exact))
    assert verify.violations(found, allocation.seized_units) == []
    optimality = certify_revenue(found, allocation, Revenue(exact=exact))
    assert isfinite(optimality.objective)
    assert isfinite(optimality.bound)
    assert isfinite(optimality.kkt_residual)
    assert 0 <= optimality.bound <= optimality.objective
    return allocation, optimality


def churned(found: HaircutProblem, seized: Int64) -> float:
    assert found.retention is not None
    haircuts = seized / np.maximum(found.endowment, 1)
    return fsum((found.book.column("fees").floats * found.retention.leaves(haircuts)).tolist())


def test_linear_by_hand_takes_from_the_cheapest_fees_a_dollar() -> None:
    # Fees 1 on 10 and 4 on 20: a dollar costs 0.05 of the first, 0.1 of the second. All 10, then 6 of 20.
    found = paying(problem(book([0, 0], [10, 20]), 16), [1, 4], Linear(0.5))
    allocation, optimality = run(found)
    assert allocation.seized_units.tolist() == units(10, 6)
    assert optimality.objective == pytest.approx(0.5 + 4 * 0.5 * 0.3, rel=1e-15)
    assert allocation.multiplier is not None
    assert float(allocation.multiplier) == pytest.approx(0.1, rel=1e-15)
    assert optimality.relative_gap <= 1e-15


def test_power_by_hand_takes_in_proportion_to_endowment_over_fees() -> None:
    # p = 2: h = mu w / (2 v k). w/v is 10 and 5, so h2 = h1 / 2: 10 h + 20 h / 2 = 12, h1 = 0.6, h2 = 0.3.
    found = paying(problem(book([0, 0], [10, 20]), 12), [1, 4], Power(0.5, 2.0))
    allocation, optimality = run(found)
    assert allocation.seized_units.tolist() == units(6, 6)
    assert optimality.objective == pytest.approx(0.5 * 0.36 + 2 * 0.09, rel=1e-14)
    assert allocation.multiplier is not None
    assert float(allocation.multiplier) == pytest.approx(2 * 0.5 * 0.6 / 10, rel=1e-14)


def test_power_by_hand_at_a_cap_passes_on_what_is_left() -> None:
    found = paying(problem(book([0, 0], [10, 20], max_haircut=[0.2, 1]), 12), [1, 4], Power(0.5, 2.0))
    assert run(found)[0].seized_units.tolist() == units(2, 10)


def test_exponential_by_hand_takes_one_account_whole() -> None:
    # Equal endowments and fees, half of all: one whole account costs 1 - 1/e, two halves 2 (1 - exp(-1/2)) = 0.787.
    found = paying(problem(book([0, 0], [10, 10]), 10), [1, 1], Exponential(1.0))
    allocation, optimality = run(found)
    assert allocation.seized_units.tolist() == units(10, 0)
    assert optimality.objective == pytest.approx(1 - exp(-1), rel=1e-15)
    assert optimality.relative_gap <= 1e-15


def test_exponential_by_hand_has_the_gap_of_its_one_fractional_account() -> None:
    # Chords 0.0632 and 0.1264 a dollar: 10 from the first, 5 of 10 from the second.
    found = paying(problem(book([0, 0], [10, 10]), 15), [1, 2], Exponential(1.0))
    allocation, optimality = run(found)
    assert allocation.seized_units.tolist() == units(10, 5)
    whole, half = 1 - exp(-1), 1 - exp(-0.5)
    assert optimality.objective == pytest.approx(whole + 2 * half, rel=1e-14)
    assert optimality.bound == pytest.approx(whole + 2 * whole / 2, rel=1e-14)
    assert optimality.objective - optimality.bound == pytest.approx(2 * (half - whole / 2), rel=1e-12)
    assert run(found, exact=True)[1].relative_gap <= 1e-9


def mean_one(found: HaircutProblem) -> tuple[Int64, Float64, Float64, Float64, float]:
    """Rows, endowments, cap fractions, fees and amount, with endowments of mean one."""
    rows = np.flatnonzero(found.cap_units)
    scale = float(found.endowment[rows].mean())
    w = found.endowment[rows] / scale
    fees = found.book.column("fees").floats[rows]
    return rows, w, found.cap_units[rows] / found.endowment[rows], fees, found.amount_units / scale


@pytest.mark.parametrize("start", some(range(0, 200, 50), 1))
def test_linear_has_the_objective_of_highs(start: int) -> None:
    for seed in range(start, start + 50):
        found = random_paying(seed, 1 + seed % 40, Linear(0.7))
        _, optimality = run(found)
        if not found.reachable_units:
            continue
        _, w, caps, fees, amount = mean_one(found)
        top = float(fees.max()) or 1.0
        limits = np.column_stack((np.zeros(len(w)), caps * w))
        theirs = linprog(0.7 * fees / w / top, A_eq=np.ones((1, len(w))), b_eq=[amount], bounds=limits, method="highs")
        assert theirs.status == 0
        assert optimality.objective <= theirs.fun * top * (1 + 1e-8) + 1e-8 * top
        assert optimality.objective == pytest.approx(theirs.fun * top, rel=1e-8, abs=1e-9 * top)
        assert optimality.relative_gap <= 1e-12
        assert optimality.kkt_residual <= 1e-9


@pytest.mark.parametrize("p", [1.5, 2.0, 3.0])
@pytest.mark.parametrize("start", some(range(0, 75, 15), 1))
def test_power_has_the_objective_of_clarabel(p: float, start: int) -> None:
    for seed in range(start, start + 15):
        # Of few magnitudes: on others Clarabel itself is not good to 1e-8.
        rng = np.random.default_rng(seed)
        n = 2 + seed % 15
        pnl, fees = np.round(rng.uniform(5, 50, n), 2).tolist(), np.round(rng.uniform(1, 10, n), 2).tolist()
        base = book([0] * n, pnl, max_haircut=np.round(rng.uniform(0.3, 1, n), 2).tolist())
        reach = HaircutProblem(base).reachable_units / UNIT
        found = paying(problem(base, round(reach * rng.uniform(0.1, 0.95), 2)), fees, Power(0.5, p))
        _, optimality = run(found)
        _, w, caps, paid, amount = mean_one(found)
        mean = amount / float(w.sum())  # solved for haircuts of mean one
        h = cp.Variable(n, bounds=[np.zeros(n), caps / mean])
        program = cp.Problem(cp.Minimize(cp.sum(cp.multiply(paid, cp.power(h, p)))), [w @ h == amount / mean])
        program.solve(solver=cp.CLARABEL, tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-10)
        assert optimality.objective == pytest.approx(float(program.value) * 0.5 * mean**p, rel=1e-8), seed
        assert optimality.relative_gap <= 1e-12, seed


@pytest.mark.parametrize("curve", CONVEX, ids=repr)
@pytest.mark.parametrize("start", some(range(0, 150, 50), 1))
def test_convex_curves_are_certified_on_hundreds_of_books(curve: Retention, start: int) -> None:
    for seed in range(start, start + 50):
        found = random_paying(seed, 1 + seed % 40, curve)
        _, optimality = run(found)
        assert optimality.relative_gap <= 1e-12, seed


@pytest.mark.parametrize("curve", CONCAVE, ids=repr)
@pytest.mark.parametrize("start", some(range(0, 150, 50), 1))
def test_the_greedy_vertex_has_at_most_one_fractional_account_and_a_true_bound(curve: Retention, start: int) -> None:
    for seed in range(start, start + 50):
        found = random_paying(seed, 1 + seed % 40, curve)
        allocation, optimality = run(found)
        seized, caps = allocation.seized_units, found.cap_units
        assert np.count_nonzero((seized > 0) & (seized < caps)) <= 1
        fair = churned(found, capped_pro_rata(found, CappedProRata()).seized_units)
        assert optimality.bound <= optimality.objective <= fair * (1 + 1e-12)


def test_the_gap_of_the_plain_greedy_is_at_most_what_the_model_says() -> None:
    # v_j ((1 - exp(-k h_j)) - (h_j / beta_j) (1 - exp(-k beta_j))): equal for the plain greedy, which ours improves on.
    curve = Exponential(2.0)
    for seed in range(100):
        found = random_paying(seed, 2 + seed % 20, curve)
        _, optimality = run(found)
        rows = np.flatnonzero(found.cap_units)
        if found.amount_units in (0, found.reachable_units):
            continue
        w, caps, fees = found.endowment[rows], found.cap_units[rows], found.book.column("fees").floats[rows]
        slopes = fees * curve.leaves(caps / w) / caps
        order = np.lexsort((-caps, slopes))
        before = np.cumsum(caps[order]) - caps[order]
        taken = np.clip(found.amount_units - before, 0, caps[order])
        plain = fsum((fees[order] * curve.leaves(taken / w[order])).tolist())
        place = int(np.searchsorted(before, found.amount_units, side="left")) - 1
        j = order[place]
        h, beta = taken[place] / w[j], caps[j] / w[j]
        gap = fees[j] * float(curve.leaves(np.array(h)) - h / beta * curve.leaves(np.array(beta)))
        assert plain - gap == pytest.approx(optimality.bound, rel=1e-9, abs=1e-12)
        assert optimality.objective <= plain * (1 + 1e-12)


EDGES: dict[str, Callable[[Retention], HaircutProblem]] = {
    "one account": lambda curve: paying(problem(book([0], [10]), 4), [3], curve),
    "nothing to take": lambda curve: paying(problem(book([0, 0], [10, 20]), 0), [3, 1], curve),
    "all that can be taken": lambda curve: paying(
        problem(book([0, 0], [10, 20], max_haircut=[0.3, 1]), 23), [3, 1], curve
    ),
    "no fees at all": lambda curve: paying(
        problem(book([0] * 3, [10, 20, 30], max_haircut=[1, 0.1, 1]), 30), [0] * 3, curve
    ),
    "a dust account and a whale": lambda curve: paying(
        problem(book([0] * 4, [1e-9, "0.000001", 10**12, 10**12]), 10**12 + 5), [1e-9, 5, 1e12, 0], curve
    ),
    "a unit from whales": lambda curve: paying(problem(book([0] * 2, [10**12, 10**11]), "0.000001"), [1e12, 7], curve),
    "all but a unit of whales": lambda curve: paying(
        problem(book([0] * 2, [10**12, 10**11]), "1099999999999.999999"), [1e12, 7], curve
    ),
    "tiny and huge fees": lambda curve: paying(problem(book([0] * 3, [10, 20, 30]), 41), [1e-50, 1e50, 1], curve),
    "no winners": lambda curve: paying(problem(book([0], [-10]), 0), [3], curve),
}


@pytest.mark.parametrize("curve", CURVES, ids=repr)
@pytest.mark.parametrize("edge", EDGES)
def test_edges_are_allocated_and_certified(edge: str, curve: Retention) -> None:
    found = EDGES[edge](curve)
    allocation, optimality = run(found)
    if not isinstance(curve, Exponential):
        assert optimality.relative_gap <= 1e-9
    assert run(found, exact=True)[1].relative_gap <= 1e-9
    assert allocation.haircuts is not None
    assert len(allocation.haircuts) == len(found.winners)


def test_accounts_without_fees_bear_all_they_can_capped_pro_rata() -> None:
    for curve in (Linear(0.5), Power(0.5, 3.0)):
        base = book([0] * 4, [10, 20, 30, 10], max_haircut=[1, 0.1, 1, 1])
        found = paying(problem(base, 22), [0, 0, 0, 5], curve)
        assert run(found)[0].seized_units.tolist() == units(5, 2, 15, 0)
        more = paying(problem(base, 45), [0, 0, 0, 5], curve)
        assert run(more)[0].seized_units.tolist() == units(10, 2, 30, 3)


def test_linear_ties_share_capped_pro_rata_and_exponential_ties_do_not() -> None:
    base = book([0] * 4, [10, 20, 30, 5], max_haircut=[1, 0.1, 1, 1])
    fees = [1, 2, 3, 50]
    assert run(paying(problem(base, 22), fees, Linear(0.5)))[0].seized_units.tolist() == units(5, 2, 15, 0)
    # Tied accounts are filled whole, the largest first, and one of the small ones bears the rest.
    tied = paying(problem(book([0] * 3, [10, 30, 10]), 42), [1, 3, 1], Exponential(1.0))
    allocation, _ = run(tied)
    assert sorted(allocation.seized_units.tolist()) == sorted(units(10, 2, 30))
    assert allocation.seized_units.tolist() == units(2, 30, 10) or allocation.seized_units.tolist() == units(10, 30, 2)


@pytest.mark.parametrize("curve", CURVES, ids=repr)
@pytest.mark.parametrize("examples", some((15, 100), 1))
def test_the_order_of_the_rows_does_not_matter(curve: Retention, examples: int) -> None:
    @settings(max_examples=examples)
    @given(seed=st.integers(0, 10**6))
    def holds(seed: int) -> None:
        found = random_paying(seed, 1 + seed % 12, curve)
        order = np.random.default_rng(seed).permutation(len(found.book))
        for exact in (False, True):
            here, there = run(found, exact=exact), run(permuted(found, order), exact=exact)
            assert here[0].seized_units[order].tolist() == there[0].seized_units.tolist()
            assert here[0].multiplier == there[0].multiplier
            assert here[1].objective == there[1].objective
            assert here[1].bound == there[1].bound
            diagnosed = (
                revenue_kept(found, here[0].seized_units),
                revenue_kept(permuted(found, order), there[0].seized_units),
            )
            assert diagnosed[0] == diagnosed[1]

    holds()


@pytest.mark.parametrize("curve", CURVES, ids=repr)
@pytest.mark.parametrize("start", some(range(0, 40, 10), 1))
def test_no_other_policy_keeps_more_revenue(curve: Retention, start: int) -> None:
    for seed in range(start, start + 10):
        found = random_paying(seed, 2 + seed % 30, curve)
        least = run(found)[1].bound
        for name in ("pro-rata", "capped-pro-rata", "contracts-pro-rata", "leverage-pro-rata", "rap", "queue"):
            policy = POLICIES[name]
            columns = {**found.book.columns, "contracts": found.book.columns["notional"]}
            try:
                other = policy.solve(replace(found, book=replace(found.book, columns=columns)), policy.parameters())
            except InfeasibleBudget:
                continue
            seized = other.seized_units
            slack = np.abs(np.diff([churned(found, seized), churned(found, np.maximum(seized - 1, 0))]))[0]
            assert churned(found, seized) >= least * (1 - 1e-9) - slack, (name, seed)


def test_a_retention_is_needed_and_fees_are() -> None:
    with pytest.raises(ProblemError, match="say how haircuts drive accounts away"):
        revenue(problem(book([0], [1], fees=[1]), 1), Revenue())
    with pytest.raises(ProblemError, match="missing"):
        replace(problem(book([0], [1]), 1), retention=Linear(0.5))
    with pytest.raises(InfeasibleBudget):
        revenue(paying(problem(book([0], [1]), 2), [1], Linear(0.5)), Revenue())


def test_a_worse_allocation_shows_in_the_certificate() -> None:
    found = random_paying(3, 20, Linear(0.7))
    allocation, good = run(found)
    fair = capped_pro_rata(found, CappedProRata())
    bad = certify_revenue(
        found, replace(allocation, haircuts=(fair.seized_units / found.endowment.clip(1))[found.winners]), None
    )
    assert bad.objective > good.objective
    assert bad.bound == pytest.approx(good.bound, rel=1e-9)
    assert bad.kkt_residual > 0.01
    short = replace(allocation, haircuts=allocation.haircuts * 0.5)
    missed = certify_revenue(found, short, None)
    assert missed.objective >= good.objective * (1 - 1e-9)


def test_a_bound_above_the_objective_is_not_believed() -> None:
    found = random_paying(5, 20, Exponential(1.0))
    allocation, plain = run(found)
    lying = replace(allocation, bound=plain.objective * 2)
    assert certify_revenue(found, lying, None).bound == plain.bound
    wrong = replace(allocation, multiplier=Fraction(allocation.multiplier or 1) * 2)
    assert certify_revenue(found, wrong, None).bound <= plain.objective
