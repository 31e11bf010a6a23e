"""Closings of least expected shortfall in whole lots: every demand to the lot, no cap passed.

Floored; the lots left go to the largest fractions, ties by account id, then to whatever arc has room, and at last by
moving lots of other demands out of the way.
"""

import numpy as np

from solvers.contracts.board import Board
from solvers.contracts.leverage.sums import sums
from solvers.contracts.lots import INACCURACY, close_the_rest, heed_caps, lacking, make_room
from solvers.contracts.problem import ClosureProblem
from solvers.money import Float64, Int64

_SLACK = 1e-9


def in_whole_lots(problem: ClosureProblem, closed: Float64, need: Float64) -> Int64:
    """Whole lots of each arc from real-valued ones that close `need` of each demand, or nearly.

    Each demand is closed by the whole lots next to its need, never by more than it has; by fewer where caps leave no
    room for them.
    """
    arcs = problem.arcs
    wanted = np.minimum(np.rint(need).astype(np.int64), np.array([one.lots for one in problem.demands]))
    near = np.rint(closed)
    floors = np.where(np.abs(closed - near) <= INACCURACY * np.maximum(near, 1.0), near, np.floor(closed))
    floors = np.clip(floors, 0, arcs.lots).astype(np.int64)
    fractions = closed - floors
    _trim(problem, floors, fractions, wanted)
    order = np.lexsort((np.arange(len(closed)), -fractions, arcs.demand))
    spent = sums(arcs.bearer, arcs.lots * problem.gap_floats[arcs.demand], len(problem.wealth.book))
    if (spent <= problem.wealth.cap_units * (1 - _SLACK)).all():
        return _filled(problem, floors, wanted, order)
    return _within_caps(problem, floors, wanted, order)


def _trim(problem: ClosureProblem, floors: Int64, fractions: Float64, wanted: Int64) -> None:
    """Where rounding up near whole lots closed too much, the smallest fractions go back."""
    beyond = _taken(problem, floors) - wanted
    for demand in np.flatnonzero(beyond > 0).tolist():
        rows = np.flatnonzero((problem.arcs.demand == demand) & (floors > 0))
        back = rows[np.argsort(fractions[rows], kind="stable")[: beyond[demand]]]
        floors[back] -= 1
        fractions[back] += 1


def _filled(problem: ClosureProblem, lots: Int64, wanted: Int64, order: Int64) -> Int64:
    """One more lot to the first arcs in the order that have room, as often as it takes."""
    arcs = problem.arcs
    left = wanted - _taken(problem, lots)
    while left.any():
        rows = order[lots[order] < arcs.lots[order]]
        demand = arcs.demand[rows]
        turn = np.arange(len(rows)) - np.searchsorted(demand, demand)
        chosen = rows[turn < left[demand]]
        if not chosen.size:
            break
        lots[chosen] += 1
        left = wanted - _taken(problem, lots)
    return lots


def _within_caps(problem: ClosureProblem, floors: Int64, wanted: Int64, order: Int64) -> Int64:
    costly = ~problem.free[problem.arcs.demand]
    board = Board(problem, np.where(costly, floors, 0))
    heed_caps(board)
    left = lacking(board, wanted)
    for most in (1, None):
        for arc in order[costly[order]].tolist():
            demand = board.demand[arc]
            if left.get(demand):
                given = min(left[demand], board.room(arc), most or left[demand])
                board.add(arc, given)
                left[demand] -= given
    make_room(board, left)
    close_the_rest(board)
    lots = np.where(costly, np.array(board.lots, np.int64), floors)
    return _filled(problem, lots, np.where(problem.free, wanted, 0), order[~costly[order]])


def _taken(problem: ClosureProblem, lots: Int64) -> Int64:
    found = np.zeros(len(problem.demands), np.int64)
    np.add.at(found, problem.arcs.demand, lots)
    return found
