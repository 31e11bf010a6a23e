"""Proof of a closing that leaves little expected shortfall, from its prices alone, by code that did not make it.

f is convex: f(k) >= f(k') - saving(k')'(k - k') for any closing k'. So for any prices pi of the demands

    f(k) >= f(k') + pi'(sum k' - Q) - sum over accounts of the most of (saving - pi)'(k - k') within bounds and caps

holds for every closing k of Q, in whole lots or not; and nothing is below zero. Source: MODEL 4; Frank and Wolfe's
gap (1956) for prices.
"""

from math import fsum

import numpy as np

from solvers.contracts.leverage.exposures import of_lots
from solvers.contracts.leverage.marginal import marginal
from solvers.contracts.leverage.sums import ratio, sums
from solvers.contracts.problem import ClosureProblem
from solvers.money import Bool, Float64, Int64
from solvers.verify import Optimality

_INSIDE = 1e-6
"""Arcs closed by less than this share of themselves, or by all but that, are at their bounds; so are caps."""


def draining_bound(
    problem: ClosureProblem, covariance: Float64, closed: Float64, prices: Float64, need: Float64
) -> Optimality:
    """Objective and bound in currency; the residual in expected shortfall a unit of deviation, from 0 to 0.4.

    covariance    of prices, M x M
    closed        lots of each arc;  prices: of each demand, in currency a lot;  need: lots of each demand
    The objective counts the accounts that have an arc. The residual is the largest difference between a price and what
    closing a lot saves, among arcs strictly inside their bounds, in deviations of a lot; at a cap, that between an
    account's arcs once its cap has a price of its own.
    """
    arcs = problem.arcs
    S = of_lots(problem, covariance)
    found = marginal(problem, S, closed)
    owner = problem.positions.account[arcs.position]
    objective = fsum(found.shortfall[np.unique(owner)].tolist())
    gain = found.saving - prices[arcs.demand]
    cost, cap = problem.gap_floats[arcs.demand], problem.wealth.cap_units.astype(np.float64)
    beyond = sums(arcs.demand, closed, len(need)) - need
    best = _most(gain, arcs.lots.astype(np.float64), cost, arcs.bearer, cap)
    bound = objective + fsum((prices * beyond).tolist()) - fsum((gain * (best - closed)).tolist())
    deviation = np.sqrt(S.diagonal())[[one.market for one in problem.demands]][arcs.demand]
    inside = (closed > _INSIDE * arcs.lots) & (closed < (1 - _INSIDE) * arcs.lots) & (deviation > 0)
    paid = sums(arcs.bearer, closed * cost, len(cap))
    away = _priced(gain, cost, arcs.bearer, inside & (paid >= cap * (1 - _INSIDE))[arcs.bearer])
    residual = ratio(np.abs(away), deviation, inside)
    return Optimality(objective, min(max(bound, 0.0), objective), float(residual.max(initial=0.0)))


def _most(gain: Float64, lots: Float64, cost: Float64, bearer: Int64, cap: Float64) -> Float64:
    """Lots that gain the most within bounds and caps: where closing costs, the highest gain for its cost first."""
    take = np.where(gain > 0, lots, 0.0)
    rows = np.flatnonzero((cost > 0) & (take > 0))
    order = rows[np.lexsort((-gain[rows] / cost[rows], bearer[rows]))]
    spent = np.cumsum(take[order] * cost[order])
    first = np.searchsorted(bearer[order], bearer[order])
    before = spent - take[order] * cost[order]
    before -= before[first] if len(first) else 0.0
    room = np.clip((cap[bearer[order]] - before) / cost[order], 0.0, take[order])
    take[order] = room
    return take


def _priced(gain: Float64, cost: Float64, bearer: Int64, capped: Bool) -> Float64:
    """Gains less the price of a cap, that of the bearer's arcs on average, where a cap is reached."""
    some = capped & (cost > 0)
    total = sums(bearer[some], gain[some] * cost[some], int(bearer.max(initial=0)) + 1)
    square = sums(bearer[some], cost[some] ** 2, len(total))
    price = ratio(total, square)
    return np.where(some, gain - np.maximum(price[bearer], 0.0) * cost, gain)
