"""The production baseline: rank the winners by a score and take everything up to the cap in that order.

Scores are ratios of exact integers, and are compared as such: winners of equal score are a tie, and ties go by
account id. Symbols: u = pnl, N = notional, E = equity, W = cash, MM = maintenance_margin, N0 = entry_notional,
NB = bankruptcy_notional, p/p0 = price_ratio. Only winners need the columns of their score.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Any, Literal

import numpy as np

from solvers.allocation import Allocation
from solvers.errors import ProblemError
from solvers.money import Ids, Int64, Integers
from solvers.problem import HaircutProblem, once

Score = Literal[
    "bitmex",
    "binance",
    "aevo",
    "hyperliquid-published",
    "hyperliquid-observed",
    "whitebit",
    "pnl-leverage",
    "size",
    "pnl",
    "custom",
]
Ratio = tuple[int, int]
"""Numerator and denominator >= 0; a denominator of 0 is infinity with the numerator's sign."""

LIGHTS = 5
"""Quantile lights: 4 marks the fifth of the winners that is closed first, 0 the last."""


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Parameters of `queue`."""

    score: Score = "pnl"


def queue(problem: HaircutProblem, parameters: Queue) -> Allocation:
    """Close winners in descending order of score until the budget is met, each up to its cap."""
    problem.require_reachable()
    order = closing_order(problem, parameters.score)
    rank = np.zeros(len(problem.book), dtype=np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    return Allocation(take_in_order(problem, order), rank=rank)


@once
def closing_order(problem: HaircutProblem, score: Score = "pnl") -> Int64:
    """Positions of the winners, the first to be closed first."""
    winners = problem.winners
    if score == "pnl":
        keys: Integers = problem.book.pnl_units[winners]
    else:
        keys = score_keys(score, _Winners(problem, score))
    return winners[_descending(keys, problem.book.id_array[winners])]


def take_in_order(problem: HaircutProblem, order: Int64) -> Int64:
    """Seized units when winners are taken whole, up to their caps, in the given order."""
    caps = problem.cap_units[order]
    before = np.cumsum(caps) - caps
    seized = np.zeros(len(problem.book), dtype=np.int64)
    seized[order] = np.clip(problem.amount_units - before, 0, caps)
    return seized


def lights(rank: Int64) -> Int64:
    """The quantile light of each ranked account, from its rank 1 to k."""
    return LIGHTS - 1 - LIGHTS * (rank - 1) // max(int(rank.max(initial=0)), 1)


class Figures(ABC):
    """What is ranked, one figure a column, in exact integers. p/p0 is the quotient of the columns `price_ratio`."""

    price_ratio: tuple[str, str]

    def rows(self, *names: str, positive: str | None = None) -> tuple[int, Iterator[Any]]:
        """One currency unit on a common scale, and the columns side by side on that scale."""
        columns = [self.exact(name) for name in names]
        common = lcm(*(scale for _, scale in columns))
        if positive is not None:
            self.refuse(positive, "must be positive", columns[names.index(positive)][0] <= 0)
        integers = [[value * (common // scale) for value in column.tolist()] for column, scale in columns]
        return common, zip(*integers, strict=True)

    @abstractmethod
    def exact(self, name: str) -> tuple[Integers, int]:
        """(integers, scale): the column is exactly `integers / scale`."""

    @abstractmethod
    def refuse(self, name: str, why: str, at: Sequence[bool] | np.ndarray) -> None:
        """Refuse the column where it cannot be used."""


class _Winners(Figures):
    """The winners' columns, refused by name where a score lacks one."""

    price_ratio = "price_ratio", "one"

    def __init__(self, problem: HaircutProblem, score: Score) -> None:
        self._problem = problem
        self._score = score
        self._own = {
            "pnl": problem.book.pnl_units,
            "equity": problem.book.equity_units,
            "cash": problem.book.cash_units,
            "one": np.full(len(problem.book), 10**problem.book.precision),
        }

    def exact(self, name: str) -> tuple[Integers, int]:
        winners = self._problem.winners
        if name in self._own:
            return self._own[name][winners], 10**self._problem.book.precision
        if name not in self._problem.book.columns:
            self.refuse(name, "is missing", np.ones(len(winners), dtype=np.bool_))
            return np.zeros(0, dtype=np.int64), 1
        numbers = self._problem.book.columns[name]
        if numbers.missing is not None:
            self.refuse(name, "is missing", numbers.missing[winners])
        integers, decimals = numbers.exact
        return integers[winners], 10**decimals

    def refuse(self, name: str, why: str, at: Sequence[bool] | np.ndarray) -> None:
        rows = self._problem.winners[np.asarray(at, dtype=np.bool_)].tolist()
        if rows:
            raise ProblemError(name, f"{why}: score {self._score} needs it for every winner", rows)


