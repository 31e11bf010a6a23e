"""Real-valued closes made of whole lots: every demand closed by as many as were planned, no cap passed.

    k = floor(planned lots), then the lots that are left go where one more adds least to the venue's loss,

    sum_s q_s (max(margin_is + slope_as, 0) - max(margin_is, 0)),   q the plan's weights of scenarios,

at most one to an arc, ties to the largest fraction, then by account id and symbol. Where caps have no room for them
they go where the haircut after them is lowest, and at last lots of other demands make room (`board`). Free demands
have no caps.
"""

import numpy as np

from solvers.contracts.board import Board
from solvers.contracts.lots import INACCURACY, close_the_rest, fill, heed_caps, lacking, make_room
from solvers.contracts.problem import ClosureProblem
from solvers.contracts.scenarios.venue import Venue
from solvers.money import Float64, Int64
from solvers.rounding import shares


def whole(problem: ClosureProblem, venue: Venue, planned: Float64, weights: Float64) -> Int64:
    """Lots of each arc, for planned ones within bounds and caps but for rounding, and S weights of scenarios."""
    arcs = problem.arcs
    floors = np.minimum(np.floor(planned + INACCURACY + planned * 1e-12).astype(np.int64), arcs.lots)
    wanted = np.zeros(len(problem.demands), np.int64)
    for place, demand in enumerate(problem.demands):
        rows = np.flatnonzero(arcs.demand == place)
        meant = float(planned[rows].sum())
        wanted[place] = demand.lots if meant >= demand.lots * (1 - INACCURACY) else round(meant)
        closed = sum(floors[rows].tolist())
        beyond = closed - int(wanted[place])
        if beyond > 0:
            holders = problem.positions.account[arcs.position[rows]]
            floors[rows] -= shares(floors[rows], beyond, closed, problem.accounts.ids, holders)
    board = Board(problem, floors)
    heed_caps(board)
    left = lacking(board, wanted)
    order = np.lexsort((np.arange(len(planned)), floors - planned, _added(venue, floors, weights)))
    for arc in order.tolist():
        place = board.demand[arc]
        if left.get(place):
            given = min(board.room(arc), 1)
            board.add(arc, given)
            left[place] -= given
    fill(board, left)
    make_room(board, left)
    close_the_rest(board)
    return _poured(problem, np.array(board.lots, np.int64), wanted, order)


def _added(venue: Venue, lots: Int64, weights: Float64) -> Float64:
    """What one more lot of each arc adds to the weighted losses, A dollars."""
    found = np.zeros(len(lots))
    for rows, margins in venue.margins(lots.astype(np.float64)):
        arcs = np.arange(*np.searchsorted(venue.account, (rows[0], rows[-1] + 1)))
        here = margins[venue.account[arcs] - rows[0]]
        after = np.maximum(here + venue.slopes(arcs), 0.0)
        found[arcs] = ((after - np.maximum(here, 0.0)) * weights).sum(axis=1)
    return found


def _poured(problem: ClosureProblem, lots: Int64, wanted: Int64, order: Int64) -> Int64:
    """Lots of free demands: one to each arc in the order, then in the order of arcs."""
    for place in np.flatnonzero(problem.free).tolist():
        rows = problem.arcs_of[place]
        left = int(wanted[place] - lots[rows].sum())
        for arcs, most in ((order[problem.arcs.demand[order] == place], 1), (rows, left)):
            for arc in arcs.tolist():
                given = min(int(problem.arcs.lots[arc] - lots[arc]), most, left)
                lots[arc] += given
                left -= given
    return lots
