"""Books near ruin, `expected-deficit` of them, checked, and their losses, written down once more."""

from collections.abc import Iterator
from dataclasses import replace
from math import gamma, pi, sqrt
from typing import get_args

import numpy as np
import pytest
from scipy import special

from solvers.allocation import Allocation
from solvers.money import Float64
from solvers.problem import HaircutProblem, Shortfall
from solvers.robustness.expected_deficit import ExpectedDeficit, certify_expected_deficit, expected_deficit
from solvers.robustness.laws import Normal, Scenarios, Shock, StudentT, TwoPoint
from solvers.robustness.losses import ExposureModel
from solvers.verify import Optimality, violations
from tests.problems import book, random_problem
from tests.solvers.risky import shocked

MODELS: tuple[ExposureModel, ...] = get_args(ExposureModel)
CONTINUOUS: list[Normal | StudentT] = [Normal(0.1), StudentT(3, 0.05)]
RISING = np.array([[-0.5, 0.1], [-0.2, -0.3], [0.1, 0.02], [0.3, -0.2], [0.7, 0.4], [-0.9, 0.6]])

under_every_shock = pytest.mark.parametrize(
    "shock", [*CONTINUOUS, TwoPoint(0.2), Scenarios(RISING)], ids=lambda shock: type(shock).__name__
)


def solved(problem: HaircutProblem, model: ExposureModel) -> tuple[Allocation, Optimality]:
    """An allocation that is feasible to the unit and certified."""
    parameters = ExpectedDeficit(exposure_model=model)
    allocation = expected_deficit(problem, parameters)
    assert not violations(problem, allocation.seized_units)
    certificate = certify_expected_deficit(problem, allocation, parameters)
    assert certificate.relative_gap <= 1e-9
    assert certificate.bound <= certificate.objective
    return allocation, certificate


def risky_problem(rng: np.random.Generator, n: int) -> HaircutProblem:
    """Leverages from 0 to 100, cash of both signs, floors and caps, in either numeraire."""
    pnl = np.round(rng.lognormal(1, 1.5, n), 2)
    cash = np.round(rng.choice([-0.6, -0.1, 0, 0, 0.5, 3], n) * pnl + rng.choice([0, -3, 1], n) * rng.random(n), 2)
    pnl[rng.random(n) < 0.15] *= -1
    notional = np.round(
        np.maximum(cash + pnl, 0.1) * rng.choice([0, 2, 5, 10, 30, 100], n) * rng.lognormal(0, 0.3, n), 2
    )
    caps = np.where(rng.random(n) < 0.6, 1.0, np.round(rng.random(n), 2))
    floors = np.where(rng.random(n) < 0.7, 0.0, np.round(rng.random(n), 3))
    found = book(
        cash.tolist(), pnl.tolist(), notional=notional.tolist(), max_haircut=caps.tolist(), min_equity=floors.tolist()
    )
    made = HaircutProblem(found, numeraire="equity" if rng.random() < 0.4 else "pnl")
    return replace(made, shortfall=Shortfall(deficit_units=int(made.reachable_units * rng.random())))


def risky_problems(shock: Shock, rng: np.random.Generator, count: int, n: int) -> Iterator[HaircutProblem]:
    """Problems of `n` accounts before this shock, of heavy tails and of high leverages in turn."""
    for trial in range(count):
        yield shocked(risky_problem(rng, n) if trial % 2 else random_problem(rng, n), shock, rng)


def psi(law: Normal | StudentT, u: Float64) -> Float64:
    """The closed forms of MODEL 3 as they stand."""
    if isinstance(law, Normal):
        z = u / law.sigma
        return law.sigma * np.exp(-z * z / 2) / sqrt(2 * pi) - u * special.ndtr(-z)
    df, z = law.df, u / law.scale
    density = gamma((df + 1) / 2) / (sqrt(df * pi) * gamma(df / 2)) * (1 + z * z / df) ** (-(df + 1) / 2)
    return law.scale * ((df + z * z) / (df - 1) * density - z * special.stdtr(df, -z))


def loss(law: Normal | StudentT, model: str, n: Float64, e: Float64, w: Float64, x: Float64) -> Float64:
    h = np.divide(x, w, out=np.zeros_like(x), where=w > 0)
    if model == "deleverage":
        return (1 - h) * n * psi(law, e / n)
    if model == "cash":
        return n * psi(law, (e - x) / n)
    kept = np.maximum(1 - h, 1e-15) * n
    return kept * psi(law, (e - x) / kept)
