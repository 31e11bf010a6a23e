"""From an exact level to whole units: floor, then the largest fractions get the rest (MODEL 8)."""

import numpy as np

from solvers.money import Float64, Ids, Int64, Integers, total

FRACTION_BITS = 96
"""Fractions of a unit are compared on a grid of 2^-96: exact for integer rates below 2^63."""

_LARGEST = np.nextafter(2.0**63, 0)
"""The largest double that fits in an int64."""

_FAST_SHARE = 2.0**50
_FAST_SUM = 2**61


def shares(rates: Integers, amount_units: int, rate_sum: int, ids: Ids, rows: Int64) -> Int64:
    """Split `amount_units` in proportion to `rates`, in whole units that add up exactly.

    x_i = amount rate_i / rate_sum, floored; the units left over go to the largest fractions, ties by id. Each
    account gets less than one unit more or less than x_i, and never more than the integer above x_i.

    rates      non-negative integers, up to a common factor; their exact sum is `rate_sum` > 0
    rows       the position in `ids` of each rate: ties go by id
    """
    floors, fractions = _split(rates, amount_units, rate_sum)
    left = amount_units - total(floors)
    floors[_largest(fractions, left, ids, rows)] += 1
    return floors


def settled(wanted: Float64, cap_units: Int64, amount_units: int, ids: Ids, rows: Int64) -> Int64:
    """Whole units within the caps that add up to `amount_units`, from amounts that nearly do; amount <= sum of caps.

    Floored; a rest of at most a unit for each account below its cap goes to the largest fractions, ties by id. What a
    solver's inaccuracy leaves beyond that is spread in proportion to the room below the caps, and what it took too
    much is given back in proportion to what was taken.

    rows       the position in `ids` of each amount: ties go by id
    """
    floors = np.minimum(np.floor(np.clip(wanted, 0, _LARGEST)).astype(np.int64), cap_units)
    left, room = amount_units - total(floors), cap_units - floors
    if left < 0:
        return floors - shares(floors, -left, total(floors), ids, rows)
    below = np.flatnonzero(room)
    if left > len(below):
        return floors + shares(room, left, total(room), ids, rows)
    floors[below[_largest((wanted - floors)[below], left, ids, rows[below])]] += 1
    return floors


def _largest(fractions: Integers | Float64, count: int, ids: Ids, rows: Int64) -> Int64:
    """Positions of the `count` largest, ties by id."""
    if not count:
        return np.zeros(0, np.int64)
    threshold = np.partition(fractions, -count)[-count]
    above = np.flatnonzero(fractions > threshold)
    tied = sorted(np.flatnonzero(fractions == threshold).tolist(), key=lambda position: ids[int(rows[position])])
    return np.concatenate((above, np.array(tied[: count - len(above)], np.int64)))


def _split(rates: Integers, amount_units: int, rate_sum: int) -> tuple[Int64, Integers]:
    """Floors of the exact shares, and their fractions on a common scale."""
    largest = float(rates.max()) * (amount_units / rate_sum) if rates.dtype != object else np.inf
    if largest < _FAST_SHARE and rate_sum < _FAST_SUM and amount_units < 2**63:
        # The float quotient is off by one at most, so the remainder, computed modulo 2^64, is its true value.
        floors = np.floor(rates.astype(np.float64) * (amount_units / rate_sum)).astype(np.int64)
        remainders = rates * np.int64(amount_units) - floors * np.int64(rate_sum)
        low, high = remainders < 0, remainders >= rate_sum
        return floors - low + high, remainders + rate_sum * low - rate_sum * high
    # Round to the grid first, so that a share that is a whole number in truth is one here.
    grid = [((rate * amount_units << FRACTION_BITS + 1) // rate_sum + 1) >> 1 for rate in rates.tolist()]
    mask = (1 << FRACTION_BITS) - 1
    fractions = np.empty(len(grid), dtype=object)
    fractions[:] = [value & mask for value in grid]
    return np.array([value >> FRACTION_BITS for value in grid], dtype=np.int64), fractions
