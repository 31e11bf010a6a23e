"""From real-valued amounts to whole lots: every demand closed to the lot, no cap passed (MODEL 7).

    k_a = floor(y_a / g_d),  then the lots that are left go where the haircut after them is lowest, dearest first,
    then lots are moved from the bearer with the worst haircut while that makes the worst haircut lower

So an account for which one lot is a large haircut is left with the lots that it pays for in full, and what was cut
off goes to accounts that feel a lot least, where ever they hold the contract and have room below their caps. Caps and
moves are exact, ties go by account id, then symbol.
"""

import numpy as np

from solvers.contracts.board import SAFE, Board
from solvers.contracts.closing import Plan
from solvers.contracts.levels import level
from solvers.contracts.problem import ClosureProblem
from solvers.money import Float64, Int64
from solvers.rounding import shares

MOVES = 5_000
"""Times that the bearer with the worst haircut is relieved, or room is made. A count and not a clock, as in `board`."""

INACCURACY = 1e-9
"""A demand short of its lots by no more than this share is meant to be closed; so near a whole lot is that lot."""


def free_lots(problem: ClosureProblem) -> Int64:
    """Closes of the demands that cost nothing, one an arc: k = Q |q| / sum |q|, floored, then by largest fraction.

    All of it where all holders together have less than Q; ties by account id.
    """
    arcs, result = problem.arcs, np.zeros(len(problem.arcs.lots), np.int64)
    for demand in np.flatnonzero(problem.free).tolist():
        rows = problem.arcs_of[demand]
        held, wanted = arcs.lots[rows], problem.demands[demand].lots
        everything = sum(held.tolist())
        accounts = problem.positions.account[arcs.position[rows]]
        enough = everything > wanted
        result[rows] = shares(held, wanted, everything, problem.accounts.ids, accounts) if enough else held
    return result


def in_lots(problem: ClosureProblem, plan: Plan) -> tuple[Float64, Float64]:
    """Lots that a plan closes, real-valued, free demands included: of each arc, and of each demand.

    Of a demand that is meant to be closed all of it.
    """
    arcs, gaps = problem.arcs, problem.gap_floats
    priced = gaps[arcs.demand] > 0
    lots = free_lots(problem).astype(np.float64)
    lots[priced] = np.minimum(plan.amounts[priced] / gaps[arcs.demand[priced]], arcs.lots[priced])
    needed = np.array([float(demand.lots) for demand in problem.demands])
    closed = np.bincount(arcs.demand, lots, len(gaps))
    return lots, np.where(closed >= needed * (1 - INACCURACY), needed, closed)


def whole_lots(problem: ClosureProblem, plan: Plan) -> Int64:
    """The plan in whole lots, one an arc, and `free_lots` of the demands that cost nothing.

    Each demand is closed by as many lots as the plan closes, rounded; fewer where caps leave no room for a whole lot
    even after moving lots of other demands. Where the plan leaves some open, lots that still fit under a cap follow.
    """
    if problem.free.all():
        return free_lots(problem)
    floors, wanted = _floors(problem, plan)
    board = Board(problem, floors)
    heed_caps(board)
    left = lacking(board, wanted)
    fill(board, left)
    make_room(board, left)
    relieve(board, _worst(problem, plan))
    close_the_rest(board)
    return free_lots(problem) + board.array


def _floors(problem: ClosureProblem, plan: Plan) -> tuple[Int64, Int64]:
    """Lots that each arc pays in full, never more than are wanted of its demand; and those wanted of each demand."""
    arcs, gaps = problem.arcs, problem.gap_floats[problem.arcs.demand]
    lots = np.divide(np.maximum(plan.amounts, 0), gaps, out=np.zeros(len(gaps)), where=gaps > 0)
    lots = np.minimum(lots, arcs.lots)
    meant, needed = np.bincount(arcs.demand, lots, len(problem.demands)), [demand.lots for demand in problem.demands]
    wanted = np.where(meant >= np.multiply(needed, 1 - INACCURACY), needed, np.rint(meant).astype(np.int64))
    floors = np.minimum(np.floor(lots + INACCURACY + lots * 1e-12).astype(np.int64), arcs.lots)
    beyond = _closed(problem, floors) - wanted
    for demand in np.flatnonzero(beyond > 0).tolist():
        rows, more = problem.arcs_of[demand], int(beyond[demand])
        accounts = problem.positions.account[arcs.position[rows]]
        floors[rows] -= shares(floors[rows], more, more + int(wanted[demand]), problem.accounts.ids, accounts)
    return floors, wanted


def _closed(problem: ClosureProblem, lots: Int64) -> Int64:
    """Lots of each demand."""
    result = np.zeros(len(problem.demands), np.int64)
    np.add.at(result, problem.arcs.demand, lots)
    return result


def lacking(board: Board, wanted: Int64) -> dict[int, int]:
    """What costly demands lack of the lots wanted of each."""
    left = wanted - _closed(board.problem, board.array)
    return {demand: int(left[demand]) for demand in np.flatnonzero((left > 0) & ~board.problem.free).tolist()}


def close_the_rest(board: Board) -> None:
    """Lots that no plan asked for: those that are needed and that caps let through."""
    left = lacking(board, np.array([demand.lots for demand in board.problem.demands]))
    fill(board, left)
    make_room(board, left)


