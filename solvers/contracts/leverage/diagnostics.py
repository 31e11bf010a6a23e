"""What a closing does to leverage, to hedges and to the venue's expected shortfall (MODEL 4 and 9)."""

from dataclasses import dataclass
from math import fsum

import numpy as np

from solvers.contracts.leverage.covariance import leading
from solvers.contracts.leverage.exposures import of_lots
from solvers.contracts.leverage.marginal import left_over, marginal
from solvers.contracts.leverage.sums import ratio, sums
from solvers.contracts.problem import ClosureProblem
from solvers.money import Bool, Float64, Int64

_LEVEL = 1e-9
"""Relative rise of a deviation that is rounding."""


@dataclass(frozen=True)
class Leverage:
    """One an account, in the order of the problem's; 0 where equity is not above zero.

    equity       in currency, 0 where it is not above zero
    effective    gross notional over equity;  factor: |v'y| over equity, v the leading factor, None without moves
    """

    equity: Float64
    effective: Float64
    factor: Float64 | None


@dataclass(frozen=True)
class Draining:
    """Before and after closing some lots. Equity is held at its value before.

    shortfall    the venue's expected shortfall over solvent accounts, in currency; None without moves
    hedged       rows of accounts with a position that may be closed and that lowers their deviation as it stands
    broken       those of them whose deviation is higher after than before; the other hedges are kept
    """

    before: Leverage
    after: Leverage
    shortfall_before: float | None
    shortfall_after: float | None
    hedged: Int64
    broken: Int64


def draining(problem: ClosureProblem, closed: Float64 | Int64, covariance: Float64 | None = None) -> Draining:
    """Leverage before and after `closed` lots of each arc; hedges and shortfalls with a covariance of prices, M x M."""
    nothing, closed = np.zeros(len(problem.arcs.lots)), closed.astype(np.float64)
    none = np.zeros(0, np.int64)
    if covariance is None:
        was_alone, now_alone = _leverage(problem, nothing, None), _leverage(problem, closed, None)
        return Draining(was_alone, now_alone, None, None, none, none)
    S, factor = of_lots(problem, covariance), leading(covariance, 1)[:, 0]
    was, now = marginal(problem, S, nothing), marginal(problem, S, closed)
    solvent = problem.account_equity_units > 0
    owner = problem.positions.account[problem.arcs.position]
    hedged = np.unique(owner[_raises(problem, S, nothing)])
    risen = now.deviation[hedged] > was.deviation[hedged] * (1 + _LEVEL)
    return Draining(
        _leverage(problem, nothing, factor),
        _leverage(problem, closed, factor),
        fsum(was.shortfall[solvent].tolist()),
        fsum(now.shortfall[solvent].tolist()),
        hedged,
        hedged[risen],
    )


def _raises(problem: ClosureProblem, S: Float64, closed: Float64) -> Bool:
    """Arcs whose closing would raise the deviation of their account."""
    at, rows = problem.arcs.position, problem.positions
    left = left_over(problem, closed)
    accounts = np.unique(rows.account[at])
    place = np.full(len(problem.accounts.ids), -1)
    place[accounts] = np.arange(len(accounts))
    held = np.flatnonzero(place[rows.account] >= 0)
    order = held[np.argsort(place[rows.account[held]], kind="stable")]
    counts = np.bincount(place[rows.account[order]], minlength=len(accounts))
    first = np.cumsum(counts) - counts
    toward, size = np.zeros(len(at)), np.zeros(len(at))
    own = left[at] ** 2 * S.diagonal()[rows.market[at]]
    mine = place[rows.account[at]]
    for turn in range(int(counts.max(initial=0))):
        some = np.flatnonzero(turn < counts[mine])
        other = order[first[mine[some]] + turn]
        part = left[at[some]] * S[rows.market[at[some]], rows.market[other]] * left[other]
        toward[some] += part
        size[some] += np.abs(part)
    return (toward <= _LEVEL * size) & (own > 0)


def _leverage(problem: ClosureProblem, closed: Float64, factor: Float64 | None) -> Leverage:
    symbols, rows = problem.markets.symbols, problem.positions
    place = np.argsort(sorted(range(len(symbols)), key=symbols.__getitem__))
    order = np.lexsort((place[rows.market], rows.account))  # so that sums do not depend on the order of rows
    left, owner, market = left_over(problem, closed)[order], rows.account[order], rows.market[order]
    sizes = np.array([float(size) for size in problem.markets.lots])
    marks = np.array([float(mark) for mark in problem.markets.marks])
    equity = np.maximum(problem.account_equity_units, 0) / 10.0**problem.accounts.precision

    def over_equity(amounts: Float64) -> Float64:
        return ratio(sums(owner, amounts, len(equity)), equity)

    gross = over_equity(np.abs(left) * (sizes * marks)[market])
    return Leverage(equity, gross, None if factor is None else np.abs(over_equity(left * (sizes * factor)[market])))
