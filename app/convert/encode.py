"""Answers to JSON bytes. Columns of an account each are written in bulk, straight from arrays."""

import json
import re
from functools import cache
from typing import Any

import numpy as np
import orjson

from solvers.money import Bool, Int64

Texts = np.ndarray[tuple[int], np.dtype[np.uint32]]
"""Texts of four bytes each as integers, zero bytes where a text is shorter."""

_OPENINGS = np.frombuffer(b'"\0\0\0"-\0\0', np.uint32)
_TEN_THOUSAND = 10_000


def dump(answer: Any) -> bytes:
    """The JSON of an answer; columns already written stand in it as they are."""
    return orjson.dumps(answer)


def canonical(request: dict[str, Any]) -> bytes:
    """A request as JSON without spaces, its keys in order: it reads as the same request."""
    try:
        return orjson.dumps(request, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # whole numbers beyond 64 bits
        return json.dumps(request, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def column_of(values: Any) -> bytes:
    """A list, or an array of doubles, as a JSON array."""
    return orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)


def laid_out(columns: dict[str, bytes], columnar: bool) -> dict[str, orjson.Fragment] | list[dict[str, Any]]:
    """Columns already written as they are, or as rows."""
    if columnar:
        return {name: orjson.Fragment(values) for name, values in columns.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*map(orjson.loads, columns.values()), strict=True)]


def flags(values: Bool) -> bytes:
    """Booleans as a JSON array."""
    return _array(np.where(values, b"true,", b"false,").tobytes())


def nulls(count: int) -> bytes:
    """`count` nulls as a JSON array."""
    return _array(b"null," * count)


def moneys(units: Int64, precision: int) -> bytes:
    """Whole units as a JSON array of decimal strings.

    Each amount is a line of texts of four bytes, looked up by the four digits they show: a quote and the sign, the
    digits before the point, and what `_tail` says. Zero bytes are left out of the whole at last.
    """
    magnitudes = np.abs(units)
    wholes = magnitudes // 10**precision
    parts = magnitudes - wholes * 10**precision
    texts: list[Texts | np.uint32] = []
    rest, last = wholes, True
    while last or rest.any():
        above = rest // _TEN_THOUSAND
        texts.append(_leading(last)[rest - (above - np.minimum(above, 1)) * _TEN_THOUSAND])
        rest, last = above, False
    texts.append(_OPENINGS[(units < 0).astype(np.intp)])
    texts.reverse()
    left = precision
    for before, digits, behind in _tail(precision):
        left -= digits
        shown = parts // 10**left
        parts = parts - shown * 10**left
        texts.append(_showing(before, digits, behind)[shown])
    return _array(np.column_stack(texts).tobytes())


@cache
def _tail(precision: int) -> list[tuple[bytes, int, bytes]]:
    """The point, the decimals, a quote and a comma in pieces of four: what is before the digits, how many, behind."""
    line = (b"." + b"0" * precision if precision else b"") + b'",'
    found = []
    for start in range(0, len(line), 4):
        before, digits, behind = re.findall(rb"^([^0]*)(0*)([^0]*)$", line[start : start + 4])[0]
        found.append((before, len(digits), behind))
    return found


@cache
def _showing(before: bytes, digits: int, behind: bytes) -> Texts:
    """The texts of all numbers of so many digits."""
    numbers = [b"%0*d" % (digits, number) if digits else b"" for number in range(10**digits)]
    return np.frombuffer(b"".join((before + number + behind).ljust(4, b"\0") for number in numbers), np.uint32)


@cache
def _leading(last: bool) -> Texts:
    """The texts of 0 to 9999 without leading zeros, a lone zero only in the last place; then with leading zeros."""
    numbers = [b"%d" % number for number in range(_TEN_THOUSAND)]
    if not last:
        numbers[0] = b""
    bare = np.frombuffer(b"".join(number.ljust(4, b"\0") for number in numbers), np.uint32)
    return np.append(bare, _showing(b"", 4, b""))


def _array(elements: bytes) -> bytes:
    """Elements that all end in a comma as a JSON array, without their zero bytes."""
    return b"[" + elements.translate(None, b"\0")[:-1] + b"]"
