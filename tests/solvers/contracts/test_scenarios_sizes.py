"""Closings over scenarios where accounts hold many positions or books are large, and the dense parts behind them."""

import numpy as np
import pytest

from solvers.contracts.scenarios.dense import TILE, gram, lower
from solvers.contracts.scenarios.policies import (
    ClosingCVar,
    ClosingExpectedDeficit,
    ScenarioPlan,
    closing_cvar,
    closing_expected_deficit,
    scenario_optimality,
)
from solvers.contracts.scenarios.venue import Venue
from tests.solvers.contracts.markets import NASTY, Nature, random_market
from tests.solvers.contracts.shocks import levered, losses_by_hand, plain, random_moves, shocked


@pytest.mark.parametrize("level", [None, 0.8])
@pytest.mark.parametrize("seed", range(2))
def test_accounts_with_many_positions_agree_with_the_plain_linear_program(seed: int, level: float | None) -> None:
    problem = shocked(levered(random_market(seed, 20, 12, 9, NASTY), seed), random_moves(seed, 20, 12, 0.1))
    found = (
        closing_expected_deficit(problem, ClosingExpectedDeficit())
        if level is None
        else closing_cvar(problem, ClosingCVar(level=level))
    )
    assert isinstance(found.plan, ScenarioPlan)
    proof = scenario_optimality(problem, found.plan)
    assert proof.relative_gap <= 1e-8
    assert proof.objective == pytest.approx(plain(problem, found.plan.need, level), rel=1e-8)


@pytest.mark.parametrize("level", [None, 0.9])
def test_a_larger_book_is_closed_exactly_with_a_proof(level: float | None) -> None:
    problem = random_market(5, 400, 10, 3, Nature(load=0.2, capped=0.2))
    problem = shocked(levered(problem, 5), random_moves(5, 80, 10))
    found = (
        closing_expected_deficit(problem, ClosingExpectedDeficit())
        if level is None
        else closing_cvar(problem, ClosingCVar(level=level))
    )
    closed = np.bincount(problem.arcs.demand, found.lots, len(problem.demands))
    assert closed.tolist() == [demand.lots for demand in problem.demands]
    assert isinstance(found.plan, ScenarioPlan)
    assert scenario_optimality(problem, found.plan).relative_gap <= 1e-8


def test_losses_are_the_same_in_blocks_of_any_height(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = shocked(levered(random_market(1, 30, 3, 2, NASTY), 1), random_moves(1, 7, 3, 0.2))
    lots = problem.arcs.lots.astype(np.float64) / 3
    whole = Venue.of(problem).losses(lots)
    monkeypatch.setattr("solvers.contracts.scenarios.venue._HELD", 20)
    assert Venue.of(problem).losses(lots) == pytest.approx(whole, rel=1e-12)
    assert whole == pytest.approx(losses_by_hand(problem, lots), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("size", [1, TILE - 1, TILE, TILE + 1, 3 * TILE + 5])
def test_factors_by_tiles_are_cholesky_factors(size: int) -> None:
    half = np.random.default_rng(size).random((size, size))
    matrix = half @ half.T + np.eye(size)
    assert lower(matrix) == pytest.approx(np.linalg.cholesky(matrix), abs=1e-11)
    with pytest.raises(np.linalg.LinAlgError):
        lower(-matrix)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(1, 3), (1000, 60), (7, 40), (50, 300)])
def test_gram_is_a_product(shape: tuple[int, int]) -> None:
    matrix = np.random.default_rng(1).random(shape)
    assert gram(matrix) == pytest.approx(matrix.T @ matrix, rel=1e-12)
