"""Diagnostics against plain formulas; the rational oracle holds them on the nasty books."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvers.diagnostics.fairness import _largest, fairness, verdict
from solvers.diagnostics.inversions import rank_inversions
from solvers.problem import HaircutProblem, Shortfall
from tests.problems import UNIT, book, five_accounts, problem, units


def test_without_winners_everything_is_null_and_nothing_fails() -> None:
    found = problem(book([1, -2], [-1, -3]))
    nothing = fairness(found, np.zeros(2, dtype=np.int64))
    assert (nothing.ptsr, nothing.max_haircut, nothing.mean_haircut, nothing.gini, nothing.jain) == (None,) * 5
    assert nothing.lorenz is None
    assert nothing.versus_queue is None
    assert nothing.rank_inversions == 0


def test_a_zero_budget_has_haircuts_and_no_gini() -> None:
    free = fairness(problem(book([1, 1], [5, 7])), np.zeros(2, dtype=np.int64))
    assert (free.max_haircut, free.mean_haircut, free.top_winner_survival) == (0, 0, 1)
    assert (free.ptsr, free.gini, free.lorenz) == (None, None, None)
    assert (free.versus_capped, free.versus_queue) == ("equal", "equal")


def test_pmr_needs_a_largest_shortfall() -> None:
    seized = np.array(units(4.8, 2.4, 0.3, 0, 0))
    assert fairness(five_accounts(), seized).pmr == pytest.approx(3.2 / (0.5 * 12))
    given_largest = HaircutProblem(five_accounts().book, Shortfall(largest_units=8 * UNIT))
    assert fairness(given_largest, seized).pmr == pytest.approx(3.2 / 8)
    winners_only = problem(book([1], [5]), 2)
    assert fairness(winners_only, np.array(units(2))).pmr is None


def test_the_lorenz_curve_has_at_most_101_points_on_the_curve() -> None:
    rng = np.random.default_rng(1)
    pnl = np.round(rng.lognormal(3, 2, 3_000), 6)
    found = problem(book([0.0] * 3_000, pnl.tolist()), 1_000)
    x = np.floor(found.endowment_units * rng.random(3_000) * 0.5).astype(np.int64)
    lorenz = fairness(found, x).lorenz
    assert lorenz is not None
    assert len(lorenz) == 101
    assert lorenz[0] == (0, 0)
    assert lorenz[-1] == (1, 1)
    order = np.argsort(x / found.endowment_units)
    population = np.cumsum(found.endowment_units[order]) / found.capacity_units
    burden = np.cumsum(x[order]) / x.sum()
    for share, carried in lorenz[1:-1]:
        assert carried == pytest.approx(np.interp(share, population, burden), abs=1e-12)


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), max_size=12))
def test_inversions_are_the_pairs_that_change_places_by_more_than_a_unit(pairs: list[tuple[int, int]]) -> None:
    before = np.array([b for b, _ in pairs], dtype=np.int64)
    after = np.array([a for _, a in pairs], dtype=np.int64)
    wanted = sum(b > d and a + 1 < c for b, a in pairs for d, c in pairs)
    assert rank_inversions(before, after) == wanted


def test_equal_shares_are_fairer_than_one_payer_and_crossing_curves_are_incomparable() -> None:
    w = np.array(units(10, 10, 10, 10))
    even, one = np.array(units(2, 2, 2, 2)), np.array(units(8, 0, 0, 0))
    assert verdict(w, even, one) == "fairer"
    assert verdict(w, one, even) == "less-fair"
    assert verdict(w, even, even) == "equal"
    assert verdict(w, np.array(units(5, 1, 1, 1)), np.array(units(4, 4, 0, 0))) == "incomparable"


def test_one_unit_is_forgiven_and_two_are_not_whatever_the_size() -> None:
    for large in (10**3, 10**12, 2**60):
        w = np.array([large, large])
        assert verdict(w, np.array([500, 502]), np.array([501, 501])) == "equal"
        assert verdict(w, np.array([499, 503]), np.array([501, 501])) == "less-fair"


@given(
    st.lists(
        st.tuples(st.integers(2**59, 2**59 + 9), st.sampled_from([2, 3, 7]), st.integers(-1, 1)), min_size=2, max_size=6
    )
)
def test_the_largest_haircut_is_the_largest_fraction_where_doubles_see_ties(rows: list[tuple[int, int, int]]) -> None:
    w = np.array([one for one, _, _ in rows], dtype=np.int64)
    x = np.array([one // part + step for one, part, step in rows], dtype=np.int64)
    wanted = max(Fraction(taken, one) for taken, one in zip(x.tolist(), w.tolist(), strict=True))
    assert _largest(w, x) == _largest(w[::-1], x[::-1]) == wanted
