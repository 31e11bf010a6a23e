"""Markets, positions and liquidations: what a venue sends before it closes contracts, in exact integers.

Source: arXiv 2512.01112, section 6 (wealth space against contract space). Prices and lot sizes are exact fractions in
currency, quantities whole lots; a quantity off its market's lot grid is refused. Errors name a field as
`positions.quantity` and rows of that table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any

import numpy as np

from solvers.errors import ProblemError
from solvers.money import Int64, Integers, Numbers, fraction
from solvers.problem import repeated

MOST_LOTS = 2**53
"""Quantities have fewer lots than this, so that doubles hold them exactly."""


@dataclass(frozen=True)
class Markets:
    """M markets.

    symbols      M distinct strings
    mark_price   currency a contract, above zero
    lot_size     contracts a lot, above zero
    tick_size    grid of mark and liquidation prices, missing where none is kept
    maintenance_margin_rate   share of notional, not negative
    """

    symbols: Sequence[str]
    mark_price: Numbers
    lot_size: Numbers
    tick_size: Numbers
    maintenance_margin_rate: Numbers

    def __post_init__(self) -> None:
        if not self.symbols:
            raise ProblemError("markets", "a snapshot needs at least one market")
        again = repeated(self.symbols)
        if again:
            raise ProblemError("markets.symbol", "must be unique", again)
        for name in ("mark_price", "lot_size", "tick_size"):
            column: Numbers = getattr(self, name)
            given = np.ones(len(self), np.bool_) if column.missing is None else ~column.missing
            _refuse(f"markets.{name}", "must be above zero", given & (column.floats <= 0))
            column.check_range()
        _refuse("markets.maintenance_margin_rate", "must not be negative", self.maintenance_margin_rate.floats < 0)
        self.check_ticks("markets.mark_price", self.mark_price, np.arange(len(self)))

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def shape(self) -> str:
        """For messages: what a row of numbers, one a market, has to be."""
        more = ", ..." if len(self) > 3 else ""
        return f"{len(self)} numbers, in the order of the markets: {', '.join(self.symbols[:3])}{more}"

    @cached_property
    def marks(self) -> list[Fraction]:
        """Currency a contract."""
        return [fraction(value or 0) for value in self.mark_price.raw]

    @cached_property
    def lots(self) -> list[Fraction]:
        """Contracts a lot."""
        return [fraction(value or 0) for value in self.lot_size.raw]

    def check_ticks(self, field: str, prices: Numbers, market: Int64) -> None:
        """Refuse prices off the tick grid of their market, where it keeps one."""
        off = []
        for row, (price, place) in enumerate(zip(prices.raw, market.tolist(), strict=True)):
            tick = self.tick_size.raw[place]
            if price is not None and tick is not None and (fraction(price) / fraction(tick)).denominator > 1:
                off.append(row)
        if off:
            raise ProblemError(field, "is not a multiple of the market's tick_size", off)

    def whole_lots(self, field: str, quantity: Numbers, market: Int64) -> Int64:
        """Signed quantities in lots of their markets; refused where they are off the grid, zero or too many."""
        integers, decimals = quantity.exact
        sizes = np.array(self.lots, dtype=object)
        scaled = [size * 10**decimals for size in sizes.tolist()]
        numerators = np.array([size.numerator for size in scaled], dtype=object)[market]
        denominators = np.array([size.denominator for size in scaled], dtype=object)[market]
        exact: Any = integers.astype(object) * denominators
        lots: Any = exact // numerators
        _refuse(field, "must not be zero", exact == 0)
        _refuse(field, "is not a whole number of lots of its market", lots * numerators != exact)
        _refuse(field, f"must be fewer than 2^53 lots of its market ({MOST_LOTS})", np.abs(lots) >= MOST_LOTS)
        return lots.astype(np.int64)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Positions:
    """P positions, at most one for an account in a market. Longs are positive.

    account, market   rows of the accounts and the markets
    quantity          contracts, signed
    entry_price       currency a contract, above zero
    """

    account: Int64
    market: Int64
    quantity: Numbers
    entry_price: Numbers

    def __post_init__(self) -> None:
        again = repeated([f"{a} {m}" for a, m in zip(self.account.tolist(), self.market.tolist(), strict=True)])
        if again:
            raise ProblemError("positions.market", "the account has a position in this market already", again)
        _refuse("positions.entry_price", "must be above zero", self.entry_price.floats <= 0)
        self.quantity.check_range()
        self.entry_price.check_range()

    def __len__(self) -> int:
        return len(self.account)


@dataclass(frozen=True)
class Liquidations:
    """What bankrupt accounts leave: L rows.

    account    row of the accounts, -1 where none is named or it is not in the snapshot
    market     row of the markets
    quantity   contracts, signed as the bankrupt held them
    price      the bankruptcy price the position is taken over at; missing: from the account's negative equity
    """

    account: Int64
    market: Int64
    quantity: Numbers
    price: Numbers

    def __post_init__(self) -> None:
        if not len(self):
            raise ProblemError("liquidations", "there must be at least one")
        self.quantity.check_range()
        missing = np.zeros(len(self), np.bool_) if self.price.missing is None else self.price.missing
        _refuse("liquidations.price", "must be above zero", ~missing & (self.price.floats <= 0))
        nobody = missing & (self.account < 0)
        _refuse("liquidations.price", "is needed where no account of the snapshot is named", nobody)
        self.price.check_range()

    def __len__(self) -> int:
        return len(self.account)


def gains(lots: Int64, markets: Markets, positions: Positions) -> tuple[Any, int]:
    """(numerators, denominator): each position's profit at the mark in currency, exactly."""
    entries, decimals = positions.entry_price.exact
    entry: Integers = entries.astype(object)
    sizes, marks = common(markets.lots), common([mark * 10**decimals for mark in markets.marks])
    steps = marks[0][positions.market] - entry * marks[1]
    return lots.astype(object) * sizes[0][positions.market] * steps, sizes[1] * marks[1] * 10**decimals


def common(fractions: list[Fraction]) -> tuple[Any, int]:
    """Numerators over one denominator, as Python integers."""
    denominator = lcm(*(one.denominator for one in fractions))
    numerators = np.empty(len(fractions), dtype=object)
    numerators[:] = [int(one * denominator) for one in fractions]
    return numerators, denominator


def _refuse(field: str, why: str, at: Any) -> None:
    rows = np.flatnonzero(at)
    if rows.size:
        raise ProblemError(field, why, rows.tolist())
