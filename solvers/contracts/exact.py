"""The least worst haircut in whole lots: a search from a rounded closing, by questions to an integer program.

    min t   over integers 0 <= k_a <= |q_a|,   sum k_a over a demand = what the start closes of it,
            sum_a g_d k_a <= min(cap_i, t w_i)  for every bearer i

At a given level t the right-hand sides are constants, and whether there is a closing is a question of feasibility.
First: is there one below the worst haircut of the start? Mostly not, and that proves the start optimal. Where there is
one, or it takes too long to tell, the level between what is proven and what is found is halved.

CP-SAT takes 64-bit integers, gaps are fractions of any size. So right-hand sides and coefficients are rounded down to
as many bits as fit, which makes the program looser only: what it says is impossible is, and what it finds is checked
in exact arithmetic. Arcs of bearers whom the level cannot bind except arc by arc are no variables but slack of their
demands: most of a book. Demands that cost nothing keep the start.

Of 88 random books of 6 to 12,000 arcs (5,000 accounts over 20 markets) it proves 86 optimal, most in a tenth of a
second, and leaves gaps below a thousandth in two of a thousand arcs.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, inf, nextafter
from time import monotonic

import numpy as np

from solvers.backends.cp_sat import Answer, IntegerProgram, feasible
from solvers.contracts.board import Board
from solvers.contracts.costs import within_caps
from solvers.contracts.lots import fill, relieve
from solvers.contracts.problem import ClosureProblem
from solvers.money import Int64
from solvers.rounding import shares

WORK = 1.0
"""CP-SAT's deterministic time for one search, by its own count: 2 to 10 seconds. No clock ends it sooner,
unless the caller's does, so that the same request has the same answer."""

_QUESTION = 0.25
"""Of that, for one question."""

FINEST = 10_000_000
"""Lots of one position beyond which they are too fine to search: CP-SAT may creep over such a range lot by lot, which
no limit of it ends, and a lot is a ten-millionth of what the position pays."""

_NEAR = Fraction(1, 10**6)
"""Relative distance between what is proven and what was asked at which levels are no longer halved."""

_BITS = 62
"""The sum of a row's products of coefficients and bounds has so many."""

_EXACT = Fraction(1, 2**32)
"""By how much a question is below the worst haircut found where a row has more digits than fit."""


@dataclass(frozen=True)
class Searched:
    """bound   a proven lower bound on the worst haircut of any closing of as many lots"""

    lots: Int64
    bound: float


def search(problem: ClosureProblem, start: Int64, bound: float, seconds: float = inf) -> Searched:
    """The best closing found from `start`, never worse than it.

    bound     a lower bound on the worst haircut of any closing of all that is demanded, known before; not used where
              the start leaves lots
    seconds   a limit on the clock: whoever lets it bind gets what was found by then, which need not come again
    """
    book, ends = _Book(problem), monotonic() + seconds
    best, worst = start, book.worst(start)
    proven = Fraction(bound) if book.closes_all(start) else Fraction(0)
    top, work, first = worst, WORK, True
    while proven < worst * (1 - 2 * _EXACT) and work > 0 and monotonic() < ends:
        near = top - proven <= _NEAR * top
        if near and top < worst:
            break  # between what is proven and found are only levels at which it takes too long to tell
        question = _below(book, best, worst) if top == worst and (first or near) else _half(book, best, proven, top)
        if question.fine:
            break
        answer = question.asked(min(work, _QUESTION), ends - monotonic())
        work -= max(answer.work, 1e-3)
        first = False
        if answer.meaning == "impossible":
            proven = question.level
            continue
        if answer.meaning == "found":
            lots = question.closing(answer.values)
            if book.worst(lots) < worst and within_caps(problem, lots).all():
                best, top, worst = lots, book.worst(lots), book.worst(lots)
                continue
        if near:
            break
        top = question.level
    proven = min(proven, worst)
    below = float(proven)
    return Searched(best, below if below <= proven else nextafter(below, -inf))


