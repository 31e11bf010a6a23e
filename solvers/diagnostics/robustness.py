"""Robustness: what the next shock would cost the venue, before and after (MODEL 3 and 9; arXiv 2512.01112, section 6).

Losses are summed over accounts with e > 0; losers have failed already. What a haircut does to an account's loss is the
exposure model: the one that is asked for and, so that allocations of any policy fit in one table, all three.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from typing import get_args

import numpy as np

from solvers.errors import ProblemError
from solvers.money import Float64, Int64, total
from solvers.problem import HaircutProblem
from solvers.robustness import expected_deficit
from solvers.robustness.exposures import Positions
from solvers.robustness.laws import Parametric, Scenarios
from solvers.robustness.losses import ExposureModel
from solvers.robustness.pieces import Pieces, totals
from solvers.robustness.tail import Tail, moves
from solvers.robustness.worst import at_risk
from solvers.verify import cap_violation_units

Cases = Sequence[tuple[ExposureModel, Float64]]
"""Exposure models, and haircuts of all accounts of the book."""

_FAR = 1e80
"""A move that nobody loses by, for the quantile of all of a law, which may be infinite."""

LEVEL = 0.95
"""VaR and CVaR look at the worst 5 %, unless asked for another part."""

MODELS: tuple[ExposureModel, ...] = get_args(ExposureModel)

MASSES_ABOVE = (3, 10, 50)
"""Leverages above which the share of the winners' notional is told."""


@dataclass(frozen=True)
class LeverageMass:
    """The share of the winners' notional in accounts of leverage greater than `above`; None without notional."""

    above: int
    before: float | None
    after: float | None


@dataclass(frozen=True)
class ModelLoss:
    """Mean and CVaR of the total loss after the allocation, in dollars, under one exposure model."""

    exposure_model: ExposureModel
    expected_deficit_after: float
    cvar_after: float


@dataclass(frozen=True)
class Robustness:
    """Losses in dollars (units of the currency) of the whole venue at the next shock, never negative or NaN.

    expected_deficit   mean of the total loss L
    expected_deficit_regret   how far that is after the allocation above what `expected-deficit` reaches with the same
                       total, under the same exposure model; below zero by rounding alone. None where the total is not
                       reachable, or an account is above its cap
    var                value at risk, the `level` quantile of L;  cvar: the mean of L in the worst 1 - level
    max_leverage       largest notional / equity of accounts with e > 0. None where there are none, or where one is
                       left with a position and no equity. `after` takes the account as the exposure model leaves it:
                       equity e - x, and notional n under `cash`, (1 - h) n where that share is closed. (Under the
                       proxy `deleverage` taken by its word leverage never changes.)
    models             the same allocation under each of the exposure models; before it they do not differ
    """

    exposure_model: ExposureModel
    level: float
    expected_deficit_before: float
    expected_deficit_after: float
    expected_deficit_regret: float | None
    var_before: float
    var_after: float
    cvar_before: float
    cvar_after: float
    max_leverage_before: float | None
    max_leverage_after: float | None
    leverage_masses: tuple[LeverageMass, ...]
    models: tuple[ModelLoss, ...]


@dataclass(frozen=True)
class Loss:
    """Of the venue's total loss: its mean, VaR and CVaR, in dollars."""

    expected: float
    var: float
    cvar: float


def robustness(
    problem: HaircutProblem,
    seized_units: Int64,
    exposure_model: ExposureModel = "deleverage",
    level: float = LEVEL,
) -> Robustness | None:
    """Robustness of any allocation; None without a shock. Does not depend on the order of the accounts.

    Of an allocation that breaks the rules, haircuts count as the nearest of 0 and 1, and what is taken from an
    account without an endowment does not shrink its position.
    """
    if problem.shock is None:
        return None
    haircuts = problem.haircuts(seized_units).clip(0, 1)
    cases = [("deleverage", np.zeros(len(haircuts))), *((model, haircuts) for model in MODELS)]
    best = _optimum(problem, seized_units, exposure_model)
    if best is not None:
        cases.append((exposure_model, best))
    before, *rest = _losses(problem, cases, level)
    after = dict(zip(MODELS, rest, strict=False))
    regret = None if best is None else after[exposure_model].expected - rest[-1].expected
    none = np.zeros_like(seized_units)
    leverage_before, masses_before = _leverage(problem, none, np.ones(len(haircuts)))
    left = np.ones(len(haircuts)) if exposure_model == "cash" else 1 - haircuts
    leverage_after, masses_after = _leverage(problem, seized_units, left)
    return Robustness(
        exposure_model=exposure_model,
        level=level,
        expected_deficit_before=before.expected,
        expected_deficit_after=after[exposure_model].expected,
        expected_deficit_regret=regret,
        var_before=before.var,
        var_after=after[exposure_model].var,
        cvar_before=before.cvar,
        cvar_after=after[exposure_model].cvar,
        max_leverage_before=leverage_before,
        max_leverage_after=leverage_after,
        leverage_masses=tuple(map(LeverageMass, MASSES_ABOVE, masses_before, masses_after)),
        models=tuple(ModelLoss(model, loss.expected, loss.cvar) for model, loss in after.items()),
    )


