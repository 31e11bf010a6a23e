"""Convex separable programs with one multiplier: the kernel of `blend` (MODEL 6).

    min sum of F_i(x_i)  over  0 <= x_i <= cap_i, sum x_i = amount,    F_i'(x) = d_i(x_i / w_i),
    d_i(h) = base_i + flat_i h + bent_i h^power

d_i is the marginal cost of a dollar from account i, increasing in h. At the optimum one price separates: d_i = price
strictly inside, d_i >= price at 0 and <= price at the cap. Accounts with flat = bent = 0 jump from 0 to their cap as
the price passes their base; where the price stops at such a base, the accounts that share it are the optimal face, and
its fairest point is taken (`solvers.between`).
"""

from dataclasses import dataclass
from math import inf

import numpy as np

from solvers.between import fairest, settle
from solvers.money import Bool, Float64, Int64

TIE = 1e-12
"""Bases of jumping accounts within this part of the terms they are sums of, chained, are one."""

_STEPS = 200
_SHORT = 1e-13
_STILL = 1e-30
"""Accounts that give less than this part of what another does for a change of the price do not move."""


@dataclass(frozen=True)
class Marginals:
    """d_i(h) = base_i + flat_i h + bent_i h^power: flat, bent >= 0, power > 0; n accounts, dimensionless.

    size   the magnitude of the terms that base is a sum of: what its rounding error is relative to
    """

    base: Float64
    flat: Float64
    bent: Float64
    power: float
    size: Float64

    def __len__(self) -> int:
        return len(self.base)

    def taken(self, places: Int64 | Bool) -> "Marginals":
        """Some of the accounts."""
        flat, bent = self.flat[places], self.bent[places]
        return Marginals(self.base[places], flat, bent, self.power, self.size[places])

    @property
    def jumps(self) -> Bool:
        return np.asarray((self.flat == 0) & (self.bent == 0), np.bool_)

    def at(self, haircuts: Float64) -> Float64:
        """d(h)."""
        return self.base + self.rise(haircuts)

    def rise(self, haircuts: Float64) -> Float64:
        """d(h) - d(0)."""
        return self.flat * haircuts + (self.bent * haircuts**self.power if self.bent.any() else 0.0)

    def reach(self, rises: Float64) -> Float64:
        """The h with rise(h) = `rises` >= 0; inf where an account jumps. An account's figure is its own alone."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            straight = np.where(self.flat > 0, rises / self.flat, inf)
            if not self.bent.any():
                return straight
            curved = np.where(self.bent > 0, (rises / self.bent) ** (1 / self.power), inf)
        found = np.minimum(straight, curved)
        both = np.flatnonzero((self.flat > 0) & (self.bent > 0) & (found > 0) & np.isfinite(found))
        if both.size:
            found[both] = _root(self.flat[both], self.bent[both], self.power, rises[both], found[both])
        return found

    def steepness(self, haircuts: Float64) -> Float64:
        """d'(h); inf or 0 where a power is vertical or level at 0."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            curve = np.where(self.bent > 0, self.bent * self.power * haircuts ** (self.power - 1), 0.0)
        return self.flat + curve


def _root(flat: Float64, bent: Float64, power: float, rises: Float64, start: Float64) -> Float64:
    """h with flat h + bent h^power = rises, from a start at or above it but for rounding.

    In h for power >= 1 and in y = log h below: a convex and increasing function, so that Newton's method comes down to
    the root without passing it. At the start neither term is above `rises`, so it is near. As the power goes to 0
    h^power tells nothing of h, and y does: for h near 1 bent is taken off both sides first.
    """
    if power < 1:
        return _exponential_root(flat, bent, power, rises, start)
    h = start
    for _ in range(_STEPS):
        curve = bent * h ** (power - 1)
        step = (flat * h + curve * h - rises) / (flat + power * curve)
        h = h - step
        if (np.abs(step) <= 4e-16 * h).all():
            break
    return np.maximum(h, 0.0)


def _exponential_root(flat: Float64, bent: Float64, power: float, rises: Float64, start: Float64) -> Float64:
    """e^y with flat e^y + bent e^(power y) = rises."""
    y, top, near = np.log(start), np.log(rises) - np.log(flat), 2 * rises > bent
    wanted = np.where(near, rises - bent, rises)
    for _ in range(_STEPS):
        level, curve = flat * np.exp(y), bent * np.exp(power * y)
        step = (level + np.where(near, bent * np.expm1(power * y), curve) - wanted) / (level + power * curve)
        y = np.minimum(y - step, top)
        if (np.abs(step) <= 4e-16 * np.maximum(np.abs(y), 1.0)).all():
            break
    return np.exp(y)


