"""Books before a shock: laws, exposures, and the robustness of what is taken."""

from dataclasses import replace
from typing import Any

import numpy as np

from solvers.allocation import Allocation
from solvers.diagnostics.robustness import Robustness, robustness
from solvers.money import Float64, Int64
from solvers.problem import Book, HaircutProblem
from solvers.robustness.exposures import Positions
from solvers.robustness.laws import Normal, Parametric, Scenarios, Shock, StudentT, TwoPoint
from solvers.robustness.losses import ExposureModel
from solvers.robustness.pieces import Pieces
from tests.problems import book

PARAMETRIC: list[Parametric] = [Normal(0.1), StudentT(3, 0.05), StudentT(1.5, 0.02), TwoPoint(0.3)]
MOVES = np.array([[-0.4, 0.1], [-0.1, -0.2], [0.05, 0.02], [0.3, -0.1], [0.6, 0.4]])

LEVERED = book(
    [1, 2, 10, -1, 5, 0, 3],
    [3, 1, -4, 9, 2, -6, 0],
    notional=[40, 75, 30, 100, 0, 12, 31.5],
    max_haircut=[1, 1, 1, 0.9, 1, 1, 1],
)
"""Leverages 10, 25, 5, 12.5, 0, a loser, 10.5."""


def with_exposure(found: Book, exposure: Any) -> Book:
    return replace(found, exposure=np.array(exposure, np.float64))


def shocked(problem: HaircutProblem, shock: Shock, seed: int | np.random.Generator = 0) -> HaircutProblem:
    """The problem before a shock; scenarios get exposures of the size of the notional and either sign."""
    if not isinstance(shock, Scenarios):
        return replace(problem, shock=shock)
    factors = shock.moves.shape[1]
    shares = np.random.default_rng(seed).uniform(-1, 1, (len(problem.book), factors))
    exposure = problem.book.column("notional").floats[:, None] * shares
    return replace(problem, book=replace(problem.book, exposure=exposure), shock=shock)


def found(problem: HaircutProblem, seized: Int64 | None = None, *named: Any) -> Robustness:
    """The robustness of amounts, or of nothing taken; `named` are an exposure model and a level."""
    answer = robustness(problem, np.zeros(len(problem.book), np.int64) if seized is None else seized, *named)
    assert answer is not None
    return answer


def of_book(problem: HaircutProblem, allocation: Allocation) -> Float64:
    """The haircuts of all accounts, zero for who is no winner."""
    haircuts = np.zeros(len(problem.book))
    assert allocation.haircuts is not None
    haircuts[problem.winners] = allocation.haircuts
    return haircuts


def losses_after(problem: HaircutProblem, model: ExposureModel, haircuts_all: Float64) -> Float64:
    """Expected dollars of loss at the next shock, one an account of the book, after these haircuts, one an account.

    0 for losers, who have failed already, for accounts without a position, and for all where there is no shock.
    """
    expected = np.zeros(len(problem.book))
    if problem.shock is None:
        return expected
    if not isinstance(problem.shock, Scenarios):
        positions = Positions.of(problem)
        expected[positions.rows] = positions.losses(problem.shock, model, haircuts_all[positions.rows])
        return expected
    pieces = Pieces.of(problem)
    found, haircuts = np.empty(len(pieces.rows)), haircuts_all[pieces.rows]
    for some, margins in pieces.blocks():
        losses = pieces.losses(model, some, margins, haircuts[some], np.empty_like(margins))
        found[some] = np.multiply(losses, problem.shock.probabilities, out=losses).sum(axis=1)
    expected[pieces.rows] = found
    return expected
