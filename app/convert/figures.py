"""Figures of an answer: money as decimal strings, ratios to 12 significant digits, never a NaN."""

from fractions import Fraction
from math import isfinite

import numpy as np

from solvers.errors import SolverFailed
from solvers.money import Float64

SHOWN = 18
"""Digits of prices that end nowhere."""

LONGEST = 60
"""Decimals of more characters are written with an exponent: requests take 64."""


def money(units: int, precision: int) -> str:
    """Whole units as a decimal string."""
    digits = str(abs(units)).zfill(precision + 1)
    sign = "-" if units < 0 else ""
    return sign + (f"{digits[:-precision]}.{digits[-precision:]}" if precision else digits)


def rounded(amount: float, precision: int) -> str:
    """Dollars that came as a double, as money, to the nearest unit."""
    return money(round(Fraction(amount) * 10**precision), precision)


def ratio(value: float | Fraction | None) -> float | None:
    """12 significant digits, None beyond the doubles; what is not finite is a failure of ours, and does not leave."""
    if value is None:
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    if number == 0 and value != 0:
        return None
    if not isfinite(number):
        raise SolverFailed("a diagnostic came out as not finite")
    return float(f"{number:.12g}") + 0.0  # minus zero becomes zero


def residual(value: float | None) -> float | None:
    """A gap or residual, relative or per unit of currency, to 12 decimals.

    What lies below is rounding of the machine's own arithmetic, which differs between processors; answers do not.
    """
    return ratio(None if value is None else round(value, 12))


def floored(value: Fraction) -> float:
    """A ratio from 0 to 1 to 12 significant digits, rounded down: what is told to be within reach is, sent back too."""
    digits = 12 + len(str(value.denominator)) - len(str(value.numerator))
    whole = int(value * 10**digits)
    if whole >= 10**12:
        whole, digits = whole // 10, digits - 1
    return float(f"{whole}e{-digits}")


def ratios(values: Float64) -> Float64:
    """A column of ratios from 0 to 1 to 12 significant digits, as `ratio` has them."""
    with np.errstate(divide="ignore"):
        decimals = 11 - np.floor(np.log10(values))
    # Powers of ten are exact up to 22; where the 13th digit is near a half, or far down, digits decide.
    scale = 10.0 ** np.minimum(decimals, 22)
    scaled = values * scale
    rounded: Float64 = np.rint(scaled) / scale
    doubtful = (np.abs(scaled - np.floor(scaled) - 0.5) < 1e-3) | (decimals > 22)
    for i in np.flatnonzero(doubtful & (values > 0)).tolist():
        rounded[i] = float(f"{values[i]:.12g}")
    return rounded


def decimal(integer: int, decimals: int) -> str:
    """`integer` / 10^decimals in plain digits without zeros at the end, with an exponent where that would be long."""
    digits = str(abs(integer)).zfill(decimals + 1)
    whole, part = (digits[:-decimals], digits[-decimals:].rstrip("0")) if decimals else (digits, "")
    sign = "-" if integer < 0 else ""
    plain = f"{sign}{whole}.{part}" if part else sign + whole
    if len(plain) <= LONGEST:
        return plain
    significant = str(abs(integer)).rstrip("0")
    exponent = len(str(abs(integer))) - 1 - decimals
    return f"{sign}{significant[0]}.{significant[1:] or 0}e{exponent}"


def price(value: Fraction, decimals: int = 0) -> str:
    """Exactly where it has at most 18 decimals, else to 18 significant digits, or to `decimals` where that is more."""
    exact = value * 10**SHOWN
    if exact.denominator == 1:
        return decimal(exact.numerator, SHOWN)
    power = len(str(abs(value.numerator))) - len(str(value.denominator))
    if abs(value) < Fraction(10) ** power:
        power -= 1
    places = max(SHOWN - 1 - power, decimals, 0)
    return decimal(round(value * 10**places), places)
