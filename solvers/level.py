"""The water level in doubles: where Newton in integers starts, and the kernel that `make bench` measures."""

import numpy as np

from solvers.money import Float64

BLOCK = 1 << 13
"""Elements worked on at once: few enough to stay in the cache, and for BLAS to use one thread."""

_STRIDE = 64
_SMALL = 1 << 14
_STOP = 1e-15
_GUESSES = 6
_REACH = 64.0
_ONES = np.ones(BLOCK)


def level(caps: Float64, rates: Float64, amount: float) -> float:
    """tau with sum min(caps, tau rates) = amount, for 0 < amount < sum(caps) and positive rates.

    Newton's method on a concave, piecewise linear and increasing sum: from wherever it starts, the first step lands
    at or below the root, and every later one rises towards it until no more account reaches its cap. A large problem
    starts at the level of every 64th account.
    """
    start = amount / float(rates.sum())
    if len(caps) > _SMALL:
        some_caps, some_rates = caps[::_STRIDE].copy(), rates[::_STRIDE].copy()
        share = amount / float(caps.sum()) * float(some_caps.sum())
        if share > 0:
            start = level(some_caps, some_rates, share)
    return _newton(caps, rates, amount, start)


def _newton(caps: Float64, rates: Float64, amount: float, tau: float) -> float:
    total = float(caps.sum())
    guesses = _GUESSES
    low = 0.0  # the highest level tried that is below the root
    below = False  # whether tau is known to be at or below the root
    while True:
        capped, slope, count = _at_caps(caps, rates, tau)
        left, spare = total - capped - tau * slope, total - amount
        if left > spare:
            low = max(low, tau)
        if guesses and slope == 0 and low > 0:
            guesses, tau, below = 0, low, True
            continue
        if guesses and not spare / 2 <= left <= spare * 2:
            # Far off: what is left falls like a power of tau, so a tangent in logarithms reaches further.
            power = min(left / (tau * slope), 2.0) if slope > 0 else 0.0
            tau *= min(max((left / spare) ** power, 1 / _REACH), _REACH) if left > 0 < spare else 1 / _REACH
            guesses -= 1
            continue
        guesses = 0
        step = (amount - capped) / slope if slope > 0 else 0.0
        if step <= 0:
            # Far above: zero is below, and so is where its tangent leads.
            step = amount / float(rates.sum())
        if below and step <= tau * (1 + _STOP):
            return tau
        if below and count > len(caps) * 3 // 4:
            # At or below the root an account at its cap stays there, so only the others are looked at from now on.
            inside = rates * tau < caps
            caps, rates = caps[inside], rates[inside]
            amount, total = amount - capped, total - capped
        tau, below = step, True


def _at_caps(caps: Float64, rates: Float64, tau: float) -> tuple[float, float, float]:
    """The caps of the accounts that reach theirs at this level, the rates of the others, and how many reach it."""
    capped = slope = count = 0.0
    product, inside = np.empty(BLOCK), np.empty(BLOCK)
    for start in range(0, len(caps), BLOCK):
        cap, rate = caps[start : start + BLOCK], rates[start : start + BLOCK]
        mask = inside[: len(cap)]
        np.multiply(rate, tau, out=product[: len(cap)])
        np.less(product[: len(cap)], cap, out=mask)
        slope += float(mask @ rate)
        np.subtract(1, mask, out=mask)
        capped += float(mask @ cap)
        count += float(mask @ _ONES[: len(cap)])
    return capped, slope, count
