"""A closing problem in another order of its rows: it is the same problem, but for the last digits of sums."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

from solvers.contracts.book import Liquidations, Markets, Positions
from solvers.contracts.problem import Accounts, ClosureProblem
from solvers.money import Int64, Numbers
from solvers.robustness.laws import Scenarios

_Table = TypeVar("_Table", Markets, Accounts, Positions, Liquidations)


def ordered(problem: ClosureProblem) -> tuple[ClosureProblem, Int64]:
    """By account ids and symbols, and the order of the markets; arcs and demands stand where they stood. Made once.

    What sums doubles over accounts, positions or markets says the same to the last digit then, however rows came.
    """
    kept = problem.wealth.remembered
    if ordered not in kept:
        kept[ordered] = _ordered(problem)
    found: tuple[ClosureProblem, Int64] = kept[ordered]
    return found


def _ordered(problem: ClosureProblem) -> tuple[ClosureProblem, Int64]:
    markets, accounts = _sorted(problem.markets.symbols), _sorted(problem.accounts.ids)
    place, column = np.argsort(accounts), np.argsort(markets)
    rows = np.lexsort((column[problem.positions.market], place[problem.positions.account]))
    return rearranged(problem, markets, accounts, rows, np.arange(len(problem.liquidations))), markets


def rearranged(
    problem: ClosureProblem, markets: Int64, accounts: Int64, positions: Int64, liquidations: Int64
) -> ClosureProblem:
    """Each table's rows in this order, permutations all of them."""
    to_market, to_account = np.argsort(markets), np.append(np.argsort(accounts), -1)
    held, left, shock = _taken(problem.positions, positions), _taken(problem.liquidations, liquidations), problem.shock
    if isinstance(shock, Scenarios) and shock.moves.shape[1] == len(markets):
        shock = replace(shock, moves=shock.moves[:, markets])
    return replace(
        problem,
        markets=_taken(problem.markets, markets),
        accounts=_taken(problem.accounts, accounts),
        positions=replace(held, account=to_account[held.account], market=to_market[held.market]),
        liquidations=replace(left, account=to_account[left.account], market=to_market[left.market]),
        shock=shock,
    )


def _taken(table: _Table, rows: Int64) -> _Table:
    """The rows of all columns."""
    return replace(table, **{item.name: _rows(getattr(table, item.name), rows) for item in fields(table)})


def _rows(column: Any, rows: Int64) -> Any:
    match column:
        case Numbers():
            missing = None if column.missing is None else column.missing[rows]
            return replace(column, raw=_rows(column.raw, rows), floats=column.floats[rows], missing=missing)
        case dict():
            return {name: _rows(one, rows) for name, one in column.items()}
        case np.ndarray():
            return column[rows]
        case list() | tuple():
            return [column[row] for row in rows.tolist()]
    return column  # precision, and what is not given


def _sorted(names: Sequence[str]) -> Int64:
    return np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)
