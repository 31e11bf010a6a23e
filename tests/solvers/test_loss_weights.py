"""`rap` by expected loss: its weights, what they need, and the rule that is not optimal."""

import json
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from math import exp, inf
from typing import Any

import numpy as np
import pytest
from scipy import stats

from app.convert.requests import asked
from app.schemas.requests import AllocationRequest
from app.settings import Settings
from solvers.errors import ProblemError
from solvers.money import Int64
from solvers.problem import HaircutProblem, Shortfall
from solvers.robustness.laws import Normal, Scenarios, Shock, StudentT, TwoPoint
from solvers.robustness.losses import expected_losses
from solvers.weighted import Rap, loss_weights, rap
from tests import rational
from tests.books import nasty_books
from tests.problems import UNIT, book, some
from tests.solvers.risky import LEVERED, MOVES, found, with_exposure

OPTIMAL = Rap(risk="optimal")


def counter_example(policy: Callable[[HaircutProblem], Int64]) -> float:
    accounts = book([0, 0], [1, 1], notional=[5, 10])
    problem = HaircutProblem(accounts, Shortfall(deficit_units=UNIT), shock=Normal(0.1))
    return found(problem, policy(problem)).expected_deficit_after


def test_the_rule_that_the_paper_calls_optimal_among_water_fillings_is_not() -> None:
    """MODEL 3: w = e = 1, leverage 5 and 10, sigma 0.1, B = 1."""

    def by_squares(problem: HaircutProblem) -> Int64:
        a, b = (loss_weights(problem) ** 2).tolist()
        tau = min(1 / b, 1 / (a + b))
        return np.array([round(UNIT * (1 - min(tau * b, 1))), round(UNIT * min(tau * b, 1))])

    def knapsack(problem: HaircutProblem) -> Int64:
        losses = expected_losses(problem)[0]
        return np.array([0, UNIT]) if losses[1] > losses[0] else np.array([UNIT, 0])

    assert counter_example(lambda problem: rap(problem, OPTIMAL).seized_units) == pytest.approx(0.00808, abs=5e-6)
    assert counter_example(by_squares) == pytest.approx(0.00445, abs=5e-6)
    assert counter_example(knapsack) == pytest.approx(0.00425, abs=5e-6)


def test_weights_are_leverage_times_the_expected_loss_at_its_inverse() -> None:
    problem = HaircutProblem(LEVERED, shock=Normal(0.1))
    rows = problem.winners
    leverage = LEVERED.column("notional").floats[rows] / (LEVERED.equity_units[rows] / UNIT)
    z = np.divide(10, leverage, out=np.full(len(rows), inf), where=leverage > 0)
    psi = 0.1 * stats.norm.pdf(z) - np.where(leverage > 0, z / 10, 0) * stats.norm.cdf(-z)
    expected = leverage * psi
    assert loss_weights(problem) == pytest.approx(expected / expected.max(), rel=1e-11)
    assert loss_weights(problem)[leverage == 0].tolist() == [0]


def test_weights_below_the_smallest_double_keep_their_proportions() -> None:
    """Margins of 50 and 50.01 sigma, where psi is near 1e-547, and of 500, whose ratio to it is no double."""
    accounts = book([0, 0, 0, 0], [1, 1, 1, 1], notional=[2, 2 / 1.0002, 0.2, 0])
    problem = HaircutProblem(accounts, Shortfall(deficit_units=UNIT), shock=Normal(0.01))
    assert not expected_losses(problem)[0].any()
    first, second, *rest = loss_weights(problem).tolist()
    # psi(z) ~ f(z) / z^2, so the ratio is near exp(-(50.01^2 - 50^2) / 2) = exp(-0.50005).
    assert first == 1
    assert second == pytest.approx(exp(-0.50005) / 1.0002**3, rel=1e-5)
    assert rest == [0, 0]
    calm = rap(problem, OPTIMAL)
    assert calm.seized_units[0] / calm.seized_units[1] == pytest.approx(1 / second, rel=1e-5)
    assert not calm.notes


