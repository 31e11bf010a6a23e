"""Whole lots on the arcs of costly demands: where the next one fits best, and what must move to make room for it.

A lot of demand d on an arc of bearer b fits while  k < |q|  and  sum g k + g_d <= cap_b,  in exact integers: gaps over
their common denominator, caps times it. Where it fits best is where the haircut (sum g k + g_d) / w_b after it is
lowest; haircuts are correctly rounded quotients of integers, ties go by arc, which is by account id, then symbol.

Most of a book is never looked at: integers are made of what is, and doubles say where to look first.
"""

from collections import deque
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace
from typing import TypeVar

import numpy as np

from solvers.contracts.problem import ClosureProblem
from solvers.money import Float64, Int64

SCANS = 150_000
"""Arcs looked at for routes, in one rounding. A count and not a clock, so that the same book has the same answer."""

SAFE = 1 - 2.0**-40
"""What is computed in doubles is off by less than this factor: a rounding for each market of a bearer, and a few."""

_PASSES = 64
"""Many lots that must fit together are placed this part of them at a time."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Step:
    """`lots` of a demand go to an arc; `freed` lots of `moved`, another arc of its bearer, must first go elsewhere."""

    arc: int
    lots: int
    moved: int = -1
    freed: int = 0


class _Lazily(dict[int, _T]):
    """Entries that are made when they are first asked for."""

    def __init__(self, make: Callable[[int], _T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: int) -> _T:
        made = self[key] = self._make(key)
        return made


class Board:
    """Lots of each arc and what they cost each bearer; arcs of free demands take no part.

    bearers    of the arcs, in their order
    paid       doubles of the units that lots cost each bearer of the problem
    """

    def __init__(self, problem: ClosureProblem, lots: Int64) -> None:
        arcs, wealth = problem.arcs, problem.wealth
        self.problem = problem
        self.demand: list[int] = arcs.demand.tolist()
        self.bearer: list[int] = arcs.bearer.tolist()
        self.held: list[int] = arcs.lots.tolist()
        numerators, self._denominator = problem.common_gaps
        self.gaps: list[int] = numerators.tolist()
        rows = np.flatnonzero(~problem.free[arcs.demand])
        starts = np.flatnonzero(np.diff(arcs.bearer[rows], prepend=-1))  # a bearer's arcs are neighbours
        costly, edges = rows.tolist(), [*starts.tolist(), len(rows)]
        self.bearers = arcs.bearer[rows[starts]]
        self._place = np.zeros(len(wealth.book), np.int64)
        self._place[self.bearers] = np.arange(len(starts))

        def borne(bearer: int) -> list[int]:
            place = int(self._place[bearer])
            return costly[edges[place] : edges[place + 1]]

        self.borne_by = _Lazily(borne)
        self.arcs_of = _Lazily[list[int]](lambda demand: problem.arcs_of[demand].tolist())
        self.weight = _Lazily(lambda bearer: int(wealth.endowment_units[bearer]) * self._denominator)
        self.cap = _Lazily(lambda bearer: int(wealth.cap_units[bearer]) * self._denominator)
        self.scans = 0
        self.below: tuple[int, int] | None = None
        self.put(lots)

    def put(self, lots: Int64) -> None:
        """Start from these lots, whatever was there."""
        arcs = self.problem.arcs
        self.lots: list[int] = lots.tolist()
        self._start, self._changed = lots.copy(), set[int]()
        costs = self.problem.gap_floats[arcs.demand] * lots
        self.paid: Float64 = np.bincount(arcs.bearer, costs, len(self.problem.wealth.book)).astype(np.float64)
        self.spent = _Lazily(lambda bearer: sum(map(self._cost, self.borne_by[bearer])))
        self._heaps = _Lazily(self._heap)
        self._worst: list[tuple[float, int, int]] = []

    @property
    def array(self) -> Int64:
        """`lots` as an array."""
        found, changed = self._start.copy(), list(self._changed)
        found[changed] = [self.lots[arc] for arc in changed]
        return found

    def _cost(self, arc: int) -> int:
        return self.gaps[self.demand[arc]] * self.lots[arc]

    def _heap(self, demand: int) -> list[tuple[float, int]]:
        """(no more than the haircut after one more lot, arc) of a demand's arcs with room; others come when freed."""
        arcs, wealth, rows = self.problem.arcs, self.problem.wealth, self.problem.arcs_of[demand]
        cost, bearers = self.paid[arcs.bearer[rows]] + self.problem.gap_floats[demand], arcs.bearer[rows]
        open_ = (self.array[rows] < arcs.lots[rows]) & (cost * SAFE <= wealth.cap_units[bearers])
        rows, bearers = rows[open_], bearers[open_]
        after = cost[open_] / wealth.endowment[bearers] * SAFE
        order = np.argsort(after, kind="stable")
        return list(zip(after[order].tolist(), rows[order].tolist(), strict=True))

    def haircut(self, bearer: int) -> float:
        return self.spent[bearer] / self.weight[bearer]

    def haircut_after(self, arc: int) -> float:
        """That of the arc's bearer after one more lot."""
        bearer = self.bearer[arc]
        return (self.spent[bearer] + self.gaps[self.demand[arc]]) / self.weight[bearer]

    def limit(self, bearer: int) -> int:
        """The most a bearer may spend: its cap, and less than the haircut `below` (spent, weight) if that is set."""
        if self.below is None:
            return self.cap[bearer]
        spent, weight = self.below
        return min(self.cap[bearer], (spent * self.weight[bearer] - 1) // weight)

    def room(self, arc: int) -> int:
        """How many more lots fit on an arc."""
        bearer = self.bearer[arc]
        free = (self.limit(bearer) - self.spent[bearer]) // self.gaps[self.demand[arc]]
        return max(0, min(self.held[arc] - self.lots[arc], free))

    def add(self, arc: int, lots: int) -> None:
        """More lots on an arc, or fewer where `lots` is below zero."""
        bearer = self.bearer[arc]
        self.spent[bearer] += lots * self.gaps[self.demand[arc]]
        self.lots[arc] += lots
        self._changed.add(arc)
        self.paid[bearer] = self.spent[bearer] / self._denominator
        heappush(self._worst, (-self.haircut(bearer), int(self._place[bearer]), bearer))
        if lots < 0:
            for other in self.borne_by[bearer]:
                if self.demand[other] in self._heaps:
                    heappush(self._heaps[self.demand[other]], (self.haircut_after(other), other))

    def best(self, demand: int) -> tuple[float, int] | None:
        """(haircut after, arc) where one more lot of the demand fits best within caps.

        Haircuts in the heap that are too low are brought up to date; those too high have a newer entry.
        """
        heap = self._heaps[demand]
        while heap:
            known, arc = heap[0]
            now = self.haircut_after(arc)
            if now == known and self._fits(arc):
                return heap[0]
            heappop(heap)
            if now > known and self._fits(arc):
                heappush(heap, (now, arc))
        return None

    def _fits(self, arc: int) -> bool:
        bearer = self.bearer[arc]
        after = self.spent[bearer] + self.gaps[self.demand[arc]]
        return self.lots[arc] < self.held[arc] and after <= self.cap[bearer]

    def burdened(self, above: float) -> Iterator[int]:
        """The bearer with the largest haircut, again and again, until that is not above the one given."""
        bounds = self.paid[self.bearers] / self.problem.wealth.endowment[self.bearers] / SAFE
        places = np.flatnonzero(bounds > above)
        self._worst = list(zip((-bounds[places]).tolist(), places.tolist(), self.bearers[places].tolist(), strict=True))
        heapify(self._worst)
        while self._worst:
            known, place, bearer = self._worst[0]
            now = self.haircut(bearer)
            if -now != known:
                heapreplace(self._worst, (-now, place, bearer))
            elif now > above:
                yield bearer
            else:
                return

    def placed(self, demand: int, lots: int) -> bool:
        """Place lots where each fits best; none, if not all fit."""
        done: list[tuple[int, int]] = []
        while lots:
            found = self.best(demand)
            fits = 0 if found is None else min(self.room(found[1]), max(1, lots // _PASSES))
            if found is None or not fits:
                self.undo(done)
                return False
            self.add(found[1], fits)
            done.append((found[1], fits))
            lots -= fits
        return True

    def undo(self, done: list[tuple[int, int]]) -> None:
        for arc, lots in reversed(done):
            self.add(arc, -lots)

    def route(self, demand: int, dead: set[int], lots: int = 1) -> bool:
        """Place lots of a demand, moving lots of other demands out of their way: the shortest such path, or nothing.

        Breadth first over demands: lots of one fit on an arc if enough of another demand leave its bearer, and those
        have to go somewhere in turn. Demands in `dead` are not tried, and those that led nowhere are added to it.
        """
        came: dict[int, tuple[int, Step] | None] = {demand: None}
        waiting = deque([(demand, lots)])
        while waiting:
            last, many = waiting.popleft()
            if self._walked(last, many, came):
                return True
            if self.scans < SCANS:
                self.scans += len(self.arcs_of[last])
                for follower, step in self._steps(last, many, came, dead):
                    came[follower] = last, step
                    waiting.append((follower, step.freed))
        dead.update(came)
        return False

    def _steps(self, demand: int, lots: int, came: Container[int], dead: Container[int]) -> Iterator[tuple[int, Step]]:
        """(demand of the lots that must leave, step) for arcs that could take all `lots` then."""
        cost = lots * self.gaps[demand]
        for arc in self.arcs_of[demand]:
            if self.lots[arc] + lots > self.held[arc]:
                continue
            bearer = self.bearer[arc]
            for other in self.borne_by[bearer]:
                follower, most = self.demand[other], self.lots[other]
                if not most or follower in came or follower in dead:
                    continue
                freed = max(1, -((self.limit(bearer) - self.spent[bearer] - cost) // self.gaps[follower]))
                if freed <= most:
                    yield follower, Step(arc, lots, other, freed)

    def _walked(self, last: int, lots: int, came: dict[int, tuple[int, Step] | None]) -> bool:
        """Do the steps that led to `last` and place its lots; nothing, where one of them then has too little room."""
        moves: list[tuple[int, int]] = []
        at = came[last]
        while at is not None:
            before, step = at
            moves += (step.moved, -step.freed), (step.arc, step.lots)
            at = came[before]
        for arc, more in moves:
            self.add(arc, more)
        bearers = {self.bearer[arc] for arc, _ in moves}
        sound = all(self.spent[bearer] <= self.limit(bearer) for bearer in bearers) and self.placed(last, lots)
        if not sound:
            self.undo(moves)
        return sound
