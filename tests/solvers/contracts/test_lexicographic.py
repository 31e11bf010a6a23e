"""The fairest closing against rational arithmetic, a quadratic program and a sequence of linear programs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.backends.max_flow import max_flow, min_cut
from solvers.contracts.certificate import fairness_optimality, worst_haircut_optimality
from solvers.contracts.closing import Plan
from solvers.contracts.lexicographic import lexicographic_plan, min_max_plan, reachable
from solvers.contracts.network import Network
from solvers.contracts.problem import ClosureProblem
from solvers.money import Float64
from tests.problems import some
from tests.solvers.contracts.fairest import Bipartite, by_linear_programs, by_quadratic_program, rational
from tests.solvers.contracts.markets import NASTY, Nature, by_name, closing, random_market, shuffled

PLAIN = Nature(load=0.15, position=50.0, losers=0.1)
SCARCE = replace(NASTY, load=0.45, gap=0.01, free=0.2)
WIDE = replace(NASTY, load=0.1, gap=0.001, extremes=True)
CAPPED = replace(NASTY, load=0.1, gap=0.004, capped=0.7)
NATURES = {"plain": PLAIN, "scarce": SCARCE, "wide": WIDE, "capped": CAPPED}


def paid(problem: ClosureProblem, plan: Plan, book: Bipartite) -> Float64:
    return np.bincount(problem.arcs.bearer, plan.amounts, len(problem.wealth.book))[book.bearers]


def closable(nature: Nature, seed: int, accounts: int, markets: int) -> tuple[ClosureProblem, Bipartite]:
    """The first closable book at or after the seed."""
    for again in range(1000):
        problem = random_market(1000 * seed + again, accounts, markets, 1 + seed % 3, nature)
        book = Bipartite.of(problem)
        if book.need and book.closable():
            return problem, book
    raise AssertionError("no closable book")


@pytest.mark.parametrize("nature", NATURES)
@pytest.mark.parametrize("seed", some(80, 6))
def test_amounts_are_those_of_rational_arithmetic(nature: str, seed: int) -> None:
    problem, book = closable(NATURES[nature], seed, 4 + seed % 6, 1 + seed % 3)
    exact = np.array([float(one) for one in rational(book)])
    found = paid(problem, lexicographic_plan(problem), book)
    # Flows have 2^60 steps: an account far below the others is right to a few of them.
    assert (
        np.abs(found - exact) == pytest.approx(0, abs=1e-15 * float(exact.sum()))
        or (np.abs(found - exact) <= 1e-9 * exact + 1e-15 * exact.sum()).all()
    )
    worst = max(exact / np.array([float(one) for one in book.weight]))
    levels = min_max_plan(problem).levels
    assert float(levels.max()) == pytest.approx(worst, rel=1e-9)


@pytest.mark.parametrize("oracle", [by_quadratic_program, by_linear_programs])
@pytest.mark.parametrize("nature", ["plain", "scarce", "capped"])
@pytest.mark.parametrize("seed", some(100, 2))
def test_amounts_are_those_of_generic_programs(oracle: Callable[[Bipartite], Float64], nature: str, seed: int) -> None:
    problem, book = closable(NATURES[nature], seed, 14, 4)
    found, theirs = paid(problem, lexicographic_plan(problem), book), oracle(book)
    w = np.array([float(one) for one in book.weight])
    assert np.abs(found - theirs).max() <= 1e-7 * theirs.max()
    assert float((found**2 / w).sum()) == pytest.approx(float((theirs**2 / w).sum()), rel=1e-8)


@given(seed=st.integers(0, 10**6), nature=st.sampled_from(sorted(NATURES)), markets=st.integers(1, 8))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_plans_prove_themselves_and_keep_every_bound(seed: int, nature: str, markets: int) -> None:
    problem = random_market(seed, 30, markets, 3, NATURES[nature])
    network = Network.of(problem)
    for make, prove in ((lexicographic_plan, fairness_optimality), (min_max_plan, worst_haircut_optimality)):
        plan = make(problem)
        amounts = plan.amounts[network.rows]
        most = reachable(network).need
        # Needs of 1e12 less what covers them to the last units: the rest has lost as many digits, and the gap says so.
        assert nature == "wide" or prove(problem, plan).relative_gap <= 1e-9
        assert network.taken(amounts) == pytest.approx(most, rel=1e-9, abs=1e-12 * float(most.sum()))
        assert (amounts >= 0).all()
        assert (amounts <= network.most).all()
        assert (network.paid(amounts) <= network.cap * (1 + 1e-12)).all()
        assert not plan.amounts[problem.free[problem.arcs.demand]].any()


@given(seed=st.integers(0, 10**6), largest=st.sampled_from([2, 10, 10**6, 2**50]), arcs=st.integers(0, 60))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_cut_alone_is_that_of_the_flow(seed: int, largest: int, arcs: int) -> None:
    """Small capacities for ties, and zeros among them; arcs in any order."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 13)), int(rng.integers(1, 7))
    pairs = rng.permutation(n * m)[:arcs]
    supply, need, room = (rng.integers(0, largest, size) for size in (n, m, len(pairs)))
    given = supply, pairs // m, pairs % m, room, need * int(rng.integers(1, 5))
    flow, cut = max_flow(*given), min_cut(*given)
    assert cut.total == flow.total
    assert cut.bearers.tolist() == flow.bearers.tolist()
    assert cut.demands.tolist() == flow.demands.tolist()


