"""What closed lots cost in whole units, against fractions."""

from collections import defaultdict
from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvers.contracts.costs import costs, within_caps
from solvers.contracts.problem import ClosureProblem
from solvers.errors import ProblemError
from solvers.money import Int64
from tests.problems import some
from tests.solvers.contracts.markets import NASTY, Nature, by_name, closing, random_market, shuffled

BOOKS = {
    "plain": Nature(position=30),
    "nasty": NASTY,
    "derived prices": Nature(position=30, inside=5, ties=0.3),
    "1e-9 beside 1e12": Nature(extremes=True, free=0.1),
    "many lots": Nature(position=1e8),
}


def some_lots(problem: ClosureProblem, seed: int) -> Int64:
    """From nothing to everything of each arc, never more than is wanted of a demand."""
    rng, arcs = np.random.default_rng(seed), problem.arcs
    share = np.clip(rng.uniform(-0.5, 1.5, len(arcs.lots)), 0, 1)
    lots = np.rint(arcs.lots * share).astype(np.int64)
    left = [demand.lots for demand in problem.demands]
    for arc, demand in enumerate(arcs.demand.tolist()):
        lots[arc] = min(int(lots[arc]), left[demand])
        left[demand] -= int(lots[arc])
    return lots


def exact_costs(problem: ClosureProblem, lots: Int64) -> list[Fraction]:
    return [problem.gaps[d] * k for d, k in zip(problem.arcs.demand.tolist(), lots.tolist(), strict=True)]


def rounded(exact: dict[int, Fraction], target: int) -> dict[int, int]:
    """Floors, and one more for the largest fractions; the keys say who comes first."""
    floors = {key: floor(amount) for key, amount in exact.items()}
    order = sorted(exact, key=lambda key: (floors[key] - exact[key], key))
    left = target - sum(floors.values())
    assert 0 <= left <= sum(amount != floor(amount) for amount in exact.values())
    return {key: floors[key] + (key in order[:left]) for key in exact}


@pytest.mark.parametrize("margin", ["cross", "isolated"])
@pytest.mark.parametrize("name", BOOKS)
@pytest.mark.parametrize("seed", some(40, 2))
def test_costs_are_what_fractions_say(seed: int, name: str, margin: str) -> None:
    problem = random_market(
        seed, 4 + 3 * seed % 23, 1 + seed % 5, 3, BOOKS[name], margin=margin, severity=Fraction(1, 1 + seed % 4)
    )
    lots = some_lots(problem, seed)
    exact, found = exact_costs(problem, lots), costs(problem, lots)
    # Arcs come in the order of ids, so the first arc of a bearer says where it stands.
    bearers = problem.arcs.bearer.tolist()
    first = {bearer: bearers.index(bearer) for bearer in bearers}
    paid: dict[int, Fraction] = defaultdict(Fraction)
    for bearer, cost in zip(bearers, exact, strict=True):
        paid[first[bearer]] += cost
    bearer_units = rounded(paid, ceil(sum(exact)))
    assert {first[b]: int(found.bearer_units[b]) for b in first} == bearer_units
    assert found.bearer_units.sum() == ceil(sum(exact))
    for bearer, place in first.items():
        arcs = {arc: exact[arc] for arc, other in enumerate(bearers) if other == bearer}
        assert {arc: int(found.arc_units[arc]) for arc in arcs} == rounded(arcs, bearer_units[place])
    caps = problem.wealth.cap_units
    within = [paid[first[b]] <= int(caps[b]) if b in first else True for b in range(len(caps))]
    assert within_caps(problem, lots).tolist() == within
    assert (found.bearer_units <= caps)[np.array(within)].all()


@pytest.mark.parametrize("seed", range(5))
def test_costs_do_not_depend_on_the_order_of_rows(seed: int) -> None:
    problem = random_market(seed, 20, 3, 2, NASTY, severity=Fraction(1, 3))
    lots = some_lots(problem, seed)
    other = shuffled(problem, seed)
    named = by_name(problem, lots)
    theirs = np.array([named[name] for name in by_name(other, other.arcs.lots)])
    assert by_name(problem, costs(problem, lots).arc_units) == by_name(other, costs(other, theirs).arc_units)


