"""The closing problem: which contracts of which accounts may be closed, what a lot of them costs, and who bears it.

    k_im in [0, |q_im|] whole lots,   sum_i k_im = Q_m,   x_i = sum_m g_m k_im <= cap_i

for every side of every market that bankrupt accounts leave open (a demand). Source: arXiv 2512.01112, section 6.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import Any, Literal

import numpy as np

from solvers.contracts.book import Liquidations, Markets, Positions, common, gains
from solvers.errors import ProblemError
from solvers.money import Bool, Float64, Int64, Numbers, check_sums
from solvers.problem import Book, HaircutProblem, Numeraire, Shortfall
from solvers.revenue.retention import Retention
from solvers.robustness.laws import Scenarios, Shock

Margin = Literal["cross", "isolated"]


@dataclass(frozen=True)
class Demand:
    """One side of one market to be closed.

    side   +1 where the bankrupt were long, so that shorts are closed; -1 the other way
    lots   Q, how many lots
    gap    g, units of currency (10^-precision) a lot that the bankrupt leave unpaid, pooled, before fund and severity
    rows   the liquidations it is made of
    """

    market: int
    side: int
    lots: int
    gap: Fraction
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Accounts:
    """N accounts: what wealth space needs of them but profit and notional, which follow from the positions."""

    ids: list[str]
    cash_units: Int64
    max_haircut: Numbers
    min_equity_units: Int64
    columns: dict[str, Numbers]
    precision: int = 6
    exposure: Float64 | None = None
    groups: list[str | None] | None = None


@dataclass(frozen=True)
class Arcs:
    """Where a bearer can be closed for a demand: A pairs, in the order of ids, then of symbols.

    position, bearer, demand   rows of the positions, of `ClosureProblem.wealth.book` and of the demands
    lots                       |q|, the most that can be closed
    """

    position: Int64
    bearer: Int64
    demand: Int64
    lots: Int64


@dataclass(frozen=True)
class ClosureProblem:
    """A snapshot of markets, accounts and positions, and what bankrupt accounts left.

    Bearers pay for closes: accounts in cross margin (endowment: net profit, MODEL 1), single positions in isolated
    margin (endowment: the position's own profit, `min_equity` and numeraire `equity` refused). `wealth` is the
    haircut problem of the bearers, its deficit the gross need sum g Q. A shock of scenarios with a move for each market
    needs no exposures, since positions say them; `wealth`, which knows no positions, has it where accounts give some.
    Refused: what `Markets`, `Positions` and `Liquidations` refuse, a gain where a gap should be, and a liquidation
    beyond what its account holds.
    """

    markets: Markets
    accounts: Accounts
    positions: Positions
    liquidations: Liquidations
    shortfall: Shortfall = field(default_factory=Shortfall)
    margin: Margin = "cross"
    numeraire: Numeraire = "pnl"
    shock: Shock | None = None
    retention: Retention | None = None

    def __post_init__(self) -> None:
        self.markets.check_ticks("liquidations.price", self.liquidations.price, self.liquidations.market)
        if self.margin == "isolated":
            if self.accounts.min_equity_units.any():
                rows = np.flatnonzero(self.accounts.min_equity_units).tolist()
                raise ProblemError("min_equity", "is for cross margin; isolated positions have no equity here", rows)
            if self.numeraire == "equity":
                raise ProblemError("numeraire", "must be pnl with isolated margin")
            if self.shock is not None or self.retention is not None:
                raise ProblemError("margin", "must be cross where a shock or a retention is given")
        if isinstance(self.shock, Scenarios) and self.accounts.exposure is None and not self._told_by_positions:
            raise ProblemError("moves", f"must be rows of {self.markets.shape}; or accounts give their exposure")
        if isinstance(self.shock, Scenarios) and self._told_by_positions and bool((self.shock.moves < -1).any()):
            raise ProblemError("moves", "must be -1 or more: 0.1 is a move of 10 %, and no price falls below zero")
        if not isinstance(self.shortfall.severity, Fraction):
            raise ProblemError("severity", "must be a number: rules set the severity of allocations only")
        _ = self.demands, self.wealth

    @cached_property
    def lots(self) -> Int64:
        """Signed lots of each position."""
        found = self.markets.whole_lots("positions.quantity", self.positions.quantity, self.positions.market)
        check_sums("positions.quantity", found)
        return found

    @cached_property
    def _gains(self) -> tuple[Any, int]:
        return gains(self.lots, self.markets, self.positions)

    def floored_units(self, numerators: Any, denominator: int, precision: int | None = None) -> Int64:
        """Amounts of currency as whole units, rounded towards minus infinity; refused at 2^63 and above."""
        digits = self.accounts.precision if precision is None else precision
        found: Any = numerators * 10**digits // denominator
        large = np.flatnonzero(np.abs(found) >= 2**63)
        if large.size:
            raise ProblemError("positions.quantity", "its profit is too large for exact arithmetic", large.tolist())
        return found.astype(np.int64)  # type: ignore[no-any-return]

    @cached_property
    def position_pnl_units(self) -> Int64:
        """Unrealised profit of each position."""
        return self.floored_units(*self._gains)

    @cached_property
    def account_pnl_units(self) -> Int64:
        """Net unrealised profit of each account, rounded once."""
        numerators, denominator = self._gains
        sums = np.zeros(len(self.accounts.ids), dtype=object)
        np.add.at(sums, self.positions.account, numerators)
        found: Any = sums * 10**self.accounts.precision // denominator
        large = np.flatnonzero(np.abs(found) >= 2**63)
        if large.size:
            raise ProblemError("cash", "the account's profit is too large for exact arithmetic", large.tolist())
        return found.astype(np.int64)  # type: ignore[no-any-return]

    @cached_property
    def account_equity_units(self) -> Int64:
        """cash + net profit of each account, in either kind of margin."""
        return self.accounts.cash_units + self.account_pnl_units

    @cached_property
    def position_notional(self) -> Float64:
        """|q| p in currency."""
        sizes_and_marks = zip(self.markets.lots, self.markets.marks, strict=True)
        values = np.array([float(size * mark) for size, mark in sizes_and_marks])
        found: Float64 = np.abs(self.lots) * values[self.positions.market]
        return found

    @cached_property
    def account_notional(self) -> Float64:
        """sum |q| p in currency."""
        return np.bincount(self.positions.account, self.position_notional, len(self.accounts.ids)).astype(np.float64)

    @cached_property
    def bearer(self) -> Int64:
        """The bearer of each position: a row of `wealth.book`."""
        return self.positions.account if self.margin == "cross" else np.arange(len(self.positions))

    @cached_property
    def wealth(self) -> HaircutProblem:
        """The haircut problem of the bearers, for caps, budget and the diagnostics of wealth space."""
        gross = sum((demand.gap * demand.lots for demand in self.demands), Fraction(0))
        if gross >= 2**63:
            raise ProblemError("liquidations.quantity", "the need is too large for exact arithmetic")
        shortfall = Shortfall(
            ceil(gross),
            self.shortfall.largest_units,
            self.shortfall.insurance_fund_units,
            self.shortfall.severity,
            self.shortfall.needed_units,
        )
        shock = None if self._told_by_positions else self.shock
        return HaircutProblem(self._book(), shortfall, self.numeraire, shock=shock, retention=self.retention)

    @property
    def _told_by_positions(self) -> bool:
        """Whether the shock moves markets, and no account says what else it is exposed to."""
        moves = self.shock.moves.shape[1] if isinstance(self.shock, Scenarios) else 0
        return moves == len(self.markets) and self.accounts.exposure is None

    def _book(self) -> Book:
        accounts, rows = self.accounts, self.positions.account
        if self.margin == "cross":
            columns = {**accounts.columns, "notional": _column("notional", self.account_notional)}
            return Book(
                accounts.ids, accounts.cash_units, self.account_pnl_units, accounts.max_haircut,
                accounts.min_equity_units, columns, accounts.precision, accounts.exposure, accounts.groups,
            )  # fmt: skip
        caps = [accounts.max_haircut.raw[row] for row in rows.tolist()]
        nothing = np.zeros(len(rows), np.int64)
        symbols = [self.markets.symbols[place] for place in self.positions.market.tolist()]
        return Book(
            [_pair(accounts.ids[row], symbol) for row, symbol in zip(rows.tolist(), symbols, strict=True)],
            nothing, self.position_pnl_units, Numbers.parse("max_haircut", caps), nothing,
            {"notional": _column("notional", self.position_notional)}, accounts.precision,
        )  # fmt: skip

    @cached_property
    def demands(self) -> tuple[Demand, ...]:
        """Liquidations pooled by market and side, in the order of symbols: Q = sum Q_l, g = sum g_l Q_l / Q."""
        left, markets = self.liquidations, self.markets
        lots = markets.whole_lots("liquidations.quantity", left.quantity, left.market).tolist()
        self._check_held(lots)
        pooled: dict[tuple[str, int], list[int]] = defaultdict(list)
        gaps = self._gaps(lots)
        for row, amount in enumerate(lots):
            pooled[markets.symbols[int(left.market[row])], 1 if amount > 0 else -1].append(row)
        demands = []
        for (_, side), rows in sorted(pooled.items()):
            whole = sum(abs(lots[row]) for row in rows)
            gap = sum((gaps[row] * abs(lots[row]) for row in rows), Fraction(0)) / whole
            demands.append(Demand(int(left.market[rows[0]]), side, whole, gap, tuple(rows)))
        return tuple(demands)

    def _check_held(self, lots: list[int]) -> None:
        """A liquidation of an account of the snapshot is of a position it holds, and all of them of no more."""
        left, rows = self.liquidations, self.positions
        pairs = zip(rows.account.tolist(), rows.market.tolist(), strict=True)
        held = dict(zip(pairs, self.lots.tolist(), strict=True))
        beyond = []
        for row, pair in enumerate(zip(left.account.tolist(), left.market.tolist(), strict=True)):
            if pair[0] < 0:
                continue
            rest = held.get(pair, 0)
            if rest * lots[row] <= 0 or abs(lots[row]) > abs(rest):
                beyond.append(row)
            held[pair] = rest - lots[row]
        if beyond:
            raise ProblemError("liquidations.quantity", "is more than the account holds on that side", beyond)

    def _gaps(self, lots: list[int]) -> list[Fraction]:
        """Units a lot of each liquidation: s (b - p), or for an account without a price its share of -e by notional.

        By notional: -e |q_m| p_m / N over the |q_m| contracts is -e p_m / N a contract, with N = sum |q| p of all that
        the account holds.
        """
        left, markets, unit = self.liquidations, self.markets, 10**self.accounts.precision
        missing = np.zeros(len(left), np.bool_) if left.price.missing is None else left.price.missing
        gaps, gains_at, solvent = [], [], []
        held = self._exact_notional(set(left.account[missing].tolist())) if missing.any() else {}
        for row, place in enumerate(left.market.tolist()):
            if missing[row]:
                account = int(left.account[row])
                owed = -int(self.account_equity_units[account])
                if owed < 0:
                    solvent.append(row)
                gap = markets.marks[place] * owed / held[account] * markets.lots[place]
            else:
                side = 1 if lots[row] > 0 else -1
                price = Fraction(str(left.price.raw[row]))
                gap = side * (price - markets.marks[place]) * markets.lots[place] * unit
                if gap < 0:
                    gains_at.append(row)
            gaps.append(gap)
        if solvent:
            raise ProblemError("liquidations.price", "is needed: the account has no negative equity to spread", solvent)
        if gains_at:
            raise ProblemError(
                "liquidations.price",
                "is a gain at the mark price, not a gap: a bankrupt long's price lies at or above the mark, a short's "
                "at or below",
                gains_at,
            )
        return gaps

    def _exact_notional(self, accounts: set[int]) -> dict[int, Fraction]:
        """sum |q| p of some accounts, in currency, exactly."""
        found: dict[int, Fraction] = defaultdict(Fraction)
        for row in np.flatnonzero(np.isin(self.positions.account, list(accounts))).tolist():
            place = int(self.positions.market[row])
            value = abs(int(self.lots[row])) * self.markets.lots[place] * self.markets.marks[place]
            found[int(self.positions.account[row])] += value
        return found

    @cached_property
    def gaps(self) -> list[Fraction]:
        """Units a lot of each demand after fund and severity: g B / sum g Q, so that all closes cost B exactly."""
        gross = sum((demand.gap * demand.lots for demand in self.demands), Fraction(0))
        scale = self.wealth.budget_units / gross if gross else Fraction(0)
        return [demand.gap * scale for demand in self.demands]

    def price(self, demand: int) -> Fraction:
        """What a contract is closed at: the mark, and the scaled gap on the side of the bankrupt."""
        found, unit = self.demands[demand], 10**self.accounts.precision
        place = found.market
        gap: Fraction = found.side * self.gaps[demand] / self.markets.lots[place] / unit
        return self.markets.marks[place] + gap

    @cached_property
    def free(self) -> Bool:
        """Demands whose closing costs nothing."""
        return np.array([gap == 0 for gap in self.gaps])

    @cached_property
    def opposite(self) -> Arcs:
        """Every position on the side a demand needs, of whoever holds it."""
        needed = np.full((len(self.markets), 2), -1)
        for place, demand in enumerate(self.demands):
            needed[demand.market, int(demand.side < 0)] = place
        account, market = self.positions.account, self.positions.market
        places = needed[market, (self.lots > 0).astype(np.int64)]
        rows = np.flatnonzero(places >= 0)
        order = (
            _ranks(self.accounts.ids)[account[rows]] * len(self.markets) + _ranks(self.markets.symbols)[market[rows]]
        )
        rows = rows[np.argsort(order)]
        return Arcs(rows, self.bearer[rows], places[rows], np.abs(self.lots[rows]))

    @cached_property
    def arcs(self) -> Arcs:
        """Those that may be closed: of bearers with a cap above zero, or where closing is free of equity above zero."""
        found = self.opposite
        solvent = self.account_equity_units[self.positions.account[found.position]] > 0
        allowed = np.where(self.free[found.demand], solvent, self.wealth.cap_units[found.bearer] > 0)
        if allowed.all():
            return found
        return Arcs(*(getattr(found, name)[allowed] for name in ("position", "bearer", "demand", "lots")))

    @cached_property
    def arcs_of(self) -> list[Int64]:
        """Rows of `arcs` of each demand."""
        demand = self.arcs.demand
        ends = np.cumsum(np.bincount(demand, minlength=len(self.demands)))
        return np.split(np.argsort(demand, kind="stable"), ends[:-1])

    @cached_property
    def gap_floats(self) -> Float64:
        """`gaps` as doubles."""
        return np.array([float(gap) for gap in self.gaps])

    @cached_property
    def common_gaps(self) -> tuple[Any, int]:
        """`gaps` as integers over one denominator."""
        return common(self.gaps)


def _ranks(names: Sequence[str]) -> Int64:
    """The place of each name in their order; names are unique."""
    found = np.empty(len(names), np.int64)
    found[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return found


def _column(name: str, values: Float64) -> Numbers:
    return Numbers(name, values.tolist(), values, kinds=frozenset({float}))


def _pair(account: str, symbol: str) -> str:
    """One text for the two, different for different ones, in the order of accounts, then symbols."""
    return account.replace("\0", "\0\1") + "\0\0" + symbol
