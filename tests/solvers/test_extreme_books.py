"""Dust beside large positions, and 1e12 beside 10: what is optimal is found and proved, and nothing else is proved.

The books were found by searches for answers that a better one of the same total gave the lie to.
"""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from solvers.allocation import Allocation
from solvers.problem import Book, HaircutProblem, Shortfall
from solvers.registry import POLICIES
from solvers.robustness.cvar import CVar, certify_cvar, cvar
from solvers.robustness.expected_deficit import ExpectedDeficit, certify_expected_deficit, expected_deficit
from solvers.robustness.laws import Normal, Scenarios, Shock, StudentT, TwoPoint
from solvers.robustness.losses import ExposureModel
from solvers.solve import GAP_TOLERANCE, solve
from tests.problems import UNIT, book, problem, some, units
from tests.solvers.tails import MODELS

UP_AND_DOWN = Scenarios(np.array([[0.2], [-0.2]]))


def exposed(found: Book, exposure: list[float]) -> Book:
    return replace(found, exposure=np.array(exposure)[:, None])


DUST = problem(
    exposed(book([1e6, 0, 0], [1e-6, 10, 10], notional=[2e7, 100, 10]), [2e7, 100, 10]),
    10.000001,
)
"""A profit of a unit with a position of 2e7, and two of 10 whose slopes are a trillionth of its slope."""


@pytest.mark.parametrize("shock", [UP_AND_DOWN, TwoPoint(0.2)], ids=lambda shock: type(shock).__name__)
def test_steep_slopes_of_dust_do_not_hide_the_slopes_of_others(shock: Shock) -> None:
    """Of 10 dollars and a unit: the dust, and the one account whose loss that ends."""
    made = replace(DUST, shock=shock)
    allocation = expected_deficit(made, ExpectedDeficit(exposure_model="both"))
    assert allocation.seized_units.tolist() == units(0.000001, 10, 0)
    certificate = certify_expected_deficit(made, allocation, ExpectedDeficit(exposure_model="both"))
    assert certificate.objective == 0
    assert certificate.relative_gap == 0


def test_the_same_holds_for_the_worst_cases() -> None:
    made = replace(DUST, shock=TwoPoint(0.2))
    parameters = CVar(exposure_model="both")
    allocation = cvar(made, parameters)
    assert allocation.seized_units.tolist() == units(0.000001, 10, 0)
    assert certify_cvar(made, allocation, parameters).objective == 0


def test_slopes_that_cancel_to_nothing_tie_with_accounts_that_cannot_lose() -> None:
    """`both` at half the amount: -5 + 5 is 0 but for rounding, and who pays no matter what pays capped-pro-rata."""
    found = exposed(book([0, 0, 0], [3, 7, 11], notional=[3, 7, 11]), [0.3, 0.7, 1.1])
    made = replace(problem(found, 7), shock=Scenarios(np.array([[-0.1], [0.1], [0.3]])))
    seized = expected_deficit(made, ExpectedDeficit(exposure_model="both")).seized_units
    assert np.abs(seized - np.array(units(1, 7 / 3, 11 / 3))).max() <= 1


WHALE = problem(book([1e12, 0, 0], [0.001, 1, 1], notional=[3e12, 5, 10]), 1)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("bad", [units(0, 1, 0), units(0, 0, 1)], ids=["first", "second"])
def test_money_behind_an_account_excuses_no_gap(model: ExposureModel, bad: list[int]) -> None:
    made, parameters = replace(WHALE, shock=Normal(0.1)), ExpectedDeficit(exposure_model=model)
    good = expected_deficit(made, parameters)
    best = certify_expected_deficit(made, good, parameters)
    assert best.relative_gap <= GAP_TOLERANCE
    worse = certify_expected_deficit(made, Allocation(np.array(bad), good.multiplier), parameters)
    assert worse.objective > best.objective * (1 + GAP_TOLERANCE)
    assert worse.relative_gap > GAP_TOLERANCE
    assert worse.bound <= best.objective + 1e-14 * worse.objective


def test_money_behind_an_account_excuses_no_gap_in_scenarios() -> None:
    found = exposed(book([1e12, 0, 0], [1, 1, 1], notional=[5e12, 5, 10]), [5e12 + 5, 5, 10])
    made = replace(problem(found, 1), shock=Scenarios(np.array([[-0.2], [-0.2 + 1e-12], [0.1]])))
    for model in MODELS:
        parameters = CVar(exposure_model=model)
        best = certify_cvar(made, cvar(made, parameters), parameters)
        for taken in np.eye(3, dtype=np.int64) * UNIT:
            certificate = certify_cvar(made, Allocation(taken), parameters)
            if certificate.objective > best.objective * (1 + 1e-6):
                assert certificate.relative_gap > GAP_TOLERANCE


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("budget", [0, 2.001])
def test_where_there_is_nothing_to_choose_it_is_optimal_at_any_price(model: ExposureModel, budget: float) -> None:
    made = replace(WHALE, shock=StudentT(1.0001, 0.05), shortfall=Shortfall(deficit_units=round(budget * UNIT)))
    forced = made.cap_units if budget else 0 * made.cap_units
    for multiplier in (Fraction(-(10**6)), Fraction(3), None):
        parameters = ExpectedDeficit(exposure_model=model)
        certificate = certify_expected_deficit(made, Allocation(forced, multiplier), parameters)
        assert certificate.relative_gap == 0
        assert certificate.kkt_residual == 0