def heed_caps(board: Board) -> None:
    """Take off what inaccurate amounts put beyond a cap."""
    for bearer in np.flatnonzero(board.paid > board.problem.wealth.cap_units * SAFE).tolist():
        for arc in sorted(board.borne_by[bearer], key=lambda arc: board.gaps[board.demand[arc]]):
            over = board.spent[bearer] - board.cap[bearer]
            if over > 0:
                board.add(arc, -min(board.lots[arc], -(-over // board.gaps[board.demand[arc]])))


def fill(board: Board, left: dict[int, int]) -> None:
    """Place the lots left of each demand, one by one where the haircut after it is lowest: the dearest lots first.

    In doubles, which keep off the caps by a hair; lots that find no room so are placed exactly. `left` becomes what
    fits nowhere.
    """
    if not left:
        return
    problem, arcs, paid, lots = board.problem, board.problem.arcs, board.paid, board.array
    weight, caps = problem.wealth.endowment, problem.wealth.cap_units * SAFE
    for demand in sorted(left, key=lambda demand: (-problem.gap_floats[demand], demand)):
        rows, gap = problem.arcs_of[demand], problem.gap_floats[demand]
        bearers, placed = arcs.bearer[rows], lots[rows]
        before = paid[bearers]
        below_cap = np.maximum((caps[bearers] - before) / gap, 0)
        room = np.minimum(below_cap, arcs.lots[rows] - placed).astype(np.int64)
        more = _least_felt(weight[bearers], before, gap, room, left[demand])
        lots[rows] = placed + more
        paid[bearers] = before + gap * more
        left[demand] -= int(more.sum())
    board.put(lots)
    for demand, rest in left.items():
        left[demand] = _exactly(board, demand, rest)


def _exactly(board: Board, demand: int, lots: int) -> int:
    """Place lots where there is room to the unit; how many are left."""
    while lots and (found := board.best(demand)):
        fits = min(board.room(found[1]), lots)
        board.add(found[1], fits)
        lots -= fits
    return lots


def _least_felt(weight: Float64, paid: Float64, gap: float, room: Int64, lots: int) -> Int64:
    """How many of `lots` each arc gets, one by one where the haircut (paid + gap k) / weight after it is lowest.

    The lots below a first level all go, those above a second one never; between them are about as many as arcs.
    """
    if lots >= int(room.sum()):
        return room
    count = len(room)

    def below(haircut: float) -> Int64:
        return np.minimum(np.maximum((haircut * weight - paid) / gap, 0), room).astype(np.int64)

    first = np.where(room > 0, (paid + gap) / weight, np.inf)
    enough = np.partition(first, lots - 1)[lots - 1] / SAFE if lots <= count else np.inf
    sure, most = np.zeros_like(room), below(enough)
    if int(most.sum()) > 4 * count:
        full, amount = paid + gap * room, float(paid.sum()) + gap * lots
        sure = below(level(weight, paid, full, amount) * SAFE)
        most = below(level(weight, paid, full, amount + gap * count) / SAFE)
    some = most - sure
    arc = np.arange(count).repeat(some)
    lot = np.arange(1, len(arc) + 1) + (sure - some.cumsum() + some)[arc]
    best = _smallest((paid[arc] + gap * lot) / weight[arc], lots - int(sure.sum()))
    return sure + np.bincount(arc[best], minlength=count)


def _smallest(values: Float64, count: int) -> Int64:
    """Places of so many values, the smallest; ties in order."""
    if count >= len(values):
        return np.arange(len(values))
    last = np.partition(values, count - 1)[count - 1]
    return np.concatenate((np.flatnonzero(values < last), np.flatnonzero(values == last)))[:count]


def make_room(board: Board, left: dict[int, int]) -> None:
    """Place lots that no holder has room for by moving lots of other demands, as far as that goes.

    As many at a time as a path takes; `left` becomes what has no path.
    """
    dead: set[int] = set()
    for demand, lots in left.items():
        many = lots
        for _ in range(MOVES):
            if not many or demand in dead:
                break
            if board.route(demand, dead if many == 1 else set(dead), many):
                left[demand] -= many
                many = min(2 * many, left[demand])
            else:
                many //= 2


def relieve(board: Board, worst: float) -> None:
    """Move lots from the bearer with the worst haircut until that is no higher than `worst`, or nothing helps."""
    for _, bearer in zip(range(MOVES), board.burdened(worst), strict=False):
        board.below = board.spent[bearer], board.weight[bearer]
        arcs = board.borne_by[bearer]
        if not any(_shared(board, arc) for arc in arcs) and not any(_moved(board, arc) for arc in arcs):
            break
    board.below = None


def _shared(board: Board, arc: int) -> bool:
    """Whether several lots of an arc could go where one more is felt least: as many as make both haircuts equal."""
    found = board.best(board.demand[arc])
    if board.lots[arc] < 2 or found is None:
        return False
    giver, taker, gap = board.bearer[arc], board.bearer[found[1]], board.gaps[board.demand[arc]]
    mine, theirs = board.weight[giver], board.weight[taker]
    between = (board.spent[giver] * theirs - board.spent[taker] * mine) // (gap * (mine + theirs))
    lots = min(between, board.lots[arc], board.room(found[1]))
    if lots < 2:
        return False
    board.add(arc, -lots)
    board.add(found[1], lots)
    return True


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
