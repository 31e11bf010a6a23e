"""The detailed table, one row a forced close, to waves and their books.

A wave lasts while no more than five seconds pass between two closes. The book of a wave has its accounts:

    cash      account_value_realtime of the account's first row of the wave
    pnl       closed_pnl of its rows in the wave, added up
    notional  adl_notional of them, added up

docs/october-10.md says what these columns hold.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from app.loaders import cells, tables, waves
from app.loaders.report import LoadError, Report
from app.replay import exact
from app.replay.event import Closes

NEEDED = ("user", "coin", "time", "adl_notional", "closed_pnl", "account_value_realtime")


class Close(NamedTuple):
    """One forced close."""

    at: int
    user: str
    coin: str
    time: Decimal
    notional: Decimal
    pnl: Decimal
    cash: str


class Burst(NamedTuple):
    """The closes of a wave, in the order of time."""

    closes: Sequence[Close]

    @property
    def start(self) -> Decimal:
        return self.closes[0].time

    @property
    def end(self) -> Decimal:
        return self.closes[-1].time

    def counted(self) -> Closes:
        return Closes(
            len(self.closes),
            len({close.user for close in self.closes}),
            len({close.coin for close in self.closes}),
            exact.total(close.notional for close in self.closes),
            exact.total(close.pnl for close in self.closes if close.pnl > 0),
            exact.total(close.pnl.copy_negate() for close in self.closes if close.pnl < 0),
        )

    def columns(self) -> dict[str, list[str]]:
        """The book, in columns, accounts in the order of their first close."""
        accounts: dict[str, list[Close]] = {}
        for close in self.closes:
            accounts.setdefault(close.user, []).append(close)
        return {
            "id": [*accounts],
            "cash": [closes[0].cash for closes in accounts.values()],
            "pnl": [cells.written(exact.total(close.pnl for close in closes)) for closes in accounts.values()],
            "notional": [
                cells.written(exact.total(close.notional for close in closes)) for closes in accounts.values()
            ],
        }


def read(report: Report) -> list[Burst]:
    """All waves, in the order of time. Rows that cannot be used go to the report; without any other, LoadError."""
    closes: list[Close] = []
    for at, row in tables.rows(NEEDED, report):
        try:
            closes.append(_close(at, row))
        except cells.CellError as exc:
            report.leave_out(at, row[0].strip() or None, exc.column, exc.reason)
    if not closes:
        raise LoadError(f"{report.path} has no usable row")
    report.finish(list(dict.fromkeys(close.user for close in closes)), "many")
    closes.sort(key=lambda close: (close.time, close.at))
    bursts: list[list[Close]] = []
    for close in closes:
        if not bursts or close.time - bursts[-1][-1].time > waves.PAUSE:
            bursts.append([])
        bursts[-1].append(close)
    return [Burst(burst) for burst in bursts]


def _close(at: int, row: tuple[str, ...]) -> Close:
    return Close(
        at,
        cells.name("user", row[0]),
        cells.name("coin", row[1]),
        Decimal(cells.not_negative("time", row[2])),
        Decimal(cells.not_negative("adl_notional", row[3])),
        Decimal(cells.amount("closed_pnl", row[4])),
        cells.amount("account_value_realtime", row[5]),
    )
