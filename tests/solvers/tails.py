"""Books in scenarios, and `cvar` of them, checked and by its definition."""

from dataclasses import replace
from math import fsum
from typing import Any

import numpy as np

from solvers.money import Float64
from solvers.problem import HaircutProblem, Shortfall
from solvers.robustness.cvar import CVar, TailAllocation, certify_cvar, cvar
from solvers.robustness.laws import Scenarios
from solvers.robustness.losses import ExposureModel
from solvers.solve import GAP_TOLERANCE
from solvers.verify import Optimality, violations
from tests.problems import UNIT, random_problem

MODELS: tuple[ExposureModel, ...] = ("deleverage", "cash", "both")
LEVELS = (0.2, 0.5, 0.8, 0.95, 0.99)


def with_scenarios(
    problem: HaircutProblem, exposure: Any, moves: Any, weights: Any = None, budget: int | None = None
) -> HaircutProblem:
    found = replace(problem.book, exposure=np.array(exposure, np.float64))
    shock = Scenarios(np.array(moves, np.float64), None if weights is None else np.array(weights, np.float64))
    shortfall = problem.shortfall if budget is None else Shortfall(deficit_units=budget)
    return replace(problem, book=found, shock=shock, shortfall=shortfall)


def random_case(seed: int, most: int = 30) -> tuple[HaircutProblem, CVar]:
    """A small heavy-tailed book, long and short in up to three factors, weighted fat-tailed scenarios, any budget."""
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, int(rng.integers(2, most)))
    scenarios, factors = int(rng.integers(1, most)), int(rng.integers(1, 4))
    moves = np.clip(rng.standard_t(3, (scenarios, factors)) * rng.choice([0.05, 0.2, 0.5]), -1, 3)
    notional = problem.book.column("notional").floats[:, None]
    exposure = notional * rng.uniform(-1, 1, (len(problem.book), factors)) * rng.choice([1, 1, 10])
    weights = None if rng.random() < 0.5 else rng.random(scenarios) * (rng.random(scenarios) < 0.8) + 1e-9
    parameters = CVar(level=float(rng.choice(LEVELS)), exposure_model=MODELS[seed % 3])
    return with_scenarios(problem, exposure, moves, weights), parameters


def solved(problem: HaircutProblem, parameters: CVar) -> tuple[TailAllocation, Optimality]:
    """The allocation, its rules and budget checked, and its certificate."""
    allocation = cvar(problem, parameters)
    assert isinstance(allocation, TailAllocation)
    assert violations(problem, allocation.seized_units) == []
    assert allocation.seized_units.sum() == problem.amount_units
    certificate = certify_cvar(problem, allocation, parameters)
    assert certificate.relative_gap <= GAP_TOLERANCE
    assert certificate.kkt_residual <= 1e-6
    return allocation, certificate


def lines(problem: HaircutProblem, model: ExposureModel) -> tuple[Float64, Float64]:
    """A and B of max(A + B h, 0), accounts x scenarios, with matrix products and no shared code."""
    found, shock = problem.book, problem.shock
    assert isinstance(shock, Scenarios)
    assert found.exposure is not None
    e, w = found.equity_units / UNIT, problem.endowment_units / UNIT
    hit = found.exposure @ shock.moves.T
    a, b = -e[:, None] - hit, np.broadcast_to(w[:, None], hit.shape)
    if model == "both":
        b = w[:, None] + hit
    if model == "deleverage":
        a = np.maximum(a, 0)
        b = -a
    counts = ((e > 0) & found.exposure.any(axis=1))[:, None]
    return np.where(counts, a, -1.0), np.where(counts, b, 0.0)


def cvar_by_definition(problem: HaircutProblem, parameters: CVar, haircuts: Float64) -> float:
    """min over z of z + E[max(L - z, 0)] / (1 - level), tried at every loss; haircuts of the whole book."""
    a, b = lines(problem, parameters.exposure_model)
    losses = np.maximum(a + b * haircuts[:, None], 0).sum(axis=0)
    assert isinstance(problem.shock, Scenarios)
    p = problem.shock.probabilities
    return min(z + fsum((p * np.maximum(losses - z, 0)).tolist()) / (1 - parameters.level) for z in losses.tolist())
