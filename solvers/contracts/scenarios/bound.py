"""How good a closing is, by code that did not make it: its losses over all scenarios, and a bound by weak duality.

For any q in the scenarios' weights (0 <= q_s <= p_s / (1 - level), sum q = 1; q = p for the expected deficit), any y
with 0 <= y_is <= q_s and any prices of the demands, no closing has a smaller objective than

    sum_is y_is u_is + sum_d price_d need_d + sum_i min { sum_a (sum_s y_is slope_as - price_d(a)) k_a },

u_is what the account loses beyond its equity when nothing is closed, the minimum over 0 <= k <= |q| and the account's
cap: a fractional knapsack, filled from the steepest gain a dollar. y is q_s where a pair loses and nothing where it
does not, except for pairs that the multipliers name. What rounding may have added is taken off the bound.
"""

from math import fsum

import numpy as np

from solvers.contracts.scenarios.multipliers import Multipliers, weighted
from solvers.contracts.scenarios.venue import Venue
from solvers.money import Float64
from solvers.robustness.worst import at_risk
from solvers.verify import Optimality

_DOUBLES = 16 * float(np.finfo(np.float64).eps)
"""Relative to the sums of money behind a loss, what doubles cannot tell from none."""


def objective(venue: Venue, losses: Float64, level: float | None) -> float:
    """The expected deficit, or CVaR at a level, of S losses."""
    if level is None:
        return fsum((venue.chances * losses).tolist())
    return at_risk(losses, venue.chances, level)[1]


def optimality(
    venue: Venue, lots: Float64, need: Float64, caps: Float64, level: float | None, multipliers: Multipliers
) -> Optimality:
    """Dollars; the residual is the largest excess of an account over the minimum of its own part of the Lagrangian, as
    a share of the objective.
    """
    reached = objective(venue, venue.losses(lots), level)
    fixed, size, reduced = np.zeros(len(venue.rows)), np.zeros(len(venue.rows)), np.zeros(len(lots))
    for rows, arcs, y, margins, moved in weighted(venue, lots, multipliers):
        fixed[rows], size[rows] = (y * margins).sum(axis=1), (y * np.abs(margins)).sum(axis=1)
        reduced[arcs] = moved
    reduced -= multipliers.price[venue.demand]
    most = np.minimum(venue.lots, need[venue.demand])
    least = _least(venue, reduced, most, caps)
    priced = (multipliers.price * need).tolist()
    error = _DOUBLES * fsum([*size.tolist(), *np.abs(least).tolist(), *map(abs, priced)])
    below = max(float(fsum([*fixed.tolist(), *least.tolist(), *priced]) - error), 0.0)
    here = np.bincount(venue.account, reduced * lots, len(fixed))
    behind = fsum(venue.equity.tolist()) + float(np.abs(venue.exposure) @ np.abs(venue.moves).max(axis=0)[venue.market])
    if abs(reached - below) <= error + _DOUBLES * behind:
        below = reached
    excess = float((here - least).max(initial=0.0))
    return Optimality(reached, below, excess / reached if reached > 0 else 0.0)


def _least(venue: Venue, reduced: Float64, most: Float64, caps: Float64) -> Float64:
    """min reduced . k over 0 <= k <= most, gap . k <= cap, for each account."""
    rate = np.divide(reduced, venue.gap, out=np.where(reduced < 0, -np.inf, np.inf), where=venue.gap > 0)
    order = np.lexsort((rate, venue.account))
    account, gain, whole = venue.account[order], reduced[order], (venue.gap * most)[order]
    first = np.searchsorted(account, np.arange(len(caps)))
    before = np.cumsum(whole) - whole
    before = before - before[np.minimum(first, max(len(before) - 1, 0))][account] if len(before) else before
    part = np.divide(caps[account] - before, whole, out=np.ones(len(whole)), where=whole > 0).clip(0, 1)
    found = np.minimum(gain, 0) * part * most[order]
    return np.bincount(account, found, len(caps)).astype(np.float64)
