"""`expected-deficit` and `cvar` in contract space: the closing that leaves the venue the least to lose (MODEL 3, 4, 7).

Every position is where it is: what is closed no longer moves with the market, what is paid no longer protects. Both
need options.shock with the law `scenarios`, whose moves are one for each market, and cross margin. Where not everything
can be closed, as many lots of each demand are as the fairest closing closes.

In whole lots the closing is rounded; where lots are so coarse that the fairest closing then loses less, that is
returned, so that the answer is never worse than it.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt

from solvers.backends.deadline import NEVER, UP, Deadline
from solvers.contracts.closing import Closing, Plan
from solvers.contracts.lexicographic import lexicographic_plan
from solvers.contracts.lots import in_lots, whole_lots
from solvers.contracts.problem import ClosureProblem
from solvers.contracts.scenarios.bound import objective, optimality
from solvers.contracts.scenarios.multipliers import Multipliers
from solvers.contracts.scenarios.optimum import least_loss
from solvers.contracts.scenarios.venue import Venue
from solvers.contracts.scenarios.whole import whole
from solvers.money import Float64, Int64
from solvers.verify import Optimality

_NOTHING = 1e-9
"""What adds no more than this to the loss, a dollar for a dollar, is told to add nothing."""


@dataclass(frozen=True, kw_only=True)
class ClosingExpectedDeficit:
    """expected-deficit takes no parameters: the mean loss over all scenarios by their weights."""


@dataclass(frozen=True, kw_only=True)
class ClosingCVar:
    """Parameters of `cvar`: it looks at the worst 1 - level of all cases."""

    level: Annotated[float, Gt(0), Lt(1)] = 0.95


@dataclass(frozen=True)
class ScenarioPlan(Plan):
    """A plan with what it proves.

    amounts       units of currency each arc pays, as in every plan
    levels        what one more unit of a demand's cost adds to the objective, units a unit; 0 for free demands
    contracts     lots of each arc, real-valued, free demands included
    need          lots of each demand that the plan closes
    level         of CVaR, None for the expected deficit
    multipliers   `multipliers.price`: dollars a lot of each demand, free ones included
    """

    contracts: Float64
    need: Float64
    level: float | None
    multipliers: Multipliers


def closing_expected_deficit(problem: ClosureProblem, _: ClosingExpectedDeficit, deadline: Deadline = NEVER) -> Closing:
    """Least sum_s p_s sum_i L_is. Refused: what `Venue.of` refuses.

    Raises SolverTimeout at the deadline, or returns the best it has.
    """
    return _closing(problem, None, deadline)


def closing_cvar(problem: ClosureProblem, parameters: ClosingCVar, deadline: Deadline = NEVER) -> Closing:
    """Least CVaR of sum_i L_is at `parameters.level`. Refused: what `Venue.of` refuses.

    Raises SolverTimeout at the deadline, or returns the best it has.
    """
    return _closing(problem, parameters.level, deadline)


def scenario_optimality(problem: ClosureProblem, plan: Plan) -> Optimality:
    """Objective and bound of a `ScenarioPlan`, in dollars, by code that did not make it (`bound`)."""
    if not isinstance(plan, ScenarioPlan):
        raise TypeError("a plan over scenarios is needed")
    venue = Venue.of(problem)
    return optimality(venue, plan.contracts, plan.need, _caps(problem, venue), plan.level, plan.multipliers)


def _closing(problem: ClosureProblem, level: float | None, deadline: Deadline) -> Closing:
    venue, fairest = Venue.of(problem), lexicographic_plan(problem)
    start, need = in_lots(problem, fairest)
    found = least_loss(venue, need, _caps(problem, venue), start, level, deadline)
    unit = 10.0**problem.accounts.precision
    gaps = problem.gap_floats / unit
    levels = np.divide(found.multipliers.price, gaps, out=np.zeros(len(gaps)), where=gaps > 0)
    plan = ScenarioPlan(
        found.lots * problem.gap_floats[problem.arcs.demand],
        np.where(np.abs(levels) > _NOTHING, levels, 0.0),
        found.lots,
        need,
        level,
        found.multipliers,
    )
    lots = whole(problem, venue, found.lots, found.multipliers.q)
    notes: tuple[str, ...] = ()
    if deadline.ended:
        notes = (f"{UP}: the best closing so far, with the gap that is left.",)
    fair = whole_lots(problem, fairest)
    loses = partial(_objective, venue, level)
    if _closes(problem, fair) >= _closes(problem, lots) and loses(fair) < loses(lots):
        lots = fair
        notes += ("Whole lots are so coarse here that the fairest closing loses less than the rounded optimum: it is"
                 " returned.",)  # fmt: skip
    return Closing(lots, plan, notes=notes, method="interior-point", libraries=("numpy", "scipy", "ortools"))


def _objective(venue: Venue, level: float | None, lots: Int64) -> float:
    return objective(venue, venue.losses(lots.astype(np.float64)), level)


def _closes(problem: ClosureProblem, lots: Int64) -> list[int]:
    closed = np.zeros(len(problem.demands), np.int64)
    np.add.at(closed, problem.arcs.demand, lots)
    found: list[int] = closed.tolist()
    return found


def _caps(problem: ClosureProblem, venue: Venue) -> Float64:
    caps: Float64 = problem.wealth.cap_units[venue.rows] / 10.0**problem.accounts.precision
    return caps
