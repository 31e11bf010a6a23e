"""Real-valued closes made of whole lots: every demand closed by as many as were planned, no cap passed.

    k = floor(planned lots), then the lots that are left go where one more adds least to the venue's loss,

    sum_s q_s (max(margin_is + slope_as, 0) - max(margin_is, 0)),   q the plan's weights of scenarios,

at most one to an arc, ties to the largest fraction, then by account id and symbol. Where caps have no room for them
they go where the haircut after them is lowest, and at last lots of other demands make room (`board`). Free demands
have no caps.
"""

import numpy as np

from solvers.contracts.board import Board
from solvers.contracts.lots import INACCURACY, fill
from solvers.contracts.problem import ClosureProblem
from solvers.contracts.scenarios.venue import Venue
from solvers.money import Float64, Int64
from solvers.rounding import shares


def whole(problem: ClosureProblem, venue: Venue, planned: Float64, weights: Float64) -> Int64:
    """Lots of each arc, for planned ones within bounds and caps but for rounding, and S weights of scenarios."""
    arcs = problem.arcs
    floors = np.minimum(np.floor(planned + INACCURACY + planned * 1e-12).astype(np.int64), arcs.lots)
    left: dict[int, int] = {}
    for place, demand in enumerate(problem.demands):
        rows = np.flatnonzero(arcs.demand == place)
        meant = float(planned[rows].sum())
        wanted = demand.lots if meant >= demand.lots * (1 - INACCURACY) else round(meant)
        beyond = sum(floors[rows].tolist()) - wanted
        if beyond > 0:
            holders = problem.positions.account[arcs.position[rows]]
            floors[rows] -= shares(floors[rows], beyond, beyond + wanted, problem.accounts.ids, holders)
        left[place] = max(-beyond, 0)
    board = Board(problem, floors)
    _heed_caps(board, left)
    order = np.lexsort((np.arange(len(planned)), floors - planned, _added(venue, floors, weights)))
    for arc in order.tolist():
        place = board.demand[arc]
        if not left[place]:
            continue
        if problem.free[place]:
            given = min(board.held[arc] - board.lots[arc], 1)
            board.lots[arc] += given
        else:
            given = min(board.room(arc), 1)
            board.add(arc, given)
        left[place] -= given
    for place in np.flatnonzero(problem.free).tolist():
        _pour(board, np.flatnonzero(arcs.demand == place).tolist(), left.pop(place))
    fill(board, left)
    dead: set[int] = set()
    for place, lots in left.items():
        for _ in range(lots):
            if place in dead or not board.route(place, dead):
                break
    return np.array(board.lots, np.int64)


def _added(venue: Venue, lots: Int64, weights: Float64) -> Float64:
    """What one more lot of each arc adds to the weighted losses, A dollars."""
    found = np.zeros(len(lots))
    for rows, margins in venue.margins(lots.astype(np.float64)):
        arcs = np.arange(*np.searchsorted(venue.account, (rows[0], rows[-1] + 1)))
        here = margins[venue.account[arcs] - rows[0]]
        after = np.maximum(here + venue.slopes(arcs), 0.0)
        found[arcs] = ((after - np.maximum(here, 0.0)) * weights).sum(axis=1)
    return found


def _heed_caps(board: Board, left: dict[int, int]) -> None:
    """Take off what inaccurate lots put beyond a cap."""
    for bearer, held in board.borne_by.items():
        for arc in held:
            over = board.spent[bearer] - board.cap[bearer]
            if over > 0:
                fewer = min(board.lots[arc], -(-over // board.gaps[board.demand[arc]]))
                board.add(arc, -fewer)
                left[board.demand[arc]] += fewer


def _pour(board: Board, arcs: list[int], lots: int) -> None:
    """Lots of a free demand that no fraction asked for, in the order of arcs."""
    for arc in arcs:
        given = min(board.held[arc] - board.lots[arc], lots)
        board.lots[arc] += given
        lots -= given