def score_keys(score: Score, figures: Figures) -> Integers:
    """Integers in the order of the scores of all that is ranked, equal where the scores are."""
    return _exact_keys(_RATIOS[score](figures))


def _bitmex(figures: Figures) -> Iterator[Ratio]:
    """P L if P > 0, else P / L, with P = u / N0 and L = N / |N - NB| (infinite where N = NB)."""
    _, rows = figures.rows("pnl", "notional", "entry_notional", "bankruptcy_notional", positive="entry_notional")
    for u, notional, entry, bankruptcy in rows:
        distance = abs(notional - bankruptcy)
        if u > 0:
            yield u * notional if distance else 1, entry * distance
        else:
            yield (u * distance, entry * notional) if u and distance else (0, 1)


def _binance(figures: Figures) -> Iterator[Ratio]:
    """max(0, u) / max(1, W) * MM / (W + u), 0 where W + u <= 0. Aevo's is the same: it is 0 where u <= 0."""
    one, rows = figures.rows("pnl", "cash", "maintenance_margin")
    for u, cash, margin in rows:
        yield (max(u, 0) * margin, max(one, cash) * (cash + u)) if cash + u > 0 else (0, 1)


def _hyperliquid_published(figures: Figures) -> Iterator[Ratio]:
    """(p / p0) (N / E)."""
    _, rows = figures.rows(*figures.price_ratio, "notional", "equity")
    for mark, entry, notional, equity in rows:
        yield mark * notional, entry * equity


def _hyperliquid_observed(figures: Figures) -> Iterator[Ratio]:
    """max(N / E, 1e-8) max(max(u, 0) / N0, 1e-8)."""
    _, rows = figures.rows("pnl", "notional", "equity", "entry_notional", positive="entry_notional")
    for u, notional, equity, entry in rows:
        leverage = (notional, equity) if notional * 10**8 >= equity else (1, 10**8)
        profit = (u, entry) if u * 10**8 >= entry else (1, 10**8)
        yield leverage[0] * profit[0], leverage[1] * profit[1]


def _whitebit(figures: Figures) -> Iterator[Ratio]:
    """u / E."""
    _, rows = figures.rows("pnl", "equity")
    yield from rows


def _pnl_leverage(figures: Figures) -> Iterator[Ratio]:
    """(u / N0) (N / E)."""
    _, rows = figures.rows("pnl", "entry_notional", "notional", "equity", positive="entry_notional")
    for u, entry, notional, equity in rows:
        yield u * notional, entry * equity


def _plain(column: str) -> Callable[[Figures], Iterator[Ratio]]:
    """The column itself."""

    def ratios(figures: Figures) -> Iterator[Ratio]:
        _, rows = figures.rows(column)
        for (value,) in rows:
            yield value, 1

    return ratios


_RATIOS: dict[Score, Callable[[Figures], Iterator[Ratio]]] = {
    "bitmex": _bitmex,
    "binance": _binance,
    "aevo": _binance,
    "hyperliquid-published": _hyperliquid_published,
    "hyperliquid-observed": _hyperliquid_observed,
    "whitebit": _whitebit,
    "pnl-leverage": _pnl_leverage,
    "size": _plain("notional"),
    "pnl": _plain("pnl"),
    "custom": _plain("score"),
}


def _exact_keys(ratios: Iterable[Ratio]) -> Integers:
    """Integers in the order of the ratios, equal where the ratios are.

    a/b and c/d that differ do so by at least 1/(b d), so floors on a grid twice finer tell them apart.
    """
    pairs = list(ratios)
    shift = 2 * max((den.bit_length() for _, den in pairs), default=0) + 1
    finite = [(num << shift) // den for num, den in pairs if den]
    beyond = 1 + max(map(abs, finite), default=0)
    values = iter(finite)
    keys = np.empty(len(pairs), dtype=object)
    keys[:] = [next(values) if den else (beyond if num > 0 else -beyond) for num, den in pairs]
    return keys


def _descending(keys: Integers, ids: Ids) -> Int64:
    """Positions by descending key, ties by id."""
    order = np.argsort(keys)[::-1]
    ordered = keys[order]
    again = ordered[1:] == ordered[:-1]
    tie = np.zeros(len(keys), dtype=np.bool_)
    tie[1:] |= again
    tie[:-1] |= again
    tied = order[tie].tolist()
    if not tied:
        return order
    places = np.zeros(len(keys), dtype=np.int64)
    places[sorted(tied, key=ids.__getitem__)] = np.arange(len(tied))
    # The rank of each key among the different ones, and within it the place by id.
    ranks = np.empty_like(places)
    ranks[order] = np.append(0, np.cumsum(~again))
    return np.argsort(ranks * len(keys) + places)
