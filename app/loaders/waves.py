"""The detailed table's closes as waves: bursts of forced closes with a pause of more than five seconds between them."""

from collections.abc import Sequence
from decimal import Context, Decimal
from typing import NamedTuple

from app.loaders import cells, tables
from app.loaders.report import Report

NEEDED = (
    "user", "coin", "time", "adl_price", "adl_size", "position_size", "entry_price", "account_value_realtime",
)  # fmt: skip
PAUSE = 5_000
"""Milliseconds. A wave lasts while no longer pause lies between two closes (the rule of the published waves)."""
DIGITS = Context(prec=15)
"""Sizes of more digits carry the noise of doubles, as 0.30000000000000004 does."""


class Close(NamedTuple):
    """One forced close. `size` contracts were closed of the signed `position` that was held before it."""

    at: int
    user: str
    coin: str
    time: Decimal
    price: Decimal
    size: Decimal
    position: Decimal
    entry_price: Decimal
    cash: str

    @property
    def order(self) -> tuple[Decimal, Decimal, int]:
        """Within a coin closes shrink a position, so at one time the larger one is the earlier."""
        return self.time, -abs(self.position), self.at


Wave = Sequence[Close]


def read(report: Report) -> list[Wave]:
    """All waves of a table, each in the order of time."""
    closes: list[Close] = []
    rounded = 0
    for at, row in tables.rows(NEEDED, report):
        try:
            close = _close(at, row)
        except cells.CellError as exc:
            report.leave_out(at, row[0].strip() or None, exc.column, exc.reason)
            continue
        kept = close._replace(size=DIGITS.plus(close.size), position=DIGITS.plus(close.position))
        rounded += kept != close
        closes.append(kept)
    if rounded:
        report.counts["rows with sizes of more than 15 digits, rounded to 15"] = rounded
    report.finish(list(dict.fromkeys(close.user for close in closes)), "many")
    waves: list[list[Close]] = []
    for close in sorted(closes, key=lambda one: one.order):
        if not waves or close.time - waves[-1][-1].time > PAUSE:
            waves.append([])
        waves[-1].append(close)
    return [*waves]


def described(wave: Wave) -> str:
    """For the list that a user chooses from."""
    coins, users = {close.coin for close in wave}, {close.user for close in wave}
    times = f"{cells.written(wave[0].time)} to {cells.written(wave[-1].time)}"
    return f"{times}, closes {len(wave)}, coins {len(coins)}, accounts {len(users)}"


def _close(at: int, row: tuple[str, ...]) -> Close:
    position, size = Decimal(cells.number("position_size", row[5])), Decimal(cells.not_negative("adl_size", row[4]))
    price, entry_price = cells.price("adl_price", row[3]), cells.price("entry_price", row[6])
    named = {"position_size": position, "adl_size": size, "adl_price": price, "entry_price": entry_price}
    for column, value in named.items():
        if not value:
            raise cells.CellError(column, "is zero")
    if size > position.copy_abs():  # abs() rounds
        raise cells.CellError("adl_size", f"is more than position_size: {row[4].strip()} of {row[5].strip()}")
    user, coin = cells.name("user", row[0]), cells.name("coin", row[1])
    cash = cells.amount("account_value_realtime", row[7])
    return Close(at, user, coin, Decimal(cells.number("time", row[2])), price, size, position, entry_price, cash)
