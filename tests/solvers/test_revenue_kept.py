"""Diagnostics of revenue: what is kept, and what is regretted."""

import numpy as np
import pytest

from solvers.diagnostics.revenue import RevenueKept, revenue_kept
from solvers.money import Int64
from solvers.pro_rata import CappedProRata, capped_pro_rata
from solvers.problem import HaircutProblem
from solvers.revenue.retention import Exponential, Linear, Retention
from tests.problems import book, problem, units
from tests.solvers.test_revenue import CURVES, paying, random_paying, run


def kept(found: HaircutProblem, seized: Int64) -> RevenueKept:
    answer = revenue_kept(found, seized)
    assert answer is not None
    return answer


def test_diagnostics_by_hand() -> None:
    # Two winners and a loser who pays fees and stays.
    found = paying(problem(book([0, 0, 0], [10, 20, -5]), 15), [1, 4, 7], Linear(0.5))
    answer = kept(found, np.array(units(5, 10, 0)))
    assert answer.fees == 12
    assert answer.churned_fees == pytest.approx(5 * 0.25)
    assert answer.ltv_kept == pytest.approx(12 - 1.25)
    assert answer.share_kept == pytest.approx(10.75 / 12)
    assert answer.churn_regret == pytest.approx(1.25 - (0.5 + 0.5))
    assert revenue_kept(problem(book([0], [1]), 1), np.array([0])) is None


def test_diagnostics_of_broken_and_empty_allocations_are_null_and_never_nan() -> None:
    found = paying(problem(book([0, 0], [10, 20], max_haircut=[0.5, 1]), 15), [0, 0], Exponential(1.0))
    answer = kept(found, np.array(units(30, -5)))
    assert answer == RevenueKept(0.0, 0.0, 0.0, None, None)
    beyond = kept(found, np.array(units(10, 20)))
    assert beyond.churn_regret is None
    over = kept(found, np.array(units(8, 7)))
    assert over.churn_regret is None
    charged = paying(found, [1, 1], Linear(1.0))
    assert kept(charged, np.array(units(30, -5))).churned_fees == 1


def test_a_known_bound_takes_the_place_of_the_greedy_one_where_it_is_better() -> None:
    found = paying(problem(book([0, 0], [10, 10]), 15), [1, 2], Exponential(1.0))
    allocation, optimality = run(found, exact=True)
    greedy = kept(found, allocation.seized_units).churn_regret
    assert greedy is not None
    assert greedy > 0.05
    for bound, regret in ((optimality.bound, 0), (optimality.bound / 2, greedy)):
        answer = revenue_kept(found, allocation.seized_units, bound)
        assert answer is not None
        assert answer.churn_regret == pytest.approx(regret, abs=1e-9)


def test_a_greedy_answer_that_cannot_be_improved_says_nothing_of_a_gap() -> None:
    closed = paying(problem(book([0, 0], [10, 10]), 10), [1, 1], Exponential(1.0))
    assert run(closed)[0].notes == ()
    open_ = paying(problem(book([0, 0], [10, 10]), 15), [1, 2], Exponential(1.0))
    assert "greedy" in run(open_)[0].notes[0]


@pytest.mark.parametrize("curve", CURVES, ids=repr)
def test_nobody_regrets_revenue_beyond_its_gap(curve: Retention) -> None:
    for seed in range(30):
        found = random_paying(seed, 2 + seed % 30, curve)
        allocation, optimality = run(found)
        answer = kept(found, allocation.seized_units)
        assert answer.churn_regret is not None
        # Rounding moves every account by less than a unit.
        fees, w = found.book.column("fees").floats[found.winners], found.endowment[found.winners]
        rounding = float((fees * np.minimum(60 / w, 1)).sum())
        assert answer.churn_regret <= optimality.objective - optimality.bound + rounding + 1e-9 * optimality.objective
        fair = kept(found, capped_pro_rata(found, CappedProRata()).seized_units)
        assert fair.ltv_kept <= answer.ltv_kept + rounding + 1e-9 * answer.fees
