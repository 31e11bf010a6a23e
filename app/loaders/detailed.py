"""The detailed HyperReplay table: one row a forced close, with the account as it stood before it.

An account is put together from the first row of each of its coins, which holds the position before the event:

    notional       sum over coins of |position_size| * adl_price
    entry_notional sum over coins of |position_size| * entry_price
    price_ratio    notional / entry_notional, null where nothing was paid for the positions
    contracts      |position_size|, only when one coin is selected: contracts of different coins do not add up

Cash is account_value_realtime and pnl total_unrealized_pnl of the account's own first row. docs/loading.md says what
these two hold in the published table, and when to prefer the sum over coins of position_unrealized_pnl.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import Literal, NamedTuple

from app.loaders import cells, tables
from app.loaders.by_user import Columns
from app.loaders.report import LoadError, Report

PnlSource = Literal["account", "positions"]
PNL_COLUMNS: dict[PnlSource, str] = {"account": "total_unrealized_pnl", "positions": "position_unrealized_pnl"}
NEEDED = ("user", "coin", "time", "position_size", "adl_price", "entry_price", "account_value_realtime")

RATIO = Context(prec=17)


@dataclass(frozen=True)
class Choice:
    """Which rows, and which profit."""

    coin: str | None = None
    pnl: PnlSource = "account"


class Close(NamedTuple):
    """One forced close. `size` is the position before it, without its sign."""

    at: int
    time: Decimal
    size: Decimal
    price: Decimal
    entry_price: Decimal
    cash: str
    pnl: str

    @property
    def order(self) -> tuple[Decimal, Decimal, int]:
        """Within a coin a position only shrinks, so at one time the larger one is the earlier."""
        return self.time, -self.size, self.at


def load(report: Report, choice: Choice = Choice()) -> Columns:
    """Columns of accounts, in the order in which they first appear."""
    accounts: dict[str, dict[str, Close]] = {}
    later = other_coins = 0
    pnl_column = PNL_COLUMNS[choice.pnl]
    for at, row in tables.rows((*NEEDED, pnl_column), report):
        try:
            user, coin = cells.name("user", row[0]), cells.name("coin", row[1])
            if choice.coin not in (None, coin):
                other_coins += 1
                continue
            close = _close(at, row, pnl_column)
        except cells.CellError as exc:
            report.leave_out(at, row[0].strip() or None, exc.column, exc.reason)
            continue
        firsts = accounts.setdefault(user, {})
        if coin in firsts:
            later += 1
            close = min(firsts[coin], close, key=lambda one: one.order)
        firsts[coin] = close
    if report.rows and other_coins == report.rows:
        raise LoadError(f"{report.path} has no row of the coin {choice.coin}")
    report.finish(list(accounts), "many")
    report.counts["later closes of a coin, not needed"] = later
    if choice.coin is None:
        report.counts["accounts closed in several coins"] = sum(len(firsts) > 1 for firsts in accounts.values())
    else:
        report.counts["rows of other coins, not selected"] = other_coins
    return _columns(accounts, choice)


def _close(at: int, row: tuple[str, ...], pnl_column: str) -> Close:
    size, price = Decimal(cells.number("position_size", row[3])), cells.price("adl_price", row[4])
    for column, value in (("position_size", size), ("adl_price", price)):
        if not value:
            raise cells.CellError(column, "is zero")
    return Close(
        at,
        Decimal(cells.number("time", row[2])),
        abs(size),
        price,
        cells.price("entry_price", row[5]),
        cells.amount("account_value_realtime", row[6]),
        cells.amount(pnl_column, row[7]),
    )


def _columns(accounts: dict[str, dict[str, Close]], choice: Choice) -> Columns:
    books = [list(firsts.values()) for firsts in accounts.values()]
    # Across coins only the table's own order says which of several closes at one time came first.
    opening = [min(closes, key=lambda one: (one.time, one.at)) for closes in books]
    with localcontext(cells.EXACT):
        notionals = [_sum(one.size * one.price for one in closes) for closes in books]
        entries = [_sum(one.size * one.entry_price for one in closes) for closes in books]
        columns: Columns = {
            "id": [*accounts],
            "cash": [one.cash for one in opening],
            "pnl": [one.pnl for one in opening]
            if choice.pnl == "account"
            else [cells.written(_sum(Decimal(one.pnl) for one in closes)) for closes in books],
            "notional": [cells.written(notional) for notional in notionals],
            "entry_notional": [cells.written(entry) if entry else None for entry in entries],
            "price_ratio": [
                cells.written(RATIO.divide(notional, entry)) if entry else None
                for notional, entry in zip(notionals, entries, strict=True)
            ],
        }
        if choice.coin is not None:
            columns["contracts"] = [cells.written(_sum(one.size for one in closes)) for closes in books]
    return columns


def _sum(parts: Iterable[Decimal]) -> Decimal:
    return sum(parts, Decimal(0))
