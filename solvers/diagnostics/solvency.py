"""Solvency: is the shortfall covered, from what, and what is left open. All amounts in whole units."""

from dataclasses import dataclass
from fractions import Fraction

from solvers.money import Int64, total
from solvers.problem import Binding, HaircutProblem, Regime


@dataclass(frozen=True)
class Solvency:
    """D, F used, R = D - F used, theta, B, U, C, and what the allocation leaves uncovered, B - sum x.

    `overshoot_units` is sum x less what was needed, None unless that was given.
    """

    deficit_units: int
    insurance_used_units: int
    residual_units: int
    severity: Fraction
    budget_units: int
    capacity_units: int
    reachable_capacity_units: int
    regime: Regime
    binding: Binding | None
    uncovered_units: int
    equity_before_units: int
    equity_after_units: int
    overshoot_units: int | None


def solvency(problem: HaircutProblem, seized_units: Int64) -> Solvency:
    regime, binding = problem.regime
    seized = total(seized_units)
    equity = total(problem.book.equity_units)
    needed = problem.shortfall.needed_units
    return Solvency(
        deficit_units=problem.deficit_units,
        insurance_used_units=problem.insurance_used_units,
        residual_units=problem.residual_units,
        severity=problem.severity,
        budget_units=problem.budget_units,
        capacity_units=problem.capacity_units,
        reachable_capacity_units=problem.reachable_units,
        regime=regime,
        binding=binding,
        uncovered_units=problem.budget_units - seized,
        equity_before_units=equity,
        equity_after_units=equity - seized,
        overshoot_units=None if needed is None else seized - needed,
    )
