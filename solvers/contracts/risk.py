"""What a closing does to the risk of the accounts and of the venue, with every position where it is (MODEL 4 and 9)."""

from dataclasses import dataclass, replace

import numpy as np

from solvers.contracts.closing import Closing
from solvers.contracts.leverage.diagnostics import Draining, draining
from solvers.contracts.leverage.policy import DrainingPlan
from solvers.contracts.order import ordered
from solvers.contracts.problem import ClosureProblem
from solvers.contracts.scenarios.diagnostics import LEVEL, ClosingLosses, closing_losses
from solvers.contracts.scenarios.policies import ScenarioPlan
from solvers.money import Float64
from solvers.robustness.laws import Scenarios


@dataclass(frozen=True)
class ClosingRisk:
    """Of a closing in whole lots, before and after.

    draining   leverage; hedges, where moves of prices are known; shortfalls, where these are normal
    losses     over scenarios, where there is a move for each market
    """

    draining: Draining
    losses: ClosingLosses | None


def closing_risk(problem: ClosureProblem, closing: Closing) -> ClosingRisk:
    """By the covariance that `leverage-draining` was given, else by scenarios, else of gross leverage alone."""
    plan, losses = closing.plan, None
    covariance = plan.covariance if isinstance(plan, DrainingPlan) else None
    if covariance is None and not isinstance(problem.shock, Scenarios):
        return ClosingRisk(draining(problem, closing.lots), None)
    problem, _ = ordered(problem)
    shock = problem.shock
    if isinstance(shock, Scenarios) and shock.moves.shape[1] == len(problem.markets):
        level = plan.level if isinstance(plan, ScenarioPlan) else None
        losses = closing_losses(problem, closing.lots, LEVEL if level is None else level)
        if covariance is None:
            found = draining(problem, closing.lots, _about_now(problem, shock))
            return ClosingRisk(replace(found, shortfall_before=None, shortfall_after=None), losses)
    return ClosingRisk(draining(problem, closing.lots, covariance), losses)


def _about_now(problem: ClosureProblem, shock: Scenarios) -> Float64:
    """sum p m m', M x M, with m the moves of a scenario in currency: about the prices of now, not about their mean."""
    moves = shock.moves * np.array([float(mark) for mark in problem.markets.marks])
    found: Float64 = (moves * shock.probabilities[:, None]).T @ moves
    return (found + found.T) / 2
