"""The search in whole lots, against all closings there are and a mixed-integer program."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from ortools.sat.python import cp_model
from scipy.optimize import Bounds, LinearConstraint, milp

from solvers.backends import cp_sat
from solvers.contracts import exact
from solvers.contracts.closing import Plan
from solvers.contracts.costs import within_caps
from solvers.contracts.exact import search
from solvers.contracts.lots import free_lots, whole_lots
from solvers.contracts.problem import ClosureProblem
from solvers.errors import SolverFailed
from solvers.money import Int64
from tests.problems import some
from tests.solvers.contracts.markets import NASTY, Nature, by_name, closing, random_market, shuffled
from tests.solvers.contracts.plans import closed, least_worst, min_max_plan, worst

TINY = {
    "plain": Nature(load=0.4, position=3, tail=0.8),
    "capped": Nature(load=0.4, position=3, tail=0.8, capped=0.6, gap=0.05),
    "nasty": Nature(load=0.4, position=3, tail=0.8, capped=0.3, ties=0.4, free=0.2, inside=1),
}


def rounded(problem: ClosureProblem) -> tuple[Int64, float]:
    plan, level = min_max_plan(problem)
    return whole_lots(problem, plan), level * (1 - 1e-6)


def unfair(problem: ClosureProblem) -> Int64:
    """As many lots as a rounded closing closes, by whoever comes first; within caps, but as unfair as that."""
    lots = free_lots(problem)
    for place, wanted in enumerate(closed(problem, rounded(problem)[0])):
        for arc in np.flatnonzero(problem.arcs.demand == place).tolist():
            while closed(problem, lots)[place] < wanted and lots[arc] < problem.arcs.lots[arc]:
                lots[arc] += 1
                if not within_caps(problem, lots)[problem.arcs.bearer[arc]]:
                    lots[arc] -= 1
                    break
    return lots


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("seed", some(60, 6))
def test_the_search_finds_the_least_worst_haircut_of_all_closings(seed: int, name: str) -> None:
    problem = random_market(seed, 5, 2, 2, TINY[name])
    start = unfair(problem) if seed % 2 else rounded(problem)[0]
    least = least_worst(problem, closed(problem, start))
    if least is None:
        return
    found = search(problem, start, 0.0)
    assert worst(problem, found.lots) == least
    assert Fraction(found.bound) <= least
    assert found.bound == pytest.approx(float(least), rel=1e-12)


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("seed", some(20, 2))
def test_whatever_is_found_closes_as_much_within_caps_and_is_no_worse(seed: int, name: str) -> None:
    problem = random_market(seed, 40, 4, 3, TINY[name])
    start, bound = rounded(problem)
    found = search(problem, start, bound)
    assert closed(problem, found.lots) == closed(problem, start)
    assert (found.lots >= 0).all()
    assert (found.lots <= problem.arcs.lots).all()
    assert within_caps(problem, found.lots).all()
    assert Fraction(found.bound) <= worst(problem, found.lots) <= worst(problem, start)
    free = problem.free[problem.arcs.demand]
    assert np.array_equal(found.lots[free], start[free])


@pytest.mark.parametrize("seed", some(10, 3))
def test_a_mixed_integer_program_finds_nothing_better(seed: int) -> None:
    # HiGHS by scipy, of haircuts in percent; its own tolerance is a millionth.
    problem = random_market(seed, 30, 3, 2, Nature(load=0.2, gap=0.01, position=6, losers=0.1))
    start, bound = rounded(problem)
    found = search(problem, start, bound)
    arcs, wealth = problem.arcs, problem.wealth
    count, bearers = len(arcs.lots), np.unique(arcs.bearer)
    rows = np.zeros((len(bearers) + len(problem.demands), count + 1))
    for arc, (bearer, demand) in enumerate(zip(arcs.bearer.tolist(), arcs.demand.tolist(), strict=True)):
        rows[np.searchsorted(bearers, bearer), arc] = 100 * problem.gap_floats[demand] / wealth.endowment[bearer]
        rows[len(bearers) + demand, arc] = 1
    rows[: len(bearers), count] = -1
    totals = np.array(closed(problem, start), float)
    low = np.concatenate((np.full(len(bearers), -np.inf), totals))
    high = np.concatenate((np.zeros(len(bearers)), totals))
    done = milp(
        np.append(np.zeros(count), 1.0),
        integrality=np.append(np.ones(count), 0),
        bounds=Bounds(0, np.append(arcs.lots, 100)),
        constraints=LinearConstraint(rows, low, high),
        options={"mip_rel_gap": 1e-9},
    )
    assert done.success
    assert float(worst(problem, found.lots)) == pytest.approx(done.fun / 100, rel=1e-6)


def test_a_search_may_have_to_leave_the_lots_nearest_to_the_plan() -> None:
    # Three lots of A (6) and three of B (4) on two holders of both, of 30 and 18: a fair share of each is 18.75 and
    # 11.25, worst 0.625. By moves of single lots {3 A, 0 B} and {0 A, 3 B} is hard to leave; it is 0.667 and best.
    problem = closing(
        {"A": (100, 1), "B": (100, 1)},
        {"x": 0, "y": 0},
        [("x", "A", 3, 93), ("x", "B", 3, 97), ("y", "A", 3, 97), ("y", "B", 3, 97)],
        [("A", -3, 94), ("B", -3, 96)],
    )
    assert problem.wealth.endowment_units.tolist() == [30_000_000, 18_000_000]
    start = np.array([2, 1, 1, 2])
    found = search(problem, start, 0.625)
    assert worst(problem, start) == Fraction(14, 18)
    assert worst(problem, found.lots) == least_worst(problem, [3, 3]) == Fraction(2, 3)
    assert found.bound == pytest.approx(2 / 3, rel=1e-15)


def test_nothing_is_asked_where_the_start_meets_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = closing({"M": (100, 1)}, {"a": 0}, [("a", "M", 4, 90)], [("M", -2, 90)])
    start = np.array([2])
    monkeypatch.setattr(exact, "feasible", None)
    found = search(problem, start, 0.5)
    assert found.lots.tolist() == [2]
    assert found.bound == 0.5


def test_a_bound_of_all_that_is_demanded_does_not_hold_of_less() -> None:
    # Both caps hold a lot and a half; three lots in real numbers at 0.15, two in whole ones, at 0.1.
    problem = closing(
        {"M": (100, 1)},
        {name: {"cash": 0, "max_haircut": "0.15"} for name in "ab"},
        [(name, "M", 10, 90) for name in "ab"],
        [("M", -3, 90)],
    )
    start = whole_lots(problem, Plan(np.array([15e6, 15e6]), np.zeros(1)))
    assert start.tolist() == [1, 1]
    found = search(problem, start, 0.15)
    assert (found.lots.tolist(), found.bound) == ([1, 1], pytest.approx(0.1, rel=1e-15))


def test_no_time_leaves_the_start() -> None:
    problem = random_market(2, 40, 4, 3, TINY["plain"])
    start = unfair(problem)
    found = search(problem, start, 0.0, seconds=0.0)
    assert np.array_equal(found.lots, start)
    assert found.bound == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_the_same_search_finds_the_same_lots_in_any_order_of_rows(seed: int) -> None:
    problem = random_market(seed, 30, 3, 3, NASTY)
    start, bound = rounded(problem)
    other = shuffled(problem, seed)
    named = by_name(problem, start)
    theirs = np.array([named[name] for name in by_name(other, other.arcs.lots)])
    found, again = search(problem, start, bound), search(other, theirs, bound)
    assert by_name(problem, found.lots) == by_name(other, again.lots)
    assert found.bound == again.bound


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_five_thousand_accounts_over_twenty_markets_are_searched(seed: int) -> None:
    problem = random_market(seed, 5_000, 20, 3, Nature(load=0.2, position=1000))
    start, bound = rounded(problem)
    found = search(problem, start, bound)
    assert worst(problem, found.lots) <= worst(problem, start)
    assert float(worst(problem, found.lots)) / found.bound - 1 < 1e-3


def test_every_status_of_cp_sat_has_a_meaning() -> None:
    assert set(cp_sat.STATUSES) == set(cp_model.CpSolverStatus.__members__)


@pytest.mark.parametrize("status", ["MODEL_INVALID", "SOMETHING_NEW"])
def test_a_status_that_is_no_answer_is_a_failure(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program: Any = cp_sat.IntegerProgram([1], [([0], 1, 1)], [], [0])
    assert cp_sat.feasible(program, 1.0).values == [1]
    monkeypatch.setattr(cp_model.CpSolver, "status_name", lambda *_: status)
    with pytest.raises(SolverFailed, match=status):
        cp_sat.feasible(program, 1.0)
