"""What a closing may minimise in dollars: a separable convex cost of what each bearer pays, sum F_i(x_i).

The decomposition of `lexicographic` holds for every such cost (Groenevelt 1991). An aim tells how bearers share an
amount when nothing but their floors and ceilings is in the way, and what its marginal costs are.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from solvers.contracts.levels import level
from solvers.money import Float64, Int64


class Aim(Protocol):
    """A cost of payments x in units of currency; prices are marginal costs, units a unit."""

    def fill(self, bearers: Int64, floor: Float64, ceiling: Float64, amount: float) -> Float64:
        """The cheapest payments of some bearers between floor and ceiling that add up to the amount."""

    def marginal(self, paid: Float64, bearer: Int64) -> Float64:
        """F', the price at which a bearer pays so much."""

    def at(self, price: Float64, bearer: Int64) -> Float64:
        """Up to what a bearer's marginal cost lies below the price."""

    def cost(self, paid: Float64, bearer: Int64) -> Float64:
        """F, in units of currency."""


@dataclass(frozen=True)
class Fairness:
    """F = x^2 / (2 w), with the payments of every strictly convex cost of haircuts; the price is the haircut."""

    weight: Float64

    def fill(self, bearers: Int64, floor: Float64, ceiling: Float64, amount: float) -> Float64:
        weight = self.weight[bearers]
        return np.clip(level(weight, floor, ceiling, amount) * weight, floor, ceiling)

    def marginal(self, paid: Float64, bearer: Int64) -> Float64:
        return paid / self.weight[bearer]

    def at(self, price: Float64, bearer: Int64) -> Float64:
        return price * self.weight[bearer]

    def cost(self, paid: Float64, bearer: Int64) -> Float64:
        return paid * paid / (2 * self.weight[bearer])


@dataclass(frozen=True)
class LinearFees:
    """F = v k x / w: fees lost under linear retention. Bearers of one marginal cost v k / w share as fairness does.

    fees   n, v in units of currency;  rate: k
    """

    weight: Float64
    fees: Float64
    rate: float

    @property
    def slope(self) -> Float64:
        """v k / w."""
        return self.fees * self.rate / self.weight

    def fill(self, bearers: Int64, floor: Float64, ceiling: Float64, amount: float) -> Float64:
        if not len(bearers):
            return floor
        slope = self.slope[bearers]
        order = np.argsort(slope)
        reached = float(floor.sum()) + np.cumsum((ceiling - floor)[order])
        critical = float(slope[order[min(int(np.searchsorted(reached, amount)), len(order) - 1)]])
        paid = np.where(slope < critical, ceiling, floor)
        tied = np.flatnonzero(slope == critical)
        rest = amount - float(paid.sum()) + float(paid[tied].sum())
        paid[tied] = Fairness(self.weight).fill(bearers[tied], floor[tied], ceiling[tied], rest)
        return paid

    def marginal(self, paid: Float64, bearer: Int64) -> Float64:
        return self.slope[bearer]

    def at(self, price: Float64, bearer: Int64) -> Float64:
        return np.where(price > self.slope[bearer], np.inf, 0.0)

    def cost(self, paid: Float64, bearer: Int64) -> Float64:
        return self.slope[bearer] * paid


@dataclass(frozen=True)
class PowerFees:
    """F = v k (x / w)^p: fees lost under power retention, p > 1. Bearers without fees pay first, as fairness has it.

    x_i = tau r_i within floor and ceiling, r_i = w_i (w_i / v_i)^(1 / (p - 1)): equal prices v k p (x / w)^(p - 1) / w.
    """

    weight: Float64
    fees: Float64
    rate: float
    exponent: float

    def _reach(self, bearers: Int64) -> Float64:
        """log r, infinite without fees."""
        weight, fees = self.weight[bearers], self.fees[bearers]
        with np.errstate(divide="ignore"):
            found: Float64 = np.log(weight) + (np.log(weight) - np.log(fees)) / (self.exponent - 1)
        return found

    def fill(self, bearers: Int64, floor: Float64, ceiling: Float64, amount: float) -> Float64:
        free = self.fees[bearers] == 0
        bearable = float(np.where(free, ceiling, floor).sum())
        paid = np.where(free, ceiling, floor)
        some = np.flatnonzero(free if amount <= bearable else ~free)
        rest = amount - float(paid.sum()) + float(paid[some].sum())
        if amount <= bearable:
            paid[some] = Fairness(self.weight).fill(bearers[some], floor[some], ceiling[some], rest)
            return paid
        reach = self._reach(bearers[some])
        rates = np.exp(np.maximum(reach - float(reach.max()), _FAR))
        paid[some] = np.clip(level(rates, floor[some], ceiling[some], rest) * rates, floor[some], ceiling[some])
        return paid

    def marginal(self, paid: Float64, bearer: Int64) -> Float64:
        steep = self.fees[bearer] * (self.rate * self.exponent) / self.weight[bearer]
        found: Float64 = steep * (paid / self.weight[bearer]) ** (self.exponent - 1)
        return found

    def at(self, price: Float64, bearer: Int64) -> Float64:
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            tau = np.log(price / (self.rate * self.exponent)) / (self.exponent - 1)
            found = np.exp(tau + self._reach(bearer))
        return np.where(price > 0, np.where(self.fees[bearer] > 0, found, np.inf), 0.0)

    def cost(self, paid: Float64, bearer: Int64) -> Float64:
        found: Float64 = self.fees[bearer] * self.rate * (paid / self.weight[bearer]) ** self.exponent
        return found


_FAR = -600.0
"""Powers of e below the largest rate that doubles still hold."""
