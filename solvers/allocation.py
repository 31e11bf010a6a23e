"""What a policy returns, and what certifies it."""

from dataclasses import dataclass
from fractions import Fraction

from solvers.money import Float64, Int64
from solvers.problem import HaircutProblem


@dataclass(frozen=True)
class Allocation:
    """Amounts seized, one an account, in whole units; they add up to the problem's `amount_units`.

    multiplier   the level tau of a water-filling (capped-pro-rata: eta), None for rules without one
    rank         place in the queue, 1 is closed first, 0 where an account is not ranked; None if nobody is
    notes        what a reader should know, in sentences
    haircuts     the real-valued haircuts behind the amounts, one a winner, where their own objective is certified
    method, libraries    how the amounts were found, and with what
    bound        a lower bound on the objective that the method itself proved, in currency; checked against its own
                 certificate where there is one
    """

    seized_units: Int64
    multiplier: Fraction | None = None
    rank: Int64 | None = None
    notes: tuple[str, ...] = ()
    haircuts: Float64 | None = None
    method: str = "closed-form"
    libraries: tuple[str, ...] = ("numpy",)
    bound: float | None = None

    def real_haircuts(self, problem: HaircutProblem) -> Float64:
        """One a winner: those behind the amounts where there are any, else the amounts' own."""
        return problem.haircuts(self.seized_units)[problem.winners] if self.haircuts is None else self.haircuts


@dataclass(frozen=True)
class Certificate:
    """Evidence that an allocation is what it claims to be, computed by code that did not make it.

    objective, bound   of the policy's own minimisation, in currency; None for baselines and heuristics
    relative_gap       |objective - bound| over the larger of the two
    kkt_residual       largest distance of a haircut from stationarity, beyond the unit that rounding may move it
    budget_error_units     sum of seized less the amount asked for
    cap_violation_units    most that any account is above its cap or below zero
    """

    objective: float | None
    bound: float | None
    relative_gap: float | None
    kkt_residual: float | None
    budget_error_units: int
    cap_violation_units: int
    multiplier: Fraction | float | None