def separate(marginals: Marginals, w: Float64, caps: Float64, amount: float) -> tuple[Float64, float]:
    """x and the price for 0 <= amount <= sum caps; w > 0, caps > 0. Rows in a fixed order give the same bytes.

    The sum of amounts at a price rises with it. Between two neighbours among the d_i(0) and d_i(beta_i) nobody
    reaches or leaves a bound; a binary search over those finds the two, and the price is between them: by a quotient
    where all d_i are straight lines, else by Newton's method kept in its bracket. It is held as a distance from the
    lower of the two, since d_i that are nearly level need more digits of it than a double has.
    """
    if not len(w):
        return np.zeros(0), inf
    m, beta = _tied(marginals), caps / w
    low, high = m.base, m.at(beta)
    ends = np.unique(np.concatenate((low, high)))

    def below(price: float) -> Float64:
        """Amounts as the price comes up to this one: who jumps at it has not."""
        inside = (low < price) & (high > price)
        x = np.where((high <= price) & (low < price), caps, 0.0)
        x[inside] = np.minimum(m.taken(inside).reach(price - low[inside]) * w[inside], caps[inside])
        return x

    first, last = 0, len(ends)
    while last - first > 1:
        middle = (first + last) // 2
        first, last = (middle, last) if below(float(ends[middle])).sum() <= amount else (first, middle)
    price = float(ends[first])
    x = below(price)
    left, tie = amount - float(x.sum()), (low == price) & (high == price)
    if left <= float(caps[tie].sum()) or last == len(ends):
        return fairest(w, x, np.where(tie, caps, x), amount)[0], price
    x[tie] = caps[tie]
    inside = np.flatnonzero((low <= price) & (high > price) & ~tie)
    part, done = m.taken(inside), amount - _without(x, inside)
    x[inside], ahead = _between(part, w[inside], caps[inside], price, float(ends[last]) - price, done)
    if abs(float(x[inside].sum()) - done) > _SHORT * amount:
        # No double between the two neighbours is the price. What a change of it would move is moved without it.
        x[inside] = _moved(part, x[inside], w[inside], caps[inside], done)
    return x, price + ahead


def _moved(m: Marginals, x: Float64, w: Float64, caps: Float64, amount: float) -> Float64:
    """x and what it misses of the amount, spread in proportion to dx / dprice = w / d'."""
    steep = m.steepness(x / w)
    gives = np.divide(w, steep, out=w.copy(), where=steep > 0)
    some = gives > _STILL * float(gives.max())
    left = amount - _without(x, np.flatnonzero(some))
    if left > float(caps[some].sum()):
        return fairest(w, x, caps, amount)[0]
    found = x.copy()
    found[some] = settle(x[some], gives[some], np.zeros(int(some.sum())), caps[some], left)[0]
    return found


def _between(
    m: Marginals, w: Float64, caps: Float64, price: float, width: float, amount: float
) -> tuple[Float64, float]:
    """Amounts of accounts that are inside at all prices from `price` to `width` above it, and how far above."""
    ahead = price - m.base
    if not m.bent.any():
        slope = float((w / m.flat).sum())
        distance = min(max((amount - float((w * (ahead / m.flat)).sum())) / slope, 0.0), width)
        return np.clip(w * ((ahead + distance) / m.flat), 0.0, caps), distance
    bottom, top, distance = 0.0, width, width / 2
    for _ in range(_STEPS):
        h = m.reach(ahead + distance)
        over = float((w * h).sum()) - amount
        bottom, top = (bottom, distance) if over > 0 else (distance, top)
        with np.errstate(divide="ignore"):
            steep = m.steepness(h)
            slope = float((w[steep > 0] / steep[steep > 0]).sum())
        step = over / slope if slope > 0 else inf  # where amounts hardly move, the slope tells nothing
        if abs(over) <= 1e-15 * amount or abs(step) <= 1e-16 * distance or top - bottom <= 4e-16 * distance:
            break
        distance = distance - step if bottom < distance - step < top else (bottom + top) / 2
    return np.clip(w * m.reach(ahead + distance), 0.0, caps), distance


def _tied(m: Marginals) -> Marginals:
    """Bases of jumping accounts that rounding could have set apart are made one: the lowest of each chain."""
    jumping = np.flatnonzero(m.jumps)
    if jumping.size < 2:
        return m
    order = jumping[np.argsort(m.base[jumping], kind="stable")]
    keys, sizes = m.base[order], m.size[order]
    apart = np.diff(keys) > TIE * np.maximum(sizes[1:], sizes[:-1])
    starts = np.concatenate(([0], np.flatnonzero(apart) + 1))
    base = m.base.copy()
    base[order] = np.repeat(keys[starts], np.diff(np.append(starts, len(keys))))
    return Marginals(base, m.flat, m.bent, m.power, m.size)


def _without(x: Float64, places: Int64) -> float:
    """The sum of the others."""
    others = np.ones(len(x), np.bool_)
    others[places] = False
    return float(x[others].sum())
