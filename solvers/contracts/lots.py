"""From real-valued amounts to whole lots: every demand closed to the lot, no cap passed (MODEL 7).

    k_a = floor(y_a / g_d),  then the lots that are left go where the haircut after them is lowest,
    then lots are moved from the bearer with the worst haircut while that makes the worst haircut lower

So an account for which one lot is a large haircut is left with the lots that it pays for in full, and what was cut
off goes to accounts that feel a lot least, where ever they hold the contract and have room below their caps. Caps and
the worst haircut are exact, ties go by account id, then symbol.
"""

from heapq import heapify, heappop, heapreplace

import numpy as np

from solvers.contracts.board import Board
from solvers.contracts.closing import Plan
from solvers.contracts.problem import ClosureProblem
from solvers.money import Float64, Int64
from solvers.rounding import shares

INACCURACY = 1e-9
"""A demand short of its lots by no more than this share is meant to be closed; so near a whole lot is that lot."""

_PASSES = 4096
"""Where far more lots are left than there are arcs, they are placed this part of them at a time."""


def free_lots(problem: ClosureProblem) -> Int64:
    """Closes of the demands that cost nothing, one an arc: k = Q |q| / sum |q|, floored, then by largest fraction.

    All of it where all holders together have less than Q; ties by account id.
    """
    arcs, result = problem.arcs, np.zeros(len(problem.arcs.lots), np.int64)
    for demand in np.flatnonzero(problem.free).tolist():
        rows = np.flatnonzero(arcs.demand == demand)
        held, wanted = arcs.lots[rows], problem.demands[demand].lots
        everything = sum(held.tolist())
        accounts = problem.positions.account[arcs.position[rows]]
        enough = everything > wanted
        result[rows] = shares(held, wanted, everything, problem.accounts.ids, accounts) if enough else held
    return result


def whole_lots(problem: ClosureProblem, plan: Plan) -> Int64:
    """The plan in whole lots, one an arc, and `free_lots` of the demands that cost nothing.

    Each demand is closed by as many lots as the plan closes, rounded, and never by more than it has; fewer where caps
    leave no room for a whole lot even after moving lots of other demands.
    """
    floors, wanted = _floors(problem, plan)
    if problem.free.all():
        return free_lots(problem)
    board = Board(problem, floors)
    _heed_caps(board)
    left = {
        demand: lots - sum(board.lots[arc] for arc in board.arcs_of[demand])
        for demand, lots in enumerate(wanted)
        if not problem.free[demand]
    }
    fill(board, left)
    _make_room(board, left)
    relieve(board, _worst(problem, plan))
    return free_lots(problem) + np.array(board.lots, np.int64)


def _floors(problem: ClosureProblem, plan: Plan) -> tuple[Int64, list[int]]:
    """Lots that each arc pays in full, never more than are wanted of its demand; and those wanted of each demand."""
    arcs, floors = problem.arcs, np.zeros(len(problem.arcs.lots), np.int64)
    wanted: list[int] = []
    for place, demand in enumerate(problem.demands):
        rows = np.flatnonzero(arcs.demand == place)
        if problem.free[place] or not rows.size:
            wanted.append(0)
            continue
        lots: Float64 = np.minimum(np.maximum(plan.amounts[rows], 0) / problem.gap_floats[place], arcs.lots[rows])
        meant = float(lots.sum())
        wanted.append(demand.lots if meant >= demand.lots * (1 - INACCURACY) else round(meant))
        whole = np.floor(lots + INACCURACY + lots * 1e-12).astype(np.int64)
        floors[rows] = np.minimum(whole, arcs.lots[rows])
        beyond = sum(floors[rows].tolist()) - wanted[-1]
        if beyond > 0:
            accounts = problem.positions.account[arcs.position[rows]]
            floors[rows] -= shares(floors[rows], beyond, beyond + wanted[-1], problem.accounts.ids, accounts)
    return floors, wanted


def _heed_caps(board: Board) -> None:
    """Take off what inaccurate amounts put beyond a cap."""
    for bearer, held in board.borne_by.items():
        for arc in sorted(held, key=lambda arc: board.gaps[board.demand[arc]]):
            over = board.spent[bearer] - board.cap[bearer]
            if over > 0:
                board.add(arc, -min(board.lots[arc], -(-over // board.gaps[board.demand[arc]])))


def fill(board: Board, left: dict[int, int]) -> None:
    """Place the lots left of all demands, always the one that leaves the lowest haircut."""
    front = [(*found, demand) for demand, lots in left.items() if lots and (found := board.best(demand))]
    heapify(front)
    while front:
        haircut, arc, demand = front[0]
        found = board.best(demand)
        if found == (haircut, arc):
            lots = min(board.room(arc), max(1, left[demand] // _PASSES))
            board.add(arc, lots)
            left[demand] -= lots
            found = board.best(demand)
        if found is None or not left[demand]:
            heappop(front)
        else:
            heapreplace(front, (*found, demand))


def _make_room(board: Board, left: dict[int, int]) -> None:
    """Place lots that no holder has room for by moving lots of other demands, as far as that goes."""
    dead: set[int] = set()
    for demand, lots in left.items():
        for _ in range(lots):
            if demand in dead or not board.route(demand, dead):
                break


def relieve(board: Board, worst: float) -> None:
    """Move lots from the bearer with the worst haircut until that is no higher than `worst`, or nothing helps."""
    while board.borne_by:
        bearer = board.most_burdened()
        if board.haircut(bearer) <= worst:
            return
        board.below = board.spent[bearer], board.weight[bearer]
        if not any(_moved(board, arc) for arc in board.borne_by[bearer]):
            return


def _moved(board: Board, arc: int) -> bool:
    """Whether one lot of an arc could go elsewhere."""
    if not board.lots[arc]:
        return False
    board.add(arc, -1)
    if board.route(board.demand[arc], set()):
        return True
    board.add(arc, 1)
    return False


def _worst(problem: ClosureProblem, plan: Plan) -> float:
    """The largest haircut of a plan."""
    paid = np.bincount(problem.arcs.bearer, plan.amounts, len(problem.wealth.book))
    return float(np.divide(paid, problem.wealth.endowment, out=np.zeros(len(paid)), where=paid > 0).max(initial=0.0))
