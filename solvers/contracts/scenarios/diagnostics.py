"""What the venue would lose in the next shock, before and after any closing, with every position where it is (MODEL 9).

Figures in dollars over accounts with e > 0 before: L_s as in `venue`, its mean by the scenarios' weights, and VaR and
CVaR of its worst 1 - level.
"""

from dataclasses import dataclass

import numpy as np

from solvers.contracts.problem import ClosureProblem
from solvers.contracts.scenarios.bound import objective
from solvers.contracts.scenarios.venue import Venue
from solvers.money import Float64, Int64
from solvers.robustness.worst import at_risk

LEVEL = 0.95
"""VaR and CVaR look at the worst 5 %, unless asked for another part."""


@dataclass(frozen=True)
class ClosingLosses:
    """Dollars, never negative or NaN."""

    level: float
    expected_deficit_before: float
    expected_deficit_after: float
    var_before: float
    var_after: float
    cvar_before: float
    cvar_after: float


def closing_losses(problem: ClosureProblem, lots: Int64, level: float = LEVEL) -> ClosingLosses:
    """Of any closing, lots one for each arc. Does not depend on the order of rows. Refused: what `Venue.of` refuses."""
    venue = Venue.of(problem)
    before, after = (venue.losses(one) for one in (np.zeros(len(lots)), lots.astype(np.float64)))
    var_before, cvar_before = at_risk(before, venue.chances, level)
    var_after, cvar_after = at_risk(after, venue.chances, level)
    return ClosingLosses(
        level, _mean(venue, before), _mean(venue, after), var_before, var_after, cvar_before, cvar_after
    )


def _mean(venue: Venue, losses: Float64) -> float:
    return objective(venue, losses, None)
