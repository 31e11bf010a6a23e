"""The two retention curves under which keeping revenue is a convex program, without a solver.

Both minimise sum v_i (1 - r(x_i / w_i)) over 0 <= x_i <= cap_i, sum x_i = amount, for 0 < amount < sum cap (MODEL 5).
"""

from dataclasses import replace
from math import exp, log

import numpy as np

from solvers.knapsack import knapsack
from solvers.level import level
from solvers.money import Float64, Int64, total
from solvers.revenue.retention import Linear, Power
from solvers.revenue.stakes import A_HAIR_BELOW, Point, Stakes, shared
from solvers.rounding import settled

_WIDE = 600.0
"""Breakpoints over more than this many powers of e are too many for doubles, and a knapsack says where to look."""

_SURE = 50.0
"""The level is no further below the knapsack's breakpoint than a unit is below 2^63 units: 44 powers of e."""


def linear(curve: Linear, stakes: Stakes, amount_units: int) -> Point:
    """A knapsack by s_i = v_i k / w_i ascending, so accounts without fees come first.

    Accounts tied at the critical s share what is left capped-pro-rata. The price is the smallest s among them: what
    the others cost more then counts only for what they bear.
    """
    with np.errstate(divide="ignore"):
        keys = np.log(stakes.endowment_units) - np.log(stakes.fees)
    cut = knapsack(keys, stakes.cap_units, amount_units)
    full, tied = cut.low > 0, cut.low < cut.high
    seized = np.where(full, stakes.cap_units, 0)
    haircuts = seized / stakes.endowment_units
    some = stakes[tied]
    rest = shared(some, amount_units - total(seized))
    seized[tied], haircuts[tied] = rest.seized_units, rest.haircuts
    return Point(seized, haircuts, float((some.fees * curve.rate / some.endowment_units).min()) * A_HAIR_BELOW)


def power(curve: Power, stakes: Stakes, amount_units: int) -> Point:
    """h_i = min(beta_i, (mu w_i / (v_i k p))^(1/(p-1))), mu from the amount; the price is mu.

    Accounts without fees come first, capped-pro-rata among themselves.
    """
    free = stakes.fees == 0
    if not free.any():
        return _filled(curve, stakes, amount_units)
    bearable = total(stakes.cap_units[free])
    first = shared(stakes[free], min(amount_units, bearable))
    seized, haircuts = np.zeros_like(stakes.cap_units), np.zeros(len(free))
    seized[free], haircuts[free] = first.seized_units, first.haircuts
    if amount_units <= bearable:
        return Point(seized, haircuts, 0.0)
    rest = _filled(curve, stakes[~free], amount_units - bearable)
    seized[~free], haircuts[~free] = rest.seized_units, rest.haircuts
    return replace(rest, seized_units=seized, haircuts=haircuts)


def _filled(curve: Power, stakes: Stakes, amount_units: int) -> Point:
    endowment = stakes.endowment_units.astype(np.float64)
    amounts, price = waters(curve, stakes.fees, endowment, stakes.cap_units, amount_units)
    seized = settled(amounts, stakes.cap_units, amount_units, stakes.ids, np.arange(len(amounts)))
    return Point(seized, amounts / endowment, price)


def waters(
    curve: Power, fees: Float64, endowment: Float64, cap_units: Int64, amount_units: int
) -> tuple[Float64, float]:
    """Water-filling x_i = min(cap_i, exp(t) w_i (w_i / v_i)^(1/(p-1))), and mu = k p exp((p-1) t), for v > 0.

    Account i reaches its cap at t = b_i. As p approaches 1 the b_i lie ever further apart, and no double holds exp(b):
    then a knapsack by b finds the last account that is needed for the amount, and since amounts are whole units, t is
    less than `_SURE` below its b. Accounts far below are at their caps.
    """
    caps = cap_units.astype(np.float64)
    reached = np.log(fees / endowment)
    reached *= 1 / (curve.exponent - 1)
    reached += np.log(caps / endowment)  # b
    start, spread = (float(reached.max()) + float(reached.min())) / 2, float(np.ptp(reached))
    below, left = np.ones(len(caps), np.bool_), amount_units
    if spread > _WIDE:
        start = -knapsack(-reached, cap_units, amount_units).key
        below = reached >= start - _SURE
        left -= total(cap_units[~below])
    rates = np.exp(np.clip(start - reached, -_WIDE, _WIDE)) * caps
    tau = _level(caps, rates, left) if below.all() else _level(caps[below], rates[below], left)
    price = curve.rate * curve.exponent * exp(min((curve.exponent - 1) * (start + log(tau)), _WIDE))
    rates *= tau
    return np.minimum(caps, rates, out=rates), price


def _level(caps: Float64, rates: Float64, amount: float) -> float:
    """The level, also where the amount is all of the caps within the accuracy of doubles."""
    return level(caps, rates, amount) if amount < float(caps.sum()) else float((caps / rates).max())