class _Book:
    """The arcs of costly demands by bearer, in exact integers."""

    def __init__(self, problem: ClosureProblem) -> None:
        self.problem, self.arcs = problem, problem.arcs
        gaps, denominator = problem.common_gaps
        self.rows = np.flatnonzero(~problem.free[problem.arcs.demand])
        self.places: list[int] = np.flatnonzero(~problem.free).tolist()
        self.gap: dict[int, int] = {arc: int(gaps[problem.arcs.demand[arc]]) for arc in self.rows.tolist()}
        self.by_bearer: dict[int, list[int]] = {}
        for arc in self.gap:
            self.by_bearer.setdefault(int(problem.arcs.bearer[arc]), []).append(arc)
        wealth = problem.wealth
        self.weight = {bearer: int(wealth.endowment_units[bearer]) * denominator for bearer in self.by_bearer}
        self.cap = {bearer: int(wealth.cap_units[bearer]) * denominator for bearer in self.by_bearer}

    def closes_all(self, lots: Int64) -> bool:
        """Whether no demand that costs something is short of lots."""
        demands = self.problem.demands
        return all(sum(lots[self.arcs.demand == place].tolist()) == demands[place].lots for place in self.places)

    def worst(self, lots: Int64) -> Fraction:
        """The largest haircut."""
        most, closed = (0, 1), lots.tolist()
        for bearer, held in self.by_bearer.items():
            spent, weight = sum(self.gap[arc] * closed[arc] for arc in held), self.weight[bearer]
            if spent * most[1] > most[0] * weight:
                most = spent, weight
        return Fraction(*most)


def _below(book: "_Book", start: Int64, worst: Fraction) -> "_Question":
    """Is there anything better?"""
    question = _Question(book, start, worst, strict=True)
    return question if question.exact else _Question(book, start, worst * (1 - _EXACT), strict=False)


def _half(book: "_Book", start: Int64, proven: Fraction, top: Fraction) -> "_Question":
    return _Question(book, start, Fraction(float((proven + top) / 2)), strict=False)


class _Question:
    """Is there a closing of as many lots with no haircut above a level, or (strictly) all below it?"""

    def __init__(self, book: _Book, start: Int64, level: Fraction, strict: bool) -> None:
        self.book, self.start, self.level, self.upper = book, start, level, book.arcs.lots.copy()
        self.exact = True
        self.bound_by: list[int] = []
        rows = []
        held = self.upper.tolist()
        for bearer, arcs in book.by_bearer.items():
            # weights are integers, so that the largest integer below a quotient is its ceiling less one
            spent, whole = level.numerator * book.weight[bearer], level.denominator
            limit = min(book.cap[bearer], -(-spent // whole) - 1 if strict else spent // whole)
            uppers = [min(held[arc], limit // book.gap[arc]) for arc in arcs]
            self.upper[arcs] = uppers
            if sum(book.gap[arc] * upper for arc, upper in zip(arcs, uppers, strict=True)) > limit:
                common = gcd(*(book.gap[arc] for arc in arcs))
                shift = max(0, (limit // common).bit_length() + len(arcs).bit_length() - _BITS)
                self.exact &= shift == 0
                places = list(range(len(self.bound_by), len(self.bound_by) + len(arcs)))
                rows.append((places, [book.gap[arc] // common >> shift for arc in arcs], limit // common >> shift))
                self.bound_by += arcs
        self.rows = rows
        self.fine = bool((self.upper[self.bound_by] > FINEST).any())
        self.slack = book.rows[~np.isin(book.rows, self.bound_by)]

    def asked(self, work: float, seconds: float) -> Answer:
        demand, bound_by = self.book.arcs.demand, np.array(self.bound_by, np.int64)
        sums = []
        for place in self.book.places:
            wanted = sum(self.start[demand == place].tolist())
            own = np.flatnonzero(demand[bound_by] == place)
            low = wanted - sum(self.upper[self.slack[demand[self.slack] == place]].tolist())
            if low > sum(self.upper[bound_by[own]].tolist()):
                return Answer("impossible", [], 0.0)
            sums.append((own.tolist(), low, wanted))
        hint, upper = self.start[bound_by].tolist(), self.upper[bound_by].tolist()
        return feasible(IntegerProgram(upper, sums, self.rows, hint), work, seconds)

    def closing(self, values: list[int]) -> Int64:
        """Lots of all arcs from those of the variables: slack takes the rest, where it is felt least."""
        problem, arcs, lots = self.book.problem, self.book.arcs, np.minimum(self.start, self.upper)
        lots[self.bound_by] = values
        left: dict[int, int] = {}
        for place in self.book.places:
            rows = arcs.demand == place
            left[place] = sum(self.start[rows].tolist()) - sum(lots[rows].tolist())
            if left[place] < 0:
                some = self.slack[arcs.demand[self.slack] == place]
                accounts = problem.positions.account[arcs.position[some]]
                held = sum(lots[some].tolist())
                lots[some] -= shares(lots[some], -left[place], held, problem.accounts.ids, accounts)
                left[place] = 0
        board = Board(problem, lots)
        fill(board, left)
        relieve(board, 0.0)
        return np.where(problem.free[arcs.demand], self.start, np.array(board.lots, np.int64))
