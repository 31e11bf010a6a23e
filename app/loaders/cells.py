"""Cells of a table to what the service takes: numbers stay the decimal strings they are."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from math import isfinite

from app.schemas.snapshot import MAX_ID
from solvers import money

LARGEST_AMOUNT = 2**63 / 10**6
"""The service's limit for cash and pnl: 2^63 units of its default precision."""
LARGEST_NUMBER, SMALLEST_NUMBER, SMALLEST_PRICE = 1e25, Decimal("1e-60"), Decimal("1e-25")
"""Beyond any size or price, and such that products, sums and ratios stay in the service's range."""
EXACT = Context(prec=2_000)
"""Holds every product and sum of cells that passed their checks."""
WRITTEN = Context(prec=50, Emin=-300, Emax=300, rounding=ROUND_HALF_EVEN)
"""The service takes decimal strings of up to 64 characters. Products of two doubles have 34 digits."""


class CellError(Exception):
    """A cell that cannot be used: its column, and why."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(column, reason)
        self.column = column
        self.reason = reason


def name(column: str, cell: str) -> str:
    """A user or a coin."""
    cell = cell.strip()
    if not cell:
        raise CellError(column, "is empty")
    if len(cell) > MAX_ID:
        raise CellError(column, f"has more than {MAX_ID} characters")
    return cell


def number(column: str, cell: str, largest: float = LARGEST_NUMBER) -> str:
    """A finite decimal, as it is written."""
    cell = cell.strip()
    if not cell:
        raise CellError(column, "is empty")
    fault = money.fault(cell)
    if fault is not None:
        reason = "too large" if fault.startswith("too large") else fault if _finite(cell) else "not finite"
        raise CellError(column, f"is {reason}: {cell[:40]!r}")
    if not abs(float(cell)) < largest:
        raise CellError(column, f"is too large: {cell[:40]!r}")
    return cell


def amount(column: str, cell: str) -> str:
    """Money, within what the service can hold."""
    return number(column, cell, LARGEST_AMOUNT)


def not_negative(column: str, cell: str) -> str:
    cell = number(column, cell)
    if float(cell) < 0:
        raise CellError(column, f"is negative: {cell[:40]!r}")
    if 0 < Decimal(cell) < SMALLEST_NUMBER:
        raise CellError(column, f"is too small: {cell[:40]!r}")
    return cell


def price(column: str, cell: str) -> Decimal:
    """A price, which may be zero."""
    value = Decimal(not_negative(column, cell))
    if value and value < SMALLEST_PRICE:
        raise CellError(column, f"is too small: {cell[:40]!r}")
    return value


def written(value: Decimal) -> str:
    """A decimal string without trailing zeros, with an exponent only where it would be too long without."""
    shortest = WRITTEN.normalize(value)
    plain = f"{shortest:f}"
    return plain if len(plain) <= 64 else str(shortest)


def _finite(cell: str) -> bool:
    """False for the ways to write NaN and infinity; other words are not numbers at all."""
    try:
        return isfinite(float(cell))
    except ValueError:
        return True