def test_where_nobody_can_lose_the_budget_is_spread_capped_pro_rata_and_a_note_says_so() -> None:
    accounts = book([0, 0], [1, 3], notional=[2, 3])
    allocation = rap(HaircutProblem(accounts, Shortfall(deficit_units=UNIT), shock=TwoPoint(0.01)), OPTIMAL)
    assert allocation.seized_units.tolist() == [UNIT // 4, 3 * UNIT // 4]
    assert "expected loss" in allocation.notes[0]


@pytest.mark.parametrize(
    "shock",
    [
        {"law": "normal", "sigma": 0.2},
        {"law": "normal", "sigma": 0.001},
        {"law": "student-t", "df": 3, "scale": 0.1},
        {"law": "two-point", "size": 0.5},
        {"law": "scenarios", "moves": [[-0.6], [0.2], [0.9]], "weights": [1, 5, 2]},
    ],
    ids=lambda shock: f"{shock['law']} {list(shock.values())[1]}",
)
@pytest.mark.parametrize("count", some((40, 120), 1))
def test_rap_by_expected_loss_equals_rational_arithmetic_with_its_weights_to_the_unit(shock: Any, count: int) -> None:
    solved = 0
    for request in nasty_books(count):
        made = request | {
            "policy": {"name": "rap", "risk": "optimal"},
            "options": {**request["options"], "shock": shock},
        }
        for account in made["snapshot"]["accounts"]:
            account["exposure"] = account["notional"]
        problem = asked(json.loads(json.dumps(made)), AllocationRequest, Settings())[0].problem
        wanted = rational.read_book(request)
        if wanted.budget > wanted.reachable:
            continue
        weights = dict(zip(wanted.winners, map(Fraction, loss_weights(problem).tolist()), strict=True))
        rates = {i: wanted.endowment[i] * weight for i, weight in weights.items()}
        seized = rap(problem, OPTIMAL).seized_units.tolist()
        assert dict(zip(problem.book.ids, seized, strict=True)) == rational.water_fill(wanted, rates, wanted.budget)
        solved += 1
    assert solved > count // 2


def test_what_a_shock_needs_is_refused_by_name() -> None:
    levered = book([1, 1, -9, 1], [1, 1, 1, 1], notional=[3, 4, 5, 0])
    nan = np.nan
    cases: list[tuple[Any, Shock, list[int]]] = [
        (None, Scenarios(MOVES), [0, 1]),
        ([[1, 2], [3, nan], [nan, nan], [nan, nan]], Scenarios(MOVES), [1]),
        ([[1], [2], [3], [4]], Scenarios(MOVES), []),
        ([[1, 2]] * 4, Normal(0.1), []),
    ]
    for exposure, shock, rows in cases:
        accounts = levered if exposure is None else with_exposure(levered, exposure)
        with pytest.raises(ProblemError) as refused:
            HaircutProblem(accounts, shock=shock)
        assert (refused.value.field, list(refused.value.faults)) == ("exposure", rows)
    sound = HaircutProblem(with_exposure(levered, [[1, 2], [3, 4], [nan, nan], [nan, nan]]), shock=Scenarios(MOVES))
    assert expected_losses(sound)[0][2:].tolist() == [0, 0]
    with pytest.raises(ProblemError) as refused:
        rap(HaircutProblem(levered), OPTIMAL)
    assert refused.value.field == "shock"


@pytest.mark.parametrize("size", [1e60, 1e-60])
@pytest.mark.parametrize("unit", [1e60, 1e-300, 5e-324])
def test_numbers_at_the_ends_of_the_range_stay_finite(size: float, unit: float) -> None:
    accounts = book([0, 1e-6, 9e12], [1, 0, 0], notional=[size, size, size])
    signed = with_exposure(accounts, [[size], [-size], [size]])
    shocks: list[Shock] = [Normal(unit), StudentT(1.0001, unit), StudentT(1e300, unit), TwoPoint(unit)]
    for shock in (*shocks, Scenarios(np.array([[unit], [-unit]]))):
        problem = HaircutProblem(signed, Shortfall(deficit_units=UNIT // 2), shock=shock)
        figures = asdict(found(problem, rap(problem, OPTIMAL).seized_units))
        assert all(0 <= value < inf for value in figures.values() if isinstance(value, float))
