"""Draining leverage in many markets: against cutting planes and SLSQP, and by its own proof."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.contracts.costs import within_caps
from solvers.contracts.leverage.certificate import draining_bound
from solvers.contracts.leverage.drain import drained
from solvers.contracts.leverage.lots import in_whole_lots
from solvers.contracts.leverage.policy import LeverageDraining, draining_optimality, leverage_draining
from solvers.contracts.problem import ClosureProblem
from solvers.money import Float64
from tests.problems import some
from tests.solvers.contracts.draining import Program, moves
from tests.solvers.contracts.markets import NASTY, Nature, by_name, random_market, shuffled

PLAIN = Nature(load=0.3, position=200.0)
CAPPED = replace(NASTY, load=0.25, gap=0.02, capped=0.5)
SCARCE = replace(NASTY, load=0.6, gap=0.004, free=0.3)
NATURES = {"plain": PLAIN, "capped": CAPPED, "scarce": SCARCE}


@pytest.mark.parametrize("nature", NATURES)
@pytest.mark.parametrize("seed", some(40, 3))
def test_no_closing_of_a_small_book_leaves_less_to_be_expected(nature: str, seed: int) -> None:
    """Cutting planes bound it from both sides, within 1e-6 of the objective; SLSQP finds nothing lower.

    SLSQP ends infeasible or stalls higher on a quarter of these books, so that the cutting planes are the oracle.
    """
    problem = random_market(seed, 4 + seed % 5, 1 + seed % 3, 2, NATURES[nature])
    cov = moves(problem, seed, 0.4)
    found = drained(problem, cov)
    program = Program(problem, cov, found.need)
    ours = program.value(found.closed)
    if ours < 1e-30:
        pytest.skip("an expected shortfall that no linear program tells from zero")
    best, bound = program.by_cutting_planes(ours)
    assert ours >= bound * (1 - 1e-9)
    assert ours <= best * (1 + 1e-7)
    assert ours <= bound * (1 + 1e-6)
    assert ours <= program.by_quadratic_programs() * (1 + 1e-7)


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("seed", some(20, 3))
def test_a_singular_covariance_has_the_same_oracles(rank: int, seed: int) -> None:
    problem = random_market(seed, 6, 3, 2, PLAIN)
    cov = moves(problem, seed, 0.4, rank)
    found = drained(problem, cov)
    program = Program(problem, cov, found.need)
    ours = program.value(found.closed)
    if ours < 1e-30:
        pytest.skip("an expected shortfall that no linear program tells from zero")
    best, bound = program.by_cutting_planes(ours)
    assert bound * (1 - 1e-9) <= ours <= best * (1 + 1e-7)
    assert best <= bound * (1 + 1e-6)


@pytest.mark.parametrize("examples", some((5, 25), 1))
def test_closings_prove_themselves_and_keep_every_bound(examples: int) -> None:
    @given(
        seed=st.integers(0, 10**6),
        nature=st.sampled_from(sorted(NATURES)),
        markets=st.integers(1, 8),
        daily=st.sampled_from([0.003, 0.03, 0.3]),
        factors=st.sampled_from([None, 1, 2]),
    )
    @settings(max_examples=examples, deadline=None, derandomize=True)
    def hold(seed: int, nature: str, markets: int, daily: float, factors: int | None) -> None:
        problem = random_market(seed, 20, markets, 3, NATURES[nature])
        factors = factors if factors is None else min(factors, markets)
        closing = leverage_draining(problem, LeverageDraining(covariance=moves(problem, seed, daily), factors=factors))
        plan, arcs = closing.plan, problem.arcs
        proof = draining_optimality(problem, plan)
        tight = bool((plan.need < np.minimum([d.lots for d in problem.demands], held(problem)) * (1 - 1e-9)).any())
        if proof.objective > 1e-90:
            assert proof.relative_gap <= (1e-2 if tight else 1e-6 if factors else 1e-7)
        assert nature != "plain" or proof.kkt_residual <= 1e-6
        assert ((plan.closed >= 0) & (plan.closed <= arcs.lots)).all()
        assert np.bincount(arcs.demand, plan.closed, len(plan.need)) == pytest.approx(
            plan.need, rel=1e-6 if tight else 1e-9
        )
        paid = np.bincount(arcs.bearer, plan.amounts, len(problem.wealth.book))
        assert (paid <= problem.wealth.cap_units * (1 + 1e-9) + 1e-6).all()
        taken = np.zeros(len(problem.demands), np.int64)
        np.add.at(taken, arcs.demand, closing.lots)
        assert ((closing.lots >= 0) & (closing.lots <= arcs.lots)).all()
        assert within_caps(problem, closing.lots).all()
        assert (taken <= [demand.lots for demand in problem.demands]).all()
        spent = np.bincount(arcs.bearer, arcs.lots * problem.gap_floats[arcs.demand], len(problem.wealth.book))
        if (spent < problem.wealth.cap_units).all():
            assert (taken == np.rint(plan.need)).all()

    hold()


def held(problem: ClosureProblem) -> Float64:
    """Lots of each demand that may be closed."""
    return np.bincount(problem.arcs.demand, problem.arcs.lots, len(problem.demands))


@pytest.mark.parametrize("seed", some(10, 4))
def test_one_price_equalises_what_accounts_inside_their_bounds_save(seed: int) -> None:
    """KKT by finite differences of the definition, not by any gradient of ours."""
    problem = random_market(seed, 12, 3, 2, PLAIN)
    cov = moves(problem, seed)
    found = drained(problem, cov)
    program, arcs = Program(problem, cov, found.need), problem.arcs
    checked = 0
    for arc in np.flatnonzero((found.closed > 1) & (found.closed < arcs.lots - 1)).tolist():
        row, step = int(program.owner[arc]), 1e-3
        sides = [found.closed.copy(), found.closed.copy()]
        sides[0][arc] -= step
        sides[1][arc] += step
        saved = (program.account(row, sides[0])[0] - program.account(row, sides[1])[0]) / (2 * step)
        price = float(found.prices[arcs.demand[arc]])
        if price > 1e-9 * float(np.abs(found.prices).max()):
            checked += 1
            assert saved == pytest.approx(price, rel=1e-4)
    assert checked or not (found.prices > 0).any()


@pytest.mark.parametrize("nature", NATURES)
@pytest.mark.parametrize("seed", some(5, 1))
def test_closings_do_not_depend_on_the_order_of_rows(nature: str, seed: int) -> None:
    problem = random_market(seed, 40, 6, 3, NATURES[nature])
    cov, other = moves(problem, seed), shuffled(problem, seed)
    order = [problem.markets.symbols.index(symbol) for symbol in other.markets.symbols]
    ours = leverage_draining(problem, LeverageDraining(covariance=cov))
    theirs = leverage_draining(other, LeverageDraining(covariance=cov[np.ix_(order, order)]))
    assert by_name(problem, ours.lots) == by_name(other, theirs.lots)


@pytest.mark.parametrize("seed", some(6, 2))
def test_whole_lots_cost_little_where_positions_have_many(seed: int) -> None:
    problem = random_market(seed, 30, 4, 3, replace(PLAIN, position=1e5))
    cov = moves(problem, seed)
    found = drained(problem, cov)
    lots = in_whole_lots(problem, found.closed, found.wanted)
    real = draining_bound(problem, cov, found.closed, found.prices, found.need)
    whole = draining_bound(problem, cov, lots.astype(float), found.prices, found.need)
    assert (np.abs(lots - found.closed) < 1 + 1e-6).all()
    assert real.bound * (1 - 1e-9) <= whole.objective <= real.objective * 1.001


def test_prices_that_hardly_move_are_drained_like_prices_that_do() -> None:
    """Where no shortfall is a double above zero, moves are stretched; the most levered still go first."""
    problem = random_market(3, 40, 3, 2, PLAIN)
    cov = moves(problem, 3)
    closing = leverage_draining(problem, LeverageDraining(covariance=cov * 1e-8))
    assert draining_optimality(problem, closing.plan).objective == 0.0
    assert "units of price squared" in closing.notes[0]
    assert "as they would be if prices moved" in closing.notes[1]
    flat = [len(set((closing.plan.closed / problem.arcs.lots)[problem.arcs.demand == d].round(6))) for d in range(3)]
    assert min(flat) > 1