@pytest.mark.parametrize("seed", range(12))
def test_amounts_do_not_depend_on_the_order_of_rows(seed: int) -> None:
    problem = random_market(seed, 40, 6, 3, NATURES["scarce"])
    for make in (lexicographic_plan, min_max_plan):
        plans = [(one, make(one)) for one in (problem, shuffled(problem, seed))]
        ours, theirs = (by_name(one, plan.amounts) for one, plan in plans)
        assert ours == theirs


@pytest.mark.parametrize("seed", range(12))
def test_nobody_who_pays_more_could_hand_any_of_it_to_somebody_who_pays_less(seed: int) -> None:
    """The definition itself: along a market both hold, with room in the one's position and cap."""
    problem = random_market(seed, 25, 5, 3, NATURES["plain"])
    network, plan = Network.of(problem), lexicographic_plan(problem)
    amounts = plan.amounts[network.rows]
    x = network.paid(amounts)
    haircut, room = x / network.weight, (amounts < network.most * (1 - 1e-9)) & (x < network.cap)[network.bearer]
    for demand in np.unique(network.demand):
        here = network.demand == demand
        payers, takers = here & (amounts > 1e-9 * network.most), here & room
        if payers.any() and takers.any():
            assert haircut[network.bearer[payers]].max() <= haircut[network.bearer[takers]].min() * (1 + 1e-9)


def test_a_scarce_market_is_borne_by_its_only_holder_and_the_other_by_the_rest() -> None:
    """By hand: ann alone holds B, and needs 6 of her 10 for it; bob bears all of A but what a level of 0.6 leaves."""
    problem = closing(
        {"A": (100, 1), "B": (100, 1)},
        {"ann": 0, "bob": 0},
        [("ann", "A", -1, 104), ("ann", "B", -6, 101), ("bob", "A", -20, 101)],
        [("A", 8, 101), ("B", 6, 101)],
    )
    plan = lexicographic_plan(problem)
    # ann: 1 x 4 + 6 x 1 = 10 of profit; bob: 20. Needs: A 8, B 6. ann pays 6 for B: 0.6; bob 8 of 20: 0.4.
    assert by_name(problem, plan.amounts) == pytest.approx(
        {("ann", "A"): 0.0, ("ann", "B"): 6e6, ("bob", "A"): 8e6}, abs=1e-3
    )
    assert plan.levels.tolist() == pytest.approx([0.4, 0.6])


def test_a_holder_of_two_markets_pays_in_proportion_to_what_each_could_take() -> None:
    """One account, two markets half needed: nothing else decides, so the split is by its dollars in each."""
    problem = closing(
        {"A": (100, 1), "B": (100, 1)},
        {"ann": 0, "bob": 0},
        [("ann", "A", -10, 110), ("ann", "B", -30, 110), ("bob", "A", -10, 110), ("bob", "B", -30, 110)],
        [("A", 10, 101), ("B", 30, 101)],
    )
    plan = lexicographic_plan(problem)
    assert by_name(problem, plan.amounts) == pytest.approx(
        {("ann", "A"): 5e6, ("ann", "B"): 15e6, ("bob", "A"): 5e6, ("bob", "B"): 15e6}, rel=1e-9
    )


@pytest.mark.parametrize("seed", range(20))
def test_what_cannot_be_closed_leaves_the_most_dollars_that_flow(seed: int) -> None:
    nature: Any = replace(NASTY, unclosable=0.4, load=0.5, gap=0.08)
    problem = random_market(seed, 12, 3, 2, nature)
    book, plan = Bipartite.of(problem), lexicographic_plan(problem)
    places = range(len(book.need))
    subsets = [[d for d in places if mask >> d & 1] for mask in range(2 ** len(book.need))]
    # The maximum flow is the minimum cut: demands of `cut` at what their holders can bring, the others whole.
    smallest = min(
        sum(min(cap, sum((most[d] for d in cut), start=0)) for cap, most in zip(book.cap, book.most, strict=True))
        + sum(book.need[d] for d in places if d not in cut)
        for cut in subsets
    )
    assert float(plan.amounts.sum()) == pytest.approx(float(smallest), rel=1e-9)
