"""Blends under a power barely above 1: all but a straight line, and as exact as one."""

import numpy as np
import pytest

from solvers.blend import Blend, BlendWeights, blend, certify_blend
from solvers.money import Float64
from solvers.problem import HaircutProblem
from solvers.revenue.retention import Power
from solvers.separable import Marginals
from tests.blends import solved, value, with_aims
from tests.problems import book, problem, some, units

EXPONENTS = [1 + 2**-52, 1 + 1e-13, 1 + 1e-10, 1 + 1e-7, 1.00001, 1.0001, 1.0006, 1.001, 1.003, 1.1]
ASKED = BlendWeights(fairness=1, revenue=1)


def two(pnl: list[int], fees: list[int], deficit: int, exponent: float) -> HaircutProblem:
    return with_aims(problem(book([0, 0], pnl), deficit), fees, retention=Power(1, exponent))


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_the_cheap_account_pays_all_where_its_cost_stays_below_the_others(exponent: float) -> None:
    """A dollar from the first costs h + 5/20 at most 0.3, from the second 9/12, but for a trace of it."""
    made = two([20, 12], [5, 9], 1, exponent)
    seized = solved(made, ASKED, {})[1]
    assert np.abs(seized - np.array(units(1, 0))).max() <= (2_000 if exponent > 1.05 else 1)


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("count", some((5, 25), 1))
def test_no_other_split_of_two_accounts_costs_less(exponent: float, count: int) -> None:
    rng = np.random.default_rng(3)
    for _ in range(count):
        pnl, fees = rng.integers(1, 21, 2).tolist(), rng.integers(1, 10, 2).tolist()
        made = two(pnl, fees, int(rng.integers(1, sum(pnl))), exponent)
        made, _, haircuts = solved(made, ASKED, {})
        amount, first = made.amount_units / 1e6, float(haircuts[0] * pnl[0])
        low, high = max(0.0, amount - pnl[1]), min(float(pnl[0]), amount)
        steps = np.concatenate((np.linspace(0, 1, 401), np.logspace(-12, -3, 50)))
        tried = np.clip(np.concatenate((low + (high - low) * steps, first + steps - 0.5)), low, high)
        costs = [value(made, ASKED, np.array([x, amount - x]) / pnl) for x in tried.tolist()]
        assert value(made, ASKED, haircuts) <= min(costs) * (1 + 1e-12)


@pytest.mark.parametrize("power", [2**-52, 1e-10, 1e-4, 0.01, 0.3, 0.9, 1, 1.7, 9])
def test_a_rise_is_reached_at_one_haircut(power: float) -> None:
    """Where a power tells nothing of h any more, the straight term does."""
    h: Float64 = np.concatenate((np.logspace(-12, 0, 200), np.linspace(0.01, 1, 100)))
    count = np.ones(len(h))
    for flat, bent in ((1.0, 1.0), (1.0, 1e-3), (0.2, 3.0)):
        m = Marginals(0 * count, flat * count, bent * count, power, count)
        found = m.reach(m.rise(h))
        noise = 1e-15 * (1 + m.rise(h) / (m.steepness(h) * h))  # what a rounded rise says of h
        assert (np.abs(found - h) <= 1e-14 * h + noise * h).all()


def test_a_bound_is_never_above_the_objective() -> None:
    made = two([9, 4], [7, 7], 8, 1 + 2**-52)
    parameters = Blend(weights=ASKED)
    proof = certify_blend(made, blend(made, parameters), parameters)
    assert proof is not None
    assert proof.bound <= proof.objective
