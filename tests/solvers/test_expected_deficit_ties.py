"""`expected-deficit` where little decides: ties, the order of rows, the unit of money, degenerate books."""

from dataclasses import replace
from math import fsum

import numpy as np
import pytest

from solvers.errors import InfeasibleBudget, ProblemError
from solvers.pro_rata import CappedProRata, capped_pro_rata
from solvers.problem import Shortfall
from solvers.robustness.expected_deficit import ExpectedDeficit, expected_deficit
from solvers.robustness.laws import Normal, Scenarios, Shock, TwoPoint
from solvers.robustness.losses import ExposureModel
from tests.problems import UNIT, book, permuted, problem, some, units
from tests.solvers.deficits import CONTINUOUS, MODELS, RISING, loss, risky_problems, solved, under_every_shock
from tests.solvers.risky import losses_after, shocked

# Ties, order, scale -------------------------------------------------------------------------------


@under_every_shock
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("count", some((2, 10), 1))
def test_amounts_do_not_depend_on_the_order_of_rows(shock: Shock, model: ExposureModel, count: int) -> None:
    rng = np.random.default_rng(4)
    for made in risky_problems(shock, rng, count, 14):
        order = rng.permutation(14)
        first = expected_deficit(made, ExpectedDeficit(exposure_model=model))
        again = expected_deficit(permuted(made, order), ExpectedDeficit(exposure_model=model))
        assert (first.seized_units[order] == again.seized_units).all()
        assert first.multiplier == again.multiplier


@pytest.mark.parametrize("model", MODELS)
def test_amounts_do_not_depend_on_the_unit_of_money(model: ExposureModel) -> None:
    """Dollars with six decimals, and cents with four, are the same units."""
    rng = np.random.default_rng(6)
    cash, pnl = rng.integers(0, 500, 12) / 100, rng.integers(1, 900, 12) / 100
    notional = rng.integers(0, 9000, 12) / 100
    made = replace(problem(book(cash.tolist(), pnl.tolist(), notional=notional.tolist()), 9.5), shock=Normal(0.1))
    cents = book(
        (cash * 100).round().tolist(), (pnl * 100).round().tolist(), notional=(notional * 100).round().tolist()
    )
    other = replace(
        made,
        book=replace(
            cents, precision=4, cash_units=made.book.cash_units, pnl_units=made.book.pnl_units,
            min_equity_units=made.book.min_equity_units,
        ),
    )  # fmt: skip
    pair = [solved(each, model)[0].seized_units for each in (made, other)]
    assert np.abs(pair[0] - pair[1]).max() <= 1


@pytest.mark.parametrize("shock", [*CONTINUOUS, TwoPoint(0.2), TwoPoint(0.05), Normal(1e-3)], ids=str)
@pytest.mark.parametrize("model", MODELS)
def test_equal_accounts_give_equal_amounts_and_accounts_alike_but_for_size_equal_haircuts(
    shock: Shock, model: ExposureModel
) -> None:
    sizes = [1, 2, 2, 5, 40, 1]
    levered = book([0.5 * s for s in sizes], sizes, notional=[12 * s for s in sizes])
    made = replace(problem(levered, 17), shock=shock)
    seized = solved(made, model)[0].seized_units
    assert np.abs(seized - np.array(sizes) * UNIT * 17 / 51).max() <= 1


@pytest.mark.parametrize("model", MODELS)
def test_splitting_an_account_of_a_tie_changes_nothing_for_anybody(model: ExposureModel) -> None:
    whole = book([1, 1, 1], [2, 4, 3], notional=[30, 50, 40], ids=["a", "b", "c"])
    parts = book([1, 0.25, 0.75, 1], [2, 1, 3, 3], notional=[30, 12.5, 37.5, 40], ids=["a", "b", "b2", "c"])
    for shock in (Normal(0.1), TwoPoint(0.2)):
        one = solved(replace(problem(whole, 5), shock=shock), model)[0].seized_units
        two = solved(replace(problem(parts, 5), shock=shock), model)[0].seized_units
        assert np.abs(one - [two[0], two[1] + two[2], two[3]]).max() <= 2


def test_losses_below_the_smallest_double_still_rank_accounts() -> None:
    """sigma 0.001 and leverages 2 and 4: every psi is zero in doubles, and the logarithms are not."""
    made = replace(problem(book([0, 0, 0], [5, 5, 5], notional=[10, 20, 15]), 6), shock=Normal(1e-3))
    assert not losses_after(made, "deleverage", np.zeros(3)).any()
    assert solved(made, "deleverage")[0].seized_units.tolist() == units(0, 5, 1)
    assert solved(made, "both")[0].seized_units.tolist() == units(0, 5, 1)
    # cash: (5 - x_1)/10 = (5 - x_3)/15 = (5 - x_2)/20 = t, 45 t = 9.
    assert solved(made, "cash")[0].seized_units.tolist() == units(3, 1, 2)


