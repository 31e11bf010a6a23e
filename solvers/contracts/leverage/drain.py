"""The closing of least expected shortfall, before lots: every market, and every order of magnitude."""

from dataclasses import dataclass

import numpy as np

from solvers.backends.deadline import NEVER, Deadline
from solvers.contracts.leverage.certificate import draining_bound
from solvers.contracts.leverage.exposures import Exposures, Needs, of_lots
from solvers.contracts.leverage.interior import minimised
from solvers.contracts.leverage.marginal import Marginal, marginal
from solvers.contracts.leverage.sums import ratio, sums
from solvers.contracts.lexicographic import lexicographic_plan
from solvers.contracts.lots import in_lots
from solvers.contracts.problem import ClosureProblem
from solvers.errors import SolverFailed, SolverTimeout
from solvers.money import Float64, Int64

_WHOLE = 1e-12
"""Relative distance within which a need is all that there is, or nothing."""

_INSIDE = 1e-6
"""Bearers whose caps have no more than this share left are at them."""

_STAGES = 16
_MISSED = 1e-6


@dataclass(frozen=True)
class Drained:
    """A closing before lots.

    closed     lots of each arc of the problem
    prices     of each demand, currency a lot: what closing one more lot there saves of expected shortfall
    need       of each demand, the lots that are closed here;  wanted: those that can be closed, in whole lots at last
    steps      Newton steps in all
    stages     orders of magnitude that were solved one after the other
    stretch    the most that moves were stretched by, to tell apart what has no shortfall in doubles
    lost       the path was lost, or the time was up: the closing is the fairest, and its proof says how far it is off
    """

    closed: Float64
    prices: Float64
    need: Float64
    wanted: Float64
    steps: int
    stages: int
    stretch: float
    lost: bool


def drained(problem: ClosureProblem, covariance: Float64, deadline: Deadline = NEVER) -> Drained:
    """min sum_i f_i(q_i - x_i) over closings of all demands within caps (MODEL 4; arXiv 2603.15963).

    covariance    of prices, M x M, positive semidefinite
    Markets whose price is nothing beside the whole objective (1e-12) are solved once more, by the accounts whose own
    shortfall is as little; nothing else moves. Where these are ten deviations or more from trouble, moves are stretched
    until the nearest is four: any closing of them is optimal, and this one drains the most levered of them first. What
    is flat even then is closed in proportion to contracts. Where not everything can be closed: the most dollars, as
    `lexicographic` has them.
    """
    S, needs = of_lots(problem, covariance), Needs.of(problem)
    need = needs.planned
    closed = np.zeros(len(problem.arcs.lots))
    rows, prices = np.arange(len(closed)), np.zeros(len(need))
    settled = np.zeros(len(need), np.bool_)
    steps, stages, stretch, lost = 0, 0, 1.0, False
    while len(rows) and stages < _STAGES:
        before = closed.copy()
        rows, left = _decided(problem, rows, closed, need)
        found = Exposures.of(problem, S, rows, closed, left)
        try:
            done = minimised(found, before[rows] if stages else None, deadline)
        except (SolverFailed, SolverTimeout) as exc:
            if isinstance(exc, SolverTimeout) and not deadline.over():
                raise
            closed, lost = before, not stages
            if lost:
                closed, need = in_lots(problem, lexicographic_plan(problem))
            break
        steps, stages, stretch = steps + done.steps, stages + 1, max(stretch, done.stretch)
        missed = np.abs(sums(found.demand, done.closed, len(found.need)) - found.need) > _MISSED * found.need
        if stages > 1 and bool(missed.any()):
            # Caps that leave next to no room: the earlier stage has a closing, though not the most levered first.
            closed[rows] = before[rows]
            break
        closed[rows] = done.closed
        if stages == 1 and done.stretch == 1.0:
            prices[found.demands], settled[found.demands] = done.prices, ~done.flat
        again = rows[done.flat[found.demand] & done.quiet[found.account]]
        if len(again) == len(rows) and stages > 1:
            break
        rows = again
    _clear(problem, closed, need)
    if not settled.all():
        median = np.where(settled, prices, _prices(problem, marginal(problem, S, closed), closed, prices))
        proofs = [draining_bound(problem, covariance, closed, some, need) for some in (median, prices)]
        prices = median if proofs[0].bound >= proofs[1].bound else prices
    return Drained(closed, prices + 0.0, need, needs.wanted, steps, stages, stretch, lost)


def _decided(problem: ClosureProblem, rows: Int64, closed: Float64, need: Float64) -> tuple[Int64, Float64]:
    """Closes all or nothing of the arcs whose demands leave no choice; the other arcs, and what they are to close."""
    demand, lots, count = problem.arcs.demand, problem.arcs.lots, len(need)
    rest = closed.copy()
    rest[rows] = 0.0
    left = np.maximum(need - sums(demand, rest, count), 0.0)
    held = sums(demand[rows], lots[rows], count)
    whole, nothing = left >= held * (1 - _WHOLE), left <= held * _WHOLE
    closed[rows] = np.where(whole[demand[rows]], lots[rows], 0.0)
    return rows[~(whole | nothing)[demand[rows]]], np.where(whole | nothing, 0.0, left)


def _clear(problem: ClosureProblem, closed: Float64, need: Float64) -> None:
    """Makes up for rounding: what is above a cap goes back, and what a demand lacks to arcs strictly inside theirs."""
    arcs, demand, lots = problem.arcs, problem.arcs.demand, problem.arcs.lots
    cost, cap = problem.gap_floats[demand], problem.wealth.cap_units.astype(np.float64)
    paid = sums(arcs.bearer, closed * cost, len(cap))
    closed *= np.where(cost > 0, np.minimum(ratio(cap, paid, paid > cap) + (paid <= cap), 1.0)[arcs.bearer], 1.0)
    for _ in range(2):
        lacking = need - sums(demand, closed, len(need))
        paid = sums(arcs.bearer, closed * cost, len(cap))
        below = (cost == 0) | (paid < cap * (1 - _INSIDE))[arcs.bearer] | (lacking < 0)[demand]
        room = np.where(below, closed * (lots - closed) / lots, 0.0)
        closed += room * ratio(lacking, sums(demand, room, len(need)))[demand]
        np.clip(closed, 0.0, lots, out=closed)


def _prices(problem: ClosureProblem, found: Marginal, closed: Float64, otherwise: Float64) -> Float64:
    """Of each demand the price that leaves the least to be gained: sum of (s - p)+ (u - k) and (p - s)+ k over arcs.

    A weighted median of what closing saves, s; arcs whose bearers are at their caps do not count, and where there are
    no others the price is `otherwise`.
    """
    arcs = problem.arcs
    cost = problem.gap_floats[arcs.demand]
    paid = sums(arcs.bearer, closed * cost, len(problem.wealth.book))
    free = np.flatnonzero((cost == 0) | (paid < problem.wealth.cap_units * (1 - _INSIDE))[arcs.bearer])
    order = free[np.lexsort((found.saving[free], arcs.demand[free]))]
    demand, lots = arcs.demand[order], arcs.lots[order]
    below, above = np.cumsum(closed[order]), np.cumsum(lots - closed[order])
    last = np.searchsorted(demand, demand, "right") - 1
    first = np.searchsorted(demand, demand)
    below -= np.where(first > 0, below[first - 1], 0.0)
    enough = np.flatnonzero(below >= above[last] - above)
    prices, at = otherwise.copy(), demand[enough]
    prices[at[::-1]] = found.saving[order[enough[::-1]]]
    return prices
