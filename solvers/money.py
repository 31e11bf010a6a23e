"""Decimal numbers to whole units and to exact integers, without losing a digit.

A number arrives as a JSON number (an int or a float, meaning its shortest decimal form) or as a decimal
string. Columns are converted in bulk where a float proves the answer, and through `decimal` where it does not.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from functools import cached_property
from itertools import islice

import numpy as np
import numpy.typing as npt

from solvers.errors import ProblemError

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64] | npt.NDArray[np.object_]
Ids = Sequence[str] | npt.NDArray[np.object_]

UNIT_LIMIT = 2**63
EXACT_DIGITS = 15
"""Every decimal of at most 15 significant digits survives the way to a double and back."""

_DECIMAL = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_CONTEXT = Context(prec=2_000, Emax=MAX_EMAX, Emin=MIN_EMIN)
_MAX_STRING = 64
_PLAIN = 28
"""Digits that Python's own arithmetic keeps."""

_NORMAL = 1e-290
_RANGE = 1e-60, 1e60


def fault(value: object) -> str | None:
    """Why `value` is not a number we take, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return "must be a number or a decimal string"
    if isinstance(value, str):
        if len(value) > _MAX_STRING:
            return f"a decimal string may have at most {_MAX_STRING} characters"
        if not _DECIMAL.fullmatch(value):
            return "not a decimal number"
        return "too large for exact arithmetic" if math.isinf(float(value)) else None
    if isinstance(value, int):
        return None if abs(value) < 10**308 else "too large for exact arithmetic"
    return None if math.isfinite(value) else "must be finite"


def fraction(value: int | float | str) -> Fraction:
    """The exact value of one number in its shortest decimal form."""
    return Fraction(_decimal(value))


def canonical(value: int | float | str) -> str:
    """The same text for the same value, however it was written."""
    shortest = _decimal(value).normalize(_CONTEXT)
    return str(shortest if len(shortest.as_tuple().digits) > _PLAIN else shortest + 0)


def beyond(value: float) -> str | None:
    """Why products and quotients of `value` may leave the doubles, or None: 0 or magnitudes from 1e-60 to 1e60 stay."""
    if value == 0 or _RANGE[0] <= abs(value) <= _RANGE[1]:
        return None
    return f"too {'small' if abs(value) < _RANGE[0] else 'large'} for exact arithmetic: from 1e-60 to 1e60"


def units(value: int | float | str, precision: int, field: str, *, up: bool = False) -> int:
    """One amount in whole units of 10^-precision, rounded towards minus infinity, or up."""
    whole = _whole(value, precision, ROUND_CEILING if up else ROUND_FLOOR)
    if abs(whole) >= UNIT_LIMIT:
        raise ProblemError(field, "too large for exact arithmetic: 2^63 units or more")
    return whole


def _decimal(value: int | float | str) -> Decimal:
    return Decimal(value if isinstance(value, str) else repr(value))


def _whole(value: int | float | str, precision: int, rounding: str) -> int:
    scaled = _CONTEXT.scaleb(_decimal(value), precision)
    return int(scaled.to_integral_value(rounding, _CONTEXT))


def _is_short(value: int | float | str | None, nearest: float) -> bool:
    if value is None or isinstance(value, float):
        return True
    if isinstance(value, str) and len(value) <= EXACT_DIGITS and abs(nearest) > _NORMAL:
        return True
    return _decimal(value) == _decimal(nearest)


@dataclass(frozen=True)
class Numbers:
    """One column of numbers, as doubles and, where it matters, exactly.

    `raw` holds what arrived (int, float, str, or None where a value is missing), `floats` the nearest doubles
    (0 where missing), `missing` a mask or None when nothing is missing, `kinds` the types in `raw` where known.
    """

    field: str
    raw: Sequence[int | float | str | None]
    floats: Float64
    missing: Bool | None = None
    kinds: frozenset[type] | None = None

    @classmethod
    def parse(cls, field: str, raw: Sequence[object], *, optional: bool = False) -> "Numbers":
        """Check every element; raise `ProblemError` naming the field and the rows that are not numbers."""
        kinds = frozenset(map(type, raw))
        if kinds <= {float, int}:
            try:
                floats = np.array(raw, dtype=np.float64)
            except OverflowError:
                floats = np.full(len(raw), np.inf)
            if np.isfinite(floats).all():
                return cls(field, raw, floats, kinds=kinds)  # type: ignore[arg-type]
        taken = (item for item in enumerate(raw) if item[1] is not None or not optional)
        found = ((i, why) for i, value in taken if (why := fault(value)))
        faults = dict(islice(found, ProblemError.KEPT))
        if faults:
            total = len(faults) + sum(1 for _ in found)
            raise ProblemError(field, "not all values are numbers", faults, total)
        floats = np.array([0.0 if value is None else float(value) for value in raw])  # type: ignore[arg-type]
        missing = np.array([value is None for value in raw]) if type(None) in kinds else None
        return cls(field, raw, floats, missing, kinds)  # type: ignore[arg-type]

    @classmethod
    def constant(cls, field: str, value: int, count: int) -> "Numbers":
        return cls(field, [value] * count, np.full(count, float(value)), kinds=frozenset({int}))

    @cached_property
    def short(self) -> Bool:
        """Where `floats` stands for the decimal that arrived: every float, and ints and strings it is exact for."""
        kinds = self.kinds or set(map(type, self.raw))
        if kinds <= {float}:
            return np.ones(len(self.raw), dtype=np.bool_)
        if kinds <= {float, int} and float(np.abs(self.floats).max(initial=0.0)) < 10.0**EXACT_DIGITS:
            return np.ones(len(self.raw), dtype=np.bool_)
        return np.array([_is_short(value, x) for value, x in zip(self.raw, self.floats.tolist(), strict=True)])

    def _at_scale(self, decimals: int) -> tuple[Float64, Bool]:
        """`floats * 10^decimals` rounded to integers, and where that is proven to be the exact value.

        k = rint(x 10^d) with at most 15 digits and k / 10^d == x: two decimals of 15 digits never share a
        double, so k / 10^d is the shortest decimal form of x.
        """
        scale = 10.0**decimals
        with np.errstate(over="ignore"):
            whole = np.rint(self.floats * scale)
            return whole, self.short & (np.abs(whole) <= 10.0**EXACT_DIGITS) & (whole / scale == self.floats)

    def units(self, precision: int, rounding: str = ROUND_FLOOR) -> Int64:
        """Whole units of 10^-precision by one of `decimal`'s roundings; refused at 2^63 and above."""
        whole, proven = self._at_scale(precision)
        if not proven.all() and rounding in (ROUND_FLOOR, ROUND_CEILING):
            # floor(scaled) is right unless the two roundings behind `scaled` could have crossed an integer.
            with np.errstate(over="ignore", invalid="ignore"):
                scaled = self.floats * 10.0**precision
                clear = self.short & (np.abs(scaled - whole) > np.abs(scaled) * 2.0**-50)
            away = np.ceil(scaled) if rounding == ROUND_CEILING else np.floor(scaled)
            whole, proven = np.where(proven, whole, away), proven | clear
        result = np.where(proven, whole, 0.0).astype(np.int64)
        too_large = []
        for i in np.flatnonzero(~proven).tolist():
            exact = _whole(self.raw[i] or 0, precision, rounding)
            if abs(exact) >= UNIT_LIMIT:
                too_large.append(i)
            else:
                result[i] = exact
        if too_large:
            raise ProblemError(
                self.field, "too large for exact arithmetic: 2^63 units of 10^-precision or more", too_large
            )
        check_sums(self.field, result)
        return result

    def check_range(self) -> None:
        """Refuse what would make integers of needless size: other than zero, magnitudes outside 1e-60 to 1e60."""
        magnitudes = np.abs(self.floats)
        small = (magnitudes < _RANGE[0]) & ((magnitudes > 0) | ~self.short)
        for outside, why in ((small, "too small"), (magnitudes > _RANGE[1], "too large")):
            if outside.any():
                raise ProblemError(self.field, f"{why} for exact arithmetic", np.flatnonzero(outside).tolist())

    def canonical(self) -> bytes:
        """The same bytes for the same values, however they were written."""
        long = [(i, canonical(self.raw[i] or 0)) for i in np.flatnonzero(~self.short).tolist()]
        missing = b"" if self.missing is None else np.packbits(self.missing).tobytes()
        return b"".join(((self.floats + 0.0).astype("<f8").tobytes(), missing, repr(long).encode()))

    @cached_property
    def exact(self) -> tuple[Integers, int]:
        """(integers, decimals): the column is exactly `integers / 10^decimals`. Missing values are 0."""
        for decimals in (0, 2, 4, 6, 8, 10, 12):
            whole, proven = self._at_scale(decimals)
            if proven.all():
                return whole.astype(np.int64), decimals
        parts = [_decimal(value or 0).as_tuple() for value in self.raw]
        exponents = [part.exponent if isinstance(part.exponent, int) else 0 for part in parts]
        decimals = max(0, -min(exponents))
        integers = np.empty(len(parts), dtype=object)
        for i, (part, exponent) in enumerate(zip(parts, exponents, strict=True)):
            magnitude = int("".join(map(str, part.digits))) * 10 ** (exponent + decimals)
            integers[i] = -magnitude if part.sign else magnitude
        return integers, decimals


def total(amounts: Integers) -> int:
    """The exact sum, as a Python integer. Columns that passed `check_sums` cannot wrap."""
    return int(amounts.sum())


def steady_sum(values: Float64) -> float:
    """The sum of doubles, the same in whatever order they come: added up in ascending order."""
    return float(np.sort(values).sum())


def check_sums(field: str, amounts: Int64) -> None:
    """Refuse a column whose gains or losses add up to 2^63 units or more, so that no later sum can wrap."""
    for part in (amounts[amounts > 0], amounts[amounts < 0]):
        if abs(float(part.sum(dtype=np.float64))) > 0.99 * UNIT_LIMIT and abs(sum(part.tolist())) >= UNIT_LIMIT:
            raise ProblemError(field, "the sum is too large for exact arithmetic: 2^63 units or more")
