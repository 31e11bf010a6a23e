"""What venues do: contracts in proportion to contracts, and queues by score, one market after another.

Demands are closed in the order of their symbols (longs' and shorts' sides of one market as the problem has them), and
each takes what room the earlier ones left under the bearers' caps. So a baseline may fall short of a demand that a
closing of all markets at once could meet; what it leaves is left. Source: arXiv 2512.01112, section 6; MODEL 7.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from solvers.contracts.closing import Closing
from solvers.contracts.lots import free_lots
from solvers.contracts.problem import ClosureProblem
from solvers.contracts.scores import queue_ranks, score_classes
from solvers.money import Int64
from solvers.queue import Score
from solvers.water_filling import Rates, fill


@dataclass(frozen=True, kw_only=True)
class ContractsProRata:
    """Parameters of `contracts-pro-rata`: none."""


@dataclass(frozen=True, kw_only=True)
class ClosingQueue:
    """Parameters of `queue`.

    score           what positions are ranked by within their market, the highest first
    partial_close   close the last position only as far as needed; venues close it whole
    """

    score: Score = "pnl"
    partial_close: bool = False


def contracts_pro_rata(problem: ClosureProblem, parameters: ContractsProRata) -> Closing:
    """k_i = min(room_i, t |q_i|) in each market, with t from sum k_i = Q.

    room_i is min(|q_i|, floor(what the cap still allows / g)) in lots. Whole lots: floored, and the rest to the largest
    fractions, ties by account id. Where all room together is below Q, all of it is used.
    """
    arcs, names = problem.arcs, problem.accounts.ids
    lots = free_lots(problem)
    turns = _Turns(problem, lots)
    for demand, rows, room in turns:
        amount = min(problem.demands[demand].lots, sum(room.tolist()))
        ids = [names[account] for account in problem.positions.account[arcs.position[rows]].tolist()]
        rates = Rates.of(arcs.lots[rows])
        # Python integers too where the rates are, since then a sum of int64 could wrap.
        caps: Any = room.astype(rates.integers.dtype)
        turns.close(demand, rows, fill(caps, rates, amount, ids).seized_units.astype(np.int64))
    return Closing(lots, method="closed-form", libraries=("numpy",))


def closing_queue(problem: ClosureProblem, parameters: ClosingQueue) -> Closing:
    """Close whole positions in descending order of score, as far as their bearers' room goes, until Q is met.

    Unless `partial_close`, the last one is closed whole too, so that more than Q may be closed. Ranks are within the
    demand, 1 is closed first; demands that cost nothing are closed in proportion to contracts, rank 0.
    """
    ranks = queue_ranks(problem, score_classes(problem, parameters.score))
    lots = free_lots(problem)
    turns = _Turns(problem, lots)
    for demand, rows, room in turns:
        order = np.argsort(ranks[rows])
        left = problem.demands[demand].lots
        closed = np.zeros(len(rows), np.int64)
        for place, most in zip(order.tolist(), room[order].tolist(), strict=True):
            if left <= 0:
                break
            closed[place] = min(most, left) if parameters.partial_close else most
            left -= most
        turns.close(demand, rows, closed)
    return Closing(lots, rank=ranks, method="closed-form", libraries=("numpy",))


class _Turns:
    """The demands that cost something in their order, with their arcs and the room of each in whole lots."""

    def __init__(self, problem: ClosureProblem, lots: Int64) -> None:
        self._problem, self._lots = problem, lots
        self._gaps, scale = problem.common_gaps
        # What each bearer may still be charged, in units over the gaps' denominator: exact.
        self._room = problem.wealth.cap_units.astype(object) * scale

    def __iter__(self) -> Iterator[tuple[int, Int64, Int64]]:
        arcs, free = self._problem.arcs, self._problem.free
        order = np.argsort(arcs.demand, kind="stable")
        bounds = np.searchsorted(arcs.demand[order], np.arange(len(free) + 1))
        for demand in np.flatnonzero(~free).tolist():
            rows = order[bounds[demand] : bounds[demand + 1]]
            affordable = self._room[arcs.bearer[rows]] // self._gaps[demand]
            yield demand, rows, np.minimum(arcs.lots[rows], affordable).astype(np.int64)

    def close(self, demand: int, rows: Int64, closed: Int64) -> None:
        """Enter what was closed for a demand; a bearer has one arc a demand at most."""
        self._lots[rows] = closed
        self._room[self._problem.arcs.bearer[rows]] -= closed.astype(object) * self._gaps[demand]
