"""Exact arithmetic on amounts, and how they are written. Amounts are decimals of the settlement currency."""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal

from app.loaders.cells import EXACT

ZERO = Decimal(0)
CENT = Decimal("0.01")
PRECISION = 6
"""Decimals of an amount in whole units and in the CSV, as the service's."""

_RATIO = Context(prec=12, rounding=ROUND_HALF_EVEN)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum: no digit is dropped."""
    result = ZERO
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def less(amount: Decimal, other: Decimal) -> Decimal:
    """The exact difference."""
    return EXACT.subtract(amount, other)


def ratio(part: Decimal, whole: Decimal | None) -> Decimal | None:
    """To 12 digits; None where there is no whole."""
    return _RATIO.divide(part, whole) if whole else None


def of_units(units: int) -> Decimal:
    """Whole units of 10^-6 as an amount."""
    return EXACT.scaleb(Decimal(units), -PRECISION)


def plain(amount: Decimal, decimals: int = PRECISION) -> str:
    """Without separators, rounded once, for files."""
    rounded = amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN, EXACT)
    return f"{rounded if rounded else abs(rounded):f}"


def money(amount: Decimal) -> str:
    """To the cent with separators, for readers: 15,079,669.61."""
    return f"{Decimal(plain(amount, 2)):,}"


def percent(fraction: Decimal) -> str:
    """A fraction in percent, four decimals."""
    return f"{Decimal(plain(EXACT.multiply(fraction, Decimal(100)), 4)):,} %"