def _optimum(problem: HaircutProblem, seized_units: Int64, model: ExposureModel) -> Float64 | None:
    """Haircuts of least expected deficit for the same total, one an account of the book."""
    taken = total(seized_units)
    if not 0 <= taken <= problem.reachable_units or cap_violation_units(problem, seized_units):
        return None
    same = problem if taken == problem.amount_units else problem.reduced(taken)
    return expected_deficit.least(same, model)


def loss_after(problem: HaircutProblem, haircuts_all: Float64, model: ExposureModel, level: float) -> Loss:
    """Of these haircuts, one an account of the book, as `robustness` has it. Refused: a problem without a shock."""
    if problem.shock is None:
        raise ProblemError("shock", "is needed for losses: say what the next shock is")
    return _losses(problem, [(model, haircuts_all)], level)[0]


def _losses(problem: HaircutProblem, cases: Cases, level: float) -> list[Loss]:
    """The total loss for each of these models and haircuts."""
    shock = problem.shock
    if isinstance(shock, Scenarios):
        return _in_scenarios(Pieces.of(problem), cases, level)
    positions = Positions.of(problem)
    if shock is None:
        return []
    if (discrete := moves(shock)) is not None:
        return _in_scenarios(positions.long(discrete), cases, level)
    return _by_law(shock, positions, cases, level)


def _in_scenarios(pieces: Pieces, cases: Cases, level: float) -> list[Loss]:
    chances = pieces.scenarios.probabilities
    return [
        Loss(fsum((chances * losses).tolist()), *at_risk(losses, chances, level)) for losses in totals(pieces, cases)
    ]


def _by_law(law: Parametric, positions: Positions, cases: Cases, level: float) -> list[Loss]:
    """For one continuous factor Z: all losses fall in Z, so VaR is the venue's loss at Z = ppf(1 - level), and CVaR
    its expected loss under the law of the tail below.
    """
    tail = Tail(law, level)
    at_quantile = totals(positions.long(Scenarios(np.array([[min(-tail.margin, _FAR)]]))), cases)
    whole = [positions.losses(each, "deleverage", np.zeros(len(positions.rows))) for each in (law, tail)]
    found = []
    for (model, all_haircuts), var in zip(cases, at_quantile, strict=True):
        haircuts = all_haircuts[positions.rows]
        if model == "deleverage":
            losses = [(1 - haircuts) * part for part in whole]
        else:
            losses = [positions.losses(each, model, haircuts) for each in (law, tail)]
        expected, cvar = (fsum(part.tolist()) for part in losses)
        found.append(Loss(expected, float(var[0]), cvar))
    return found


def _leverage(problem: HaircutProblem, seized_units: Int64, kept: Float64) -> tuple[float | None, list[float | None]]:
    """The largest leverage of accounts with e > 0, and the masses of winners above MASSES_ABOVE."""
    book = problem.book
    notional = book.column("notional").floats * kept
    equity = (book.equity_units - seized_units) / 10.0**book.precision
    held = (book.equity_units > 0) & (notional > 0)
    largest: float | None = None
    if (equity[held] > 0).all() and (book.equity_units > 0).any():
        largest = float((notional[held] / equity[held]).max(initial=0.0))
    n, e = notional[problem.winners], equity[problem.winners]
    whole = fsum(n.tolist())
    masses = [fsum(n[n > above * e].tolist()) / whole if whole > 0 else None for above in MASSES_ABOVE]
    return largest, masses