def test_all_that_is_closed_costs_the_budget_exactly() -> None:
    problem = random_market(3, 200, 5, 2, Nature(load=0.5, position=100), severity=Fraction(2, 7))
    lots, left = problem.arcs.lots.copy(), [demand.lots for demand in problem.demands]
    for arc, demand in enumerate(problem.arcs.demand.tolist()):
        lots[arc] = min(int(lots[arc]), left[demand])
        left[demand] -= int(lots[arc])
    assert not any(left)
    assert costs(problem, lots).bearer_units.sum() == problem.wealth.budget_units


def test_left_over_units_go_to_the_largest_fractions_and_ties_to_the_first_id() -> None:
    # A third of a unit a lot: b, a and c pay 2/3, 2/3 and 4/3 of a unit, 8/3 in all, so 3.
    problem = closing(
        {"M": (1, "0.001")},
        {"b": 0, "a": 0, "c": 0},
        [("b", "M", -1, 2), ("a", "M", -1, 2), ("c", "M", -1, 2)],
        [("M", "0.003", "1.001")],
        severity="0.333333333333333333",
    )
    assert problem.gaps == [Fraction(1, 3)]
    found = costs(problem, np.array([2, 2, 4]))
    assert by_name(problem, found.arc_units) == {("a", "M"): 1, ("b", "M"): 1, ("c", "M"): 1}
    found = costs(problem, np.array([2, 2, 0]))
    assert by_name(problem, found.arc_units) == {("a", "M"): 1, ("b", "M"): 1, ("c", "M"): 0}
    found = costs(problem, np.array([1, 1, 1]))
    assert by_name(problem, found.arc_units) == {("a", "M"): 1, ("b", "M"): 0, ("c", "M"): 0}


@given(st.lists(st.integers(0, 10**9), min_size=3, max_size=3), st.integers(1, 10**6), st.integers(1, 10**6))
def test_nobody_within_its_cap_is_rounded_past_it(lots: list[int], numerator: int, denominator: int) -> None:
    price = Fraction(numerator, denominator)
    problem = closing(
        {"M": (1000, 1), "N": (7, 1)},
        {"a": 0, "b": 10},
        [("a", "M", -(10**9), 1001), ("a", "N", -(10**9), 8), ("b", "M", -(10**9), 1003)],
        [("M", 10**9, 1001), ("N", 10**9, "7.3")],
        severity=min(Fraction(1), price),
    )
    closed = np.array(lots)
    exact, found = exact_costs(problem, closed), costs(problem, closed)
    assert found.bearer_units.tolist() == [found.arc_units[:2].sum(), found.arc_units[2]]
    for units, cost in zip(found.bearer_units.tolist(), (exact[0] + exact[1], exact[2]), strict=True):
        assert floor(cost) <= units <= ceil(cost)
    assert found.arc_units.sum() == ceil(sum(exact))


def test_a_cost_of_exactly_the_cap_is_within_it_and_a_hair_more_is_not() -> None:
    problem = closing({"M": (1, "1e-9")}, {"a": 0}, [("a", "M", -2, 2)], [("M", 2, 2)])
    assert problem.gaps == [Fraction(1, 1000)]
    lots = problem.arcs.lots
    assert problem.wealth.cap_units[0] == costs(problem, lots).bearer_units[0] == 2_000_000
    assert within_caps(problem, lots).all()
    assert within_caps(problem, lots - 1).all()
    assert not within_caps(problem, lots + 1).any()


def test_costs_beyond_64_bits_are_refused_and_pass_every_cap() -> None:
    problem = closing({"M": (10**6, 1)}, {"a": 0}, [("a", "M", -(10**6), 2 * 10**6)], [("M", 1, 2 * 10**6)])
    lots = np.array([10**8])
    with pytest.raises(ProblemError, match="too large"):
        costs(problem, lots)
    assert within_caps(problem, lots).tolist() == [False]


def test_nothing_closed_costs_nothing() -> None:
    problem = random_market(1)
    nothing = np.zeros(len(problem.arcs.lots), np.int64)
    found = costs(problem, nothing)
    assert not found.arc_units.any()
    assert not found.bearer_units.any()
    assert within_caps(problem, nothing).all()
