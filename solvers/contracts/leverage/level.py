"""Closed forms: one market side without a law of moves, and with one factor (MODEL 4; arXiv 2603.15963).

What is left of a position follows one level: the most levered are drained first, down to the leverage of the next.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from solvers.contracts.levels import level
from solvers.contracts.leverage.gaussian import slope
from solvers.contracts.leverage.sums import sums
from solvers.contracts.problem import ClosureProblem
from solvers.money import Float64, Int64
from solvers.rounding import shares


@dataclass(frozen=True)
class Levelled:
    """Closed lots of each arc, real-valued and whole, and the leverage q' p / e that is left to those inside bounds."""

    closed: Float64
    lots: Int64
    level: Fraction


def levelled(problem: ClosureProblem) -> Levelled:
    """q_i' = min(q_i, L max(e_i, 0) / p), L from sum (q_i - q_i') = Q; equity held at its value before.

    For a problem with a single demand. Exact in integers; where closing costs something, no further than a cap allows:
    q_i' is never below q_i - floor(cap_i / g). All that can be closed is, where that is not Q. Whole lots: floored,
    the rest to the largest fractions of what is left, ties by account id.
    """
    arcs, demand = problem.arcs, problem.demands[0]
    held: list[int] = arcs.lots.tolist()
    room = _room(problem)
    equity: list[int] = problem.account_equity_units[problem.positions.account[arcs.position]].tolist()
    least, amount = [q - r for q, r in zip(held, room, strict=True)], sum(held) - min(demand.lots, sum(room))
    worth = problem.markets.lots[demand.market] * problem.markets.marks[demand.market] * 10**problem.accounts.precision
    tau = _level(least, held, equity, amount)
    n, d = tau.numerator, tau.denominator
    left = np.array([min(max(low * d, n * e), q * d) for low, q, e in zip(least, held, equity, strict=True)], object)
    inside = np.array([low * d < n * e < q * d for low, q, e in zip(least, held, equity, strict=True)], np.bool_)
    whole: Any = left // d
    some = np.flatnonzero(inside)
    if some.size:
        rates: Any = np.array([equity[row] for row in some.tolist()], dtype=object)
        rest = amount - sum(whole[~inside].tolist())
        accounts = problem.positions.account[arcs.position[some]]
        whole[some] = shares(rates, rest, sum(rates.tolist()), problem.accounts.ids, accounts)
    closed = np.array([float(Fraction(q * d - y, d)) for q, y in zip(held, left.tolist(), strict=True)])
    return Levelled(closed, arcs.lots - whole.astype(np.int64), tau * worth)


def _room(problem: ClosureProblem) -> list[int]:
    """The most whole lots of each arc, within its position and its bearer's cap."""
    arcs, gap = problem.arcs, problem.gaps[0]
    if not gap:
        return list(map(int, arcs.lots))
    caps = problem.wealth.cap_units[arcs.bearer].tolist()
    return [min(lots, int(cap // gap)) for lots, cap in zip(arcs.lots.tolist(), caps, strict=True)]


def _level(least: list[int], most: list[int], rates: list[int], amount: int) -> Fraction:
    """The smallest t with sum clip(t rate, least, most) = amount: bisection over breakpoints, then one division."""
    pairs = [(bound, rate) for bounds in (least, most) for bound, rate in zip(bounds, rates, strict=True) if rate > 0]
    pairs.sort(key=lambda pair: pair[0] / pair[1])
    breaks = sorted(Fraction(*pair) for pair in pairs)

    def above(t: Fraction) -> tuple[int, int]:
        """(amount at t less the one wanted, times the denominator; sum of the rates inside)"""
        n, d = t.numerator, t.denominator
        taken = inside = 0
        for low, high, rate in zip(least, most, rates, strict=True):
            at = n * rate
            taken += min(max(at, low * d), high * d)
            inside += rate if low * d <= at < high * d else 0
        return taken - amount * d, inside

    low, high = -1, len(breaks) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if above(breaks[middle])[0] >= 0 else (middle, high)
    if low < 0:
        return breaks[0] if breaks else Fraction(0)
    lacking, inside = above(breaks[low])
    return breaks[low] - Fraction(lacking, breaks[low].denominator * inside)


@dataclass(frozen=True)
class OneFactor:
    """Closed lots of each arc, real-valued; the signed level of v'y / e; the shadow price in currency a lot."""

    closed: Float64
    level: float
    price: float


def one_factor(problem: ClosureProblem, factor: Float64) -> OneFactor | None:
    """Water-filling in v'(q_i - x_i) / e_i, for a problem with a single demand and moves along one factor v.

    factor    M, moves of prices, signed

    With N_i the exposure v'q_i of the whole account in the direction of the side that is closed, and b that of one lot,
    b k_i = N_i - clip(t e_i, N_i - b room_i, N_i). Accounts with N_i below t e_i, which are hedged by what they hold
    elsewhere, keep their hedge; where that does not do, t falls below zero, and all take as much risk for their equity.
    None where a lot has no exposure, so that everything is a tie, and where nobody can be closed.
    """
    arcs, demand = problem.arcs, problem.demands[0]
    moves = factor * np.array([float(size) for size in problem.markets.lots])
    b = float(abs(moves[demand.market]))
    if b == 0 or not len(arcs.lots):
        return None
    direction = -demand.side * float(np.sign(moves[demand.market]))
    owner = problem.positions.account[arcs.position]
    exposure = problem.lots * moves[problem.positions.market] * direction
    net = sums(problem.positions.account, exposure, len(problem.accounts.ids))[owner]
    equity = problem.account_equity_units[owner] / 10.0**problem.accounts.precision
    room = arcs.lots.astype(np.float64)
    if problem.gaps[0]:
        room = np.minimum(room, problem.wealth.cap_units[arcs.bearer] / problem.gap_floats[0])
    amount = float(net.sum()) - b * min(float(demand.lots), float(room.sum()))
    t = level(equity, net - b * room, net, amount)
    closed = (net - np.clip(t * equity, net - b * room, net)) / b
    steepness = slope(np.ones(1), np.array([abs(t)]))
    return OneFactor(closed, t, float(steepness[0]) * b * (1.0 if t >= 0 else -1.0))
