"""Requests of contract space to closing problems."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from app import __version__
from app.convert import encode
from app.convert.accounts import book_of, problem_errors
from app.convert.requests import (
    Asked,
    Chosen,
    Made,
    allocation_made,
    choice,
    validated,
)
from app.convert.shocks import factors_of, retention_of, shock_of
from app.convert.sound import Sound, labels, moment, update
from app.convert.tables import Fields, Table
from app.problems import Error, Faults, invalid, pointer
from app.schemas import closures as wire
from app.schemas.snapshot import Moment
from app.settings import Settings
from solvers import money
from solvers.contracts.book import Liquidations, Markets, Positions
from solvers.contracts.fills import Fills
from solvers.contracts.problem import Accounts, ClosureProblem
from solvers.contracts.registry import CLOSING_POLICIES, ClosingPolicy
from solvers.errors import ProblemError
from solvers.money import Int64, Numbers
from solvers.problem import Shortfall
from solvers.queue import Score

MARKETS = Fields(
    wire.MARKET_REQUIRED, tuple(wire.MarketRow.model_fields), wire.MARKET_DEFAULTS, account="", what="markets"
)
ACCOUNTS = Fields(wire.ACCOUNT_REQUIRED, tuple(wire.ClosureAccountRow.model_fields), wire.ACCOUNT_DEFAULTS)
POSITIONS = Fields(wire.POSITION_REQUIRED, tuple(wire.PositionRow.model_fields), account="account", what="positions")
LIQUIDATIONS = Fields(
    wire.LIQUIDATION_REQUIRED, tuple(wire.LiquidationRow.model_fields), account="account", what="liquidations"
)
CLOSURES = Fields(wire.CLOSURE_REQUIRED, tuple(wire.MadeClosureRow.model_fields), account="account", what="closures")

LONGEST_LOT = 30
"""Significant digits of a lot size: quantities of fewer than 2^53 lots are then texts that requests may have."""


@dataclass(frozen=True)
class ClosureAsked(Sound):
    """A sound request of contract space: its tables, by their names in errors of solvers, and the problem."""

    request: wire.BankruptRequest
    tables: Mapping[str, Table]
    problem: ClosureProblem

    @property
    def options(self) -> wire.ClosureOptions:
        return self.request.options

    @property
    def snapshot(self) -> Moment:
        return self.request.snapshot

    @property
    def accounts(self) -> int:
        return len(self.problem.accounts.ids)

    @cached_property
    def _hash(self) -> "hashlib._Hash":
        problem, tables = self.problem, self.tables
        markets, accounts, positions, left = problem.markets, problem.accounts, problem.positions, problem.liquidations
        head = (
            __version__,
            [table.columnar for table in tables.values()],
            *moment(self.request.snapshot),
            {**asdict(problem.shortfall), "severity": str(problem.shortfall.severity)},
            self.options.model_dump(exclude={"time_limit"}),
        )
        names = (accounts.ids, markets.symbols, tables["liquidations"].column("account"))
        digest = hashlib.sha256(encode.dump((head, labels(tables["accounts"]), names)))
        places = (positions.account, positions.market, left.market)
        update(digest, accounts.cash_units, accounts.min_equity_units, *places)
        update(digest, **accounts.columns, max_haircut=accounts.max_haircut)
        for part in (markets, positions, left):
            update(digest, **{name: column for name, column in vars(part).items() if isinstance(column, Numbers)})
        return digest

    def errors(self, exc: ProblemError, policy: tuple[str | int, ...] = ("policy",)) -> list[Error]:
        """Pointers for what a problem refused; `policy`: where it stands."""
        return closing_errors(exc, self.tables, self.options.margin, policy)


def closing_errors(
    exc: ProblemError, tables: Mapping[str, Table], margin: str, policy: tuple[str | int, ...] = ("policy",)
) -> list[Error]:
    """Solvers name a table before its fields; fields without one are those of bearers, or stand beside the tables."""
    name, _, field = exc.field.rpartition(".")
    if name:
        return problem_errors(_renamed(exc, field), tables[name], policy)
    if field in ("pnl", "notional") and exc.faults:  # these follow from the positions
        table = tables["accounts" if margin == "cross" else "positions"]
        return [(table.row_pointer(row), f"its {field}: {why}", table.account(row)) for row, why in exc.faults.items()]
    if field in ("pnl", "notional"):
        return [(pointer(tables["positions"].at), f"{field}: {exc.detail}", None)]
    return problem_errors(exc, tables["accounts"], policy)


def _renamed(exc: ProblemError, field: str) -> ProblemError:
    return ProblemError(field, exc.detail, exc.faults, exc.total)


def closure_of(body: dict[str, Any], settings: Settings) -> tuple[ClosureAsked, Chosen[ClosingPolicy]]:
    request = validated(body, wire.ClosureRequest)
    found = _asked(request, settings)
    return found, choice(request.policy, ("policy",), CLOSING_POLICIES, wire.CLOSING_MODELS)


@dataclass(frozen=True)
class MadeClosures:
    """Closes that somebody made, as they came and as fills, and the score of the queue they were to keep."""

    table: Table
    fills: Fills
    score: Score | None

    def digest(self) -> list[Any]:
        """What identifies them."""
        numbers = (self.fills.quantity, self.fills.price)
        names = [self.table.columns[name] for name in ("account", "market")]
        return [*names, *(hashlib.sha256(column.canonical()).hexdigest() for column in numbers), self.score]


def verification_of(body: dict[str, Any], settings: Settings) -> tuple[Asked | ClosureAsked, Made | MadeClosures]:
    """A verification of an allocation or, where anything of contract space is in it, of closures."""
    if "closures" not in body and "liquidations" not in body:
        return allocation_made(body, settings)
    request = validated(body, wire.ClosureVerificationRequest)
    found = _asked(request, settings)
    table = Table.read(("closures",), request.closures, CLOSURES, settings.max_positions)
    reader = _Reader({"closures": table})
    reader.names("account", "market", table="closures")
    quantity, price = (reader.numbers("closures", name) for name in ("quantity", "price"))
    reader.faults.refuse()
    accounts, markets = _places(found.problem.accounts.ids), _places(found.problem.markets.symbols)
    rows = (_found(table.columns["account"], accounts), _found(table.columns["market"], markets))
    try:
        made = MadeClosures(table, Fills(*rows, quantity, price), request.score)
    except ProblemError as exc:
        raise invalid(closing_errors(exc, reader.tables, request.options.margin), exc.total) from exc
    return replace(found, tables={**found.tables, **reader.tables}), made


def _asked(request: wire.BankruptRequest, settings: Settings) -> ClosureAsked:
    """Check everything but the policy; raises RequestProblem."""
    snapshot, options = request.snapshot, request.options
    precision = snapshot.precision
    tables = {
        "markets": Table.read(("snapshot", "markets"), snapshot.markets, MARKETS, settings.max_markets),
        "accounts": Table.read(("snapshot", "accounts"), snapshot.accounts, ACCOUNTS, settings.max_accounts),
        "positions": Table.read(("snapshot", "positions"), snapshot.positions, POSITIONS, settings.max_positions),
        "liquidations": Table.read(("liquidations",), request.liquidations, LIQUIDATIONS, settings.max_positions),
    }
    held = None if "exposure" in tables["accounts"].columns else len(tables["positions"])
    shock = shock_of(options.shock, len(tables["accounts"]), settings.max_scenario_losses, held)
    retention = retention_of(options.retention)
    book = book_of(tables["accounts"], precision, factors_of(shock))
    columns = {name: column for name, column in book.columns.items() if name in ("fees", "score")}
    accounts = Accounts(
        list(book.ids), book.cash_units, book.max_haircut, book.min_equity_units, columns, precision, book.exposure,
        None if book.groups is None else list(book.groups),
    )  # fmt: skip
    reader = _Reader(tables)
    try:
        markets, positions, liquidations = reader.read(accounts.ids)
        shortfall = _shortfall(request.shortfall, precision)
        problem = ClosureProblem(
            markets, accounts, positions, liquidations, shortfall, options.margin, options.numeraire, shock, retention
        )
        _ = problem.wealth.cap_units, problem.arcs
    except ProblemError as exc:
        raise invalid(closing_errors(exc, tables, options.margin), exc.total) from exc
    return ClosureAsked(request, tables, problem)


def _shortfall(wanted: wire.ClosureShortfall, precision: int) -> Shortfall:
    def units(name: str) -> int | None:
        value = getattr(wanted, name)
        return None if value is None else money.units(value, precision, name, up=True)

    return Shortfall(
        largest_units=units("largest"),
        insurance_fund_units=money.units(wanted.insurance_fund, precision, "insurance_fund"),
        severity=money.fraction(wanted.severity),
        needed_units=units("needed"),
    )


class _Reader:
    """Reads tables column by column; the elements at fault in all of them are collected first."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.tables = tables
        self.faults = Faults()

    def names(self, *fields: str, table: str, optional: bool = False) -> None:
        for field in fields:
            self.faults.add(self.tables[table].text_errors(field, optional=optional))

    def numbers(self, table: str, field: str, *, optional: bool = False) -> Numbers:
        """A column; where it is at fault, one that nobody will use."""
        values, name = self.tables[table].column(field), f"{table}.{field}"
        try:
            return Numbers.parse(name, values, optional=optional)
        except ProblemError as exc:
            self.faults.add(self.tables[table].errors(field, exc.faults.items()), exc.total)
            return Numbers.constant(name, 1, len(values))

    def read(self, ids: list[str]) -> tuple[Markets, Positions, Liquidations]:
        """Everything beside the accounts, whose ids these are."""
        tables = self.tables
        self.names("symbol", table="markets")
        self.names("account", "market", table="positions")
        self.names("market", table="liquidations")
        self.names("account", table="liquidations", optional=True)
        mark_price, lot_size, rate = (
            self.numbers("markets", name) for name in ("mark_price", "lot_size", "maintenance_margin_rate")
        )
        tick_size = self.numbers("markets", "tick_size", optional=True)
        quantity, entry_price = (self.numbers("positions", name) for name in ("quantity", "entry_price"))
        amount = self.numbers("liquidations", "quantity")
        price = self.numbers("liquidations", "price", optional=True)
        self.faults.refuse()
        symbols = tables["markets"].columns["symbol"]
        markets = Markets(symbols, mark_price, lot_size, tick_size, rate)
        self._check_digits(lot_size)
        by_id, by_symbol = _places(ids), _places(symbols)
        holders = self._known("positions", "account", by_id, "is not an account of the snapshot")
        places = self._known("positions", "market", by_symbol, "is not a market of the snapshot")
        left = self._known("liquidations", "market", by_symbol, "is not a market of the snapshot")
        self.faults.refuse()
        bankrupt = _found(tables["liquidations"].column("account"), by_id)
        return (
            markets,
            Positions(holders, places, quantity, entry_price),
            Liquidations(bankrupt, left, amount, price),
        )

    def _known(self, table: str, field: str, places: Mapping[str, int], why: str) -> Int64:
        """The rows that a column of names stands for; names without one are at fault."""
        found = _found(self.tables[table].columns[field], places)
        self.faults.add(self.tables[table].errors(field, ((row, why) for row in np.flatnonzero(found < 0).tolist())))
        return found

    def _check_digits(self, lot_size: Numbers) -> None:
        digits = (len(money.canonical(value or 0).partition("E")[0].replace(".", "")) for value in lot_size.raw)
        why = f"may have at most {LONGEST_LOT} significant digits"
        long = ((row, why) for row, count in enumerate(digits) if count > LONGEST_LOT)
        self.faults.add(self.tables["markets"].errors("lot_size", long))


def _places(names: Any) -> dict[str, int]:
    return {name: row for row, name in enumerate(names)}


def _found(names: list[str | None], places: Mapping[str, int]) -> Int64:
    """The place of each name, -1 where it has none."""
    return np.array([-1 if name is None else places.get(name, -1) for name in names], np.int64)
