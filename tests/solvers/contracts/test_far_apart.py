"""Coarse lots beside fine ones, and fortunes beside dust: what an adversary found."""

from typing import Any

import pytest

from solvers.contracts.certificate import fairness_optimality
from solvers.contracts.lexicographic import lexicographic_plan
from solvers.contracts.problem import ClosureProblem
from solvers.contracts.registry import CLOSING_POLICIES
from solvers.contracts.solve import ClosureSolution, close
from solvers.errors import UnclosableMarkets
from tests.solvers.contracts.markets import by_name, closing


def solved(problem: ClosureProblem, **options: Any) -> ClosureSolution:
    policy = CLOSING_POLICIES["lexicographic"]
    return close(problem, policy, policy.parameters(), **options)


@pytest.mark.parametrize("lot", ["1", "0.01", "1e-8"])
@pytest.mark.parametrize("integer", ["rounded", "exact"])
def test_fine_lots_make_up_at_once_for_what_coarse_ones_force(lot: str, integer: str) -> None:
    """A's one lot costs 10 and must be somebody's; B's 20 are shared so that both bear 15 of 100, as far as lots go."""
    problem = closing(
        {"A": (100, 1), "B": (1, lot)},
        {"f": 0, "g": 0},
        [("f", "A", -1, 150), ("g", "A", -1, 150), ("f", "B", 100, "0.5"), ("g", "B", 100, "0.5")],
        [("A", 1, 110), ("B", -100, "0.8")],
    )
    found = solved(problem, integer=integer)
    assert sum(found.costs.bearer_units.tolist()) == problem.wealth.budget_units
    assert found.certificate.worst_haircut == pytest.approx(0.15, abs=0.003)
    assert not found.reasons


def test_a_fortune_beside_dust_leaves_the_dust_its_own_level() -> None:
    problem = closing(
        {"A": (1, 1), "B": (1, "1e-8")},
        {"a": 0, "b1": 0, "b2": 0},
        [("a", "A", "-1e10", "2.01"), ("b1", "B", "-0.002", 2), ("b2", "B", "-0.002", 2)],
        [("A", "1e10", 2), ("B", "0.002", "1.5")],
    )
    plan = lexicographic_plan(problem)
    amounts = by_name(problem, plan.amounts)
    assert amounts["b1", "B"] == pytest.approx(500, rel=1e-3)
    assert amounts["b2", "B"] == pytest.approx(500, rel=1e-3)
    assert fairness_optimality(problem, plan).kkt_residual <= 1e-3


def test_a_refusal_names_the_shortage_of_dust_beside_a_fortune() -> None:
    problem = closing(
        {"A": (1, 1), "B": (1, "1e-8")},
        {"a": 0, "b1": 0},
        [("a", "A", "-1e9", 3), ("b1", "B", "-0.002", "1.25")],
        [("A", "1e9", 2), ("B", "0.002", "1.5")],
    )
    with pytest.raises(UnclosableMarkets) as refused:
        solved(problem)
    assert abs(refused.value.budget_units - refused.value.reachable_units - 500) <= 1
    assert float(refused.value.severity or 0) == pytest.approx(0.5, abs=1e-6)


def test_isolated_positions_whose_names_run_together_are_different_bearers() -> None:
    problem = closing(
        {"c": (10, 1), "b c": (10, 1)},
        {"a": 100, "a b": 100},
        [("a", "b c", -5, 20), ("a b", "c", -5, 20)],
        [("c", 3, 12), ("b c", 3, 12)],
        margin="isolated",
    )
    assert solved(problem).costs.bearer_units.tolist() == [6_000_000, 6_000_000]
    assert len(set(problem.wealth.book.ids)) == 2


def test_lots_too_fine_for_a_search_keep_the_rounded_closing_and_its_bound() -> None:
    problem = closing(
        {"M0": (1000, "1e-8"), "M2": (100, "1e-8"), "M3": (1000, 1)},
        {"b": 100, "g": 0, "e": {"cash": -20, "max_haircut": "0.1"}},
        [
            ("b", "M0", -8, 2000),
            ("g", "M0", -19, 2000),
            ("g", "M2", -2, 200),
            ("e", "M0", -8, 1500),
            ("e", "M2", -19, 150),
        ],
        [("M2", "19.5", 101), ("M3", 2, 1010), ("M0", "11.66666666", 1010), ("M0", "5.83333333", 1000)],
        severity="0.5",
        precision=0,
    )
    rounded, searched = (solved(problem, integer=one, partial=True) for one in ("rounded", "exact"))
    assert searched.closing.lots.tolist() == rounded.closing.lots.tolist()
    assert searched.closing.bound is not None