# 1e12 beside 10 ------------------------------------------------------------------------------------


def whale(accounts: list[tuple[float, float, float]], deficit: float, moves: list[float]) -> HaircutProblem:
    """Cash, profit and signed exposure of each; notional is the size of the exposure."""
    cash, pnl, exposure = ([float(value) for value in column] for column in zip(*accounts, strict=True))
    found = exposed(book(cash, pnl, notional=[abs(value) for value in exposure]), exposure)
    return replace(
        HaircutProblem(found, Shortfall(deficit_units=round(deficit * UNIT))),
        shock=Scenarios(np.array(moves)[:, None]),
    )


FOUND: list[tuple[str, Any, CVar, float]] = [
    (
        "two moves, and nothing need be lost",
        whale(
            [(1e12, 1e12, 8474576271182.204), (5, 18.38, -479.24), (5, 16.41, 114.85)],
            500000000017.39,
            [-0.236, 0.094],
        ),
        CVar(),
        0.0,
    ),
    (
        "a kink after a trillionth of the haircut",
        whale(
            [(0, 1e12, 6134969325147.239), (0, 7.92, -169.54), (5, 10.93, -90.17), (5, 16.46, 318.68), (0, 1, 0)],
            35.31,
            [-0.163, 0.139],
        ),
        CVar(level=0.5, exposure_model="cash"),
        44.94484,
    ),
    (
        "who is just outside of where nothing is lost is not inside",
        whale(
            [(1e12, 1e12, 23529411764717.645), (0, 9.22, -265.94), (0, 8.45, -151.87), (0, 11.99, 273.54)],
            5.932,
            [0.255, 0.004, -0.085, 0.064, 0.11],
        ),
        CVar(level=0.5, exposure_model="both"),
        29.0812170412,
    ),
]


@pytest.mark.parametrize(("made", "parameters", "least"), [case[1:] for case in FOUND], ids=[case[0] for case in FOUND])
def test_small_accounts_count_beside_large_ones(made: HaircutProblem, parameters: CVar, least: float) -> None:
    found = solve(made, POLICIES["cvar"], parameters)
    assert found.certificate.objective == pytest.approx(least, rel=1e-9, abs=1e-9)
    assert found.status == "optimal"
    assert not found.allocation.notes


def random_whale(seed: int) -> tuple[HaircutProblem, CVar]:
    """One account of 1e6 to 1e12 that loses nearly nothing at the worst move, and a few of 1 to 20."""
    rng = np.random.default_rng(seed)
    moves = np.round(rng.uniform(-0.3, 0.3, rng.choice([2, 3, 5, 8])), 3)
    big, down = float(rng.choice([1e6, 1e9, 1e12])), max(-float(moves.min()), 0.01)
    cash = float(rng.choice([0, big]))
    accounts = [(cash, big, round((cash + big + rng.choice([-1, 0, 1, 50])) / down, 4))]
    for _ in range(int(rng.integers(2, 5))):
        pnl = round(rng.uniform(0.5, 20), 2)
        accounts.append((float(rng.choice([0, 5])), pnl, rng.choice([-1, 1]) * round(pnl * rng.uniform(2, 30), 2)))
    small = sum(account[1] for account in accounts[1:])
    deficit = float(rng.choice([small / 2, small / 5, big / 2, big - small / 2]))
    parameters = CVar(level=float(rng.choice([0.5, 0.75, 0.9, 0.99])), exposure_model=MODELS[seed % 3])
    return whale(accounts, round(deficit, 6), moves.tolist()), parameters


@pytest.mark.parametrize("block", some(4, 1))
def test_a_gap_that_stays_is_small_beside_a_unit_of_money_and_is_told(block: int) -> None:
    for seed in range(block * 50, block * 50 + 50):
        made, parameters = random_whale(seed)
        found = solve(made, POLICIES["cvar"], parameters)
        objective, bound = found.certificate.objective, found.certificate.bound
        assert objective is not None
        assert bound is not None
        assert objective - bound <= 1e-9 + 1e-8 * objective, seed
        assert (found.status == "optimal") == (not found.allocation.notes), seed