def test_accounts_without_a_position_come_first_under_cash_and_last_under_deleverage() -> None:
    made = replace(problem(book([0, 0, 0], [5, 5, 5], notional=[0, 20, 30]), 4), shock=Normal(0.1))
    assert solved(made, "cash")[0].seized_units.tolist() == units(4, 0, 0)
    assert solved(made, "deleverage")[0].seized_units.tolist() == units(0, 0, 4)
    assert solved(made, "both")[0].seized_units.tolist() == units(0, 0, 4)


@pytest.mark.parametrize("model", MODELS)
def test_where_nobody_can_lose_it_is_capped_pro_rata(model: ExposureModel) -> None:
    harmless = Scenarios(np.array([[0.001], [-0.002]]))
    found = replace(book([1, 9, 2], [3, 1, 2], notional=[4, 4, 4]), exposure=np.full((3, 1), 4.0))
    made = replace(problem(found, 3), shock=harmless)
    fair = capped_pro_rata(made, CappedProRata()).seized_units
    assert np.abs(solved(made, model)[0].seized_units - fair).max() <= 1


def test_negative_cash_is_closed_only_until_risk_rises() -> None:
    """e = 2 of w = 4, n = 20, sigma = 0.2: taking under `both` leaves less of a position and a thinner margin.

    Its risk is least strictly inside; beyond that point others, whom the shock cannot hit, are taken first.
    """
    law = Normal(0.2)
    taken = np.linspace(0, 1.999, 200_000)
    risk = loss(law, "both", np.full(200_000, 20.0), np.full(200_000, 2.0), np.full(200_000, 4.0), taken)
    least = float(taken[risk.argmin()])
    assert 0.1 < least < 1.9
    made = replace(problem(book([-2, 0], [4, 30], notional=[20, 0]), 20), shock=law)
    allocation, _ = solved(made, "both")
    assert allocation.multiplier == 0
    assert allocation.seized_units[0] / UNIT == pytest.approx(least, abs=1e-4)
    allocation, _ = solved(replace(made, shortfall=Shortfall(deficit_units=31_500_000)), "both")
    assert allocation.seized_units.tolist() == units(1.5, 30)
    assert allocation.multiplier is not None
    assert allocation.multiplier > 0


# Degenerate books ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shock", [*CONTINUOUS, TwoPoint(0.2), Scenarios(RISING[:, :1])], ids=lambda s: type(s).__name__
)
@pytest.mark.parametrize("model", MODELS)
def test_budgets_that_leave_no_choice_and_books_of_few_accounts(shock: Shock, model: ExposureModel) -> None:
    rng = np.random.default_rng(9)
    found = book([1, 1, -1, 0], [5, 3, 4, -2], notional=[40, 0, 60, 10], max_haircut=[1, 1, 1, 1])
    for budget in (0, 11, 1e-6, 10.999999):
        solved(shocked(problem(found, budget), shock, rng), model)
    all_of_it = solved(shocked(problem(found, 11), shock, rng), model)[0]
    assert all_of_it.seized_units.tolist() == units(5, 3, 3, 0)
    losers = shocked(problem(book([1], [-2], notional=[3]), 0), shock, rng)
    assert solved(losers, model)[0].seized_units.tolist() == [0]
    alone = shocked(problem(book([1], [2], notional=[30]), 0.7), shock, rng)
    assert solved(alone, model)[0].seized_units.tolist() == units(0.7)
    dust = shocked(problem(book([0, 0, 0], [1e-6, 1e12, 3], notional=[1e-5, 3e12, 90]), 7e11), shock, rng)
    assert solved(dust, model)[0].seized_units.sum() == dust.amount_units


def test_losers_count_for_nothing_and_accounts_that_cannot_be_touched_as_a_constant() -> None:
    found = book([0, 3, 1], [2, -1, -4], notional=[20, 30, 50])
    made = replace(problem(found, 1), shock=Normal(0.1))
    _, certificate = solved(made, "cash")
    wanted = loss(
        Normal(0.1), "cash", np.array([20.0, 30.0]), np.array([2.0, 2.0]), np.array([2.0, 0]), np.array([1.0, 0])
    )
    assert certificate.objective == pytest.approx(fsum(wanted.tolist()), rel=1e-12)


def test_refuses_what_it_cannot_do() -> None:
    found = book([0, 0], [1, 2], notional=[5, 5])
    with pytest.raises(ProblemError, match="next shock"):
        expected_deficit(problem(found, 1), ExpectedDeficit())
    with pytest.raises(InfeasibleBudget):
        expected_deficit(replace(problem(found, 4), shock=Normal(0.1)), ExpectedDeficit())
