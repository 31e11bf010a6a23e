"""The fractional knapsack: fill the accounts with the highest keys first, up to their caps, until the amount is met.

    min sum c_i x_i  over  0 <= x_i <= cap_i, sum x_i = amount,     key_i = -log c_i (or the log of what x_i saves)

An optimum is full above a critical key and empty below it. At the critical key itself anything that meets the amount
is optimal: `Cut` is that box, and `solvers.between` takes its fairest point. A price of the amount at the critical key
proves it (complementary slackness). Used for MODEL 3 (`expected-deficit`) and MODEL 5 (`revenue`).

The critical key is found by selection, not by sorting: a sample says between which two keys it lies, one pass over
the accounts says who is above and who is between, and the few between are looked at again.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np

from solvers.money import Bool, Float64, Int64

TIE = 1e-12
"""Keys within this, or this times the key where that is above 1, of a neighbour are one tie."""

_SMALL = 1 << 12
_SAMPLE = 1 << 11
_SPREAD = 48
_WINDOW = 1e-9
_WIDER = 1e3


@dataclass(frozen=True)
class Cut:
    """The optimal face low_i <= x_i <= high_i, sum x_i = amount.

    low_i = high_i = cap_i above the tie and 0 = 0 below it; 0 and cap_i in it. `key` is the critical key: of the
    tie, the highest one that the amount does not pass. -inf without accounts.
    """

    low: Float64
    high: Float64
    key: float


def knapsack(keys: Float64, caps: Float64 | Int64, amount: float) -> Cut:
    """The critical tie for 0 <= amount <= sum of caps.

    keys   one an account, never NaN; higher ones are taken first, equal infinities are one tie
    caps   one an account, >= 0. Sums of whole numbers are exact, so that the cut does not depend on the order
    """
    if not len(keys):
        return Cut(np.zeros(0), np.zeros(0), -np.inf)
    key = _critical(keys, caps, amount)
    top, bottom = _tie(keys, key)
    high = np.where(keys >= bottom, caps, 0.0)
    return Cut(np.where(keys > top, high, 0.0), high, key)


def _critical(keys: Float64, caps: Float64 | Int64, amount: float) -> float:
    """The highest key for which the caps of all accounts with that key or a higher one reach the amount."""
    left = Fraction(amount)
    while len(keys) > _SMALL:
        upper, lower = _bracket(keys, caps, float(left))
        over, under = keys > upper, keys < lower
        above = _total(caps[over])
        if above >= left and over.any():
            chosen = over
        else:
            between = ~(over | under)
            through = above + _total(caps[between])
            if through >= left:
                chosen, left = between, left - above
                if upper == lower:
                    return upper
            else:
                chosen, left = under, left - through
                if not chosen.any():  # the amount is a rounding error above the sum of the caps
                    return float(keys.min())
        before = len(keys)
        keys, caps = keys[chosen], caps[chosen]
        if len(keys) > 0.9 * before:  # the sample says little where many keys are equal
            break
    order = np.lexsort((caps, -keys))
    place = int(np.searchsorted(np.cumsum(caps[order]), ceil(left) if caps.dtype == np.int64 else float(left)))
    return float(keys[order[min(place, len(order) - 1)]])


def _bracket(keys: Float64, caps: Float64 | Int64, amount: float) -> tuple[float, float]:
    """Two keys of a sample, a little to either side of where the sample puts the critical one."""
    stride = len(keys) // _SAMPLE
    some, weights = keys[::stride], caps[::stride].astype(np.float64)
    order = np.argsort(-some)
    reach = np.cumsum(weights[order])
    place = int(np.searchsorted(reach, amount / max(float(caps.sum(dtype=np.float64)), amount, 1e-300) * reach[-1]))
    return float(some[order[max(place - _SPREAD, 0)]]), float(some[order[min(place + _SPREAD, len(some) - 1)]])


def _total(caps: Float64 | Int64) -> Fraction:
    """The sum; exact for whole numbers that add up to less than 2^63."""
    if caps.dtype == np.int64:
        return Fraction(int(caps.sum()))
    whole = caps.astype(np.int64)
    return Fraction(int(whole.sum())) + Fraction(float((caps - whole).sum()))


def _tie(keys: Float64, key: float) -> tuple[float, float]:
    """The highest and lowest key that neighbours link to this one."""
    if np.isinf(key):
        return key, key
    window = _WINDOW * max(1.0, abs(key))
    while True:
        near = np.sort(keys[_near(keys, key, window)])
        links = np.diff(near) <= TIE * np.maximum(1.0, np.minimum(np.abs(near[1:]), np.abs(near[:-1])))
        place = int(np.searchsorted(near, key))
        breaks = np.flatnonzero(~links)
        last = breaks[breaks >= place]
        first = breaks[breaks < place]
        top = near[last[0]] if last.size else near[-1]
        bottom = near[first[-1] + 1] if first.size else near[0]
        if max(top - key, key - bottom) < window / 2:
            return float(top), float(bottom)
        window *= _WIDER


def _near(keys: Float64, key: float, window: float) -> Bool:
    return (keys >= key - window) & (keys <= key + window)
