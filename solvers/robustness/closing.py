"""Least expected loss where money is taken and as much of the position closed: `both`, continuous laws (MODEL 3).

With k = 1 - h what is kept, c = e - w the principal and u = (w + c / k) / n the margin, account i loses k n psi(u),
and a further dollar taken adds

    m(k) = -(n psi(u) + P(Z < -u) c / k) / w = -(n psi(u) / w) (1 + c R(u) / (k n)),     R(u) = P(Z < -u) / psi(u)

dollars, which rises as k falls (the perspective of a convex function is convex). For c >= 0 it is below zero to the
end: taking only ever helps; for c = 0 it is constant. For c < 0 it rises through zero. At the optimum one price mu of
the amount meets all m(k_i) strictly inside, so there are three stages: accounts with m < 0 on the scale of -log(-m);
those with m = 0, which have no position and are not looked at here; those with m > 0 on the scale of log m. On these
scales losses below the smallest double are still told apart.
"""

from dataclasses import dataclass

import numpy as np

from solvers.between import fairest
from solvers.knapsack import TIE
from solvers.money import Float64, Int64
from solvers.robustness.laws import Law
from solvers.robustness.roots import roots

_LEAST = 1e-18
"""What is kept at a haircut of 1, so that c / k is finite."""

_PRECISE = 1e-290
"""Below this psi loses its digits, and R is taken from the slope of its logarithm."""

_CLOSE = 2e-15
_FARTHEST = 2.0**70


@dataclass(frozen=True)
class Closing:
    """k accounts: sizes n > 0, endowments w > 0, principals c and least kept parts 1 - beta, in one unit of money.

    How far an account is closed is told by s = -log(1 - h), which has digits where little is taken or little kept.
    """

    law: Law
    size: Float64
    endowment: Float64
    principal: Float64
    least: Float64

    def solve(self, safe: float, amount: float) -> tuple[Float64, float, float]:
        """Haircuts, what is left for accounts without a position, at most `safe`, and the multiplier."""
        if not len(self.size):
            return np.zeros(0), amount, 0.0
        none, end = np.zeros(len(self.size)), -np.log(np.maximum(self.least, _LEAST))
        zero = self._crossing(end)
        helped = self._taken(zero)
        if amount <= helped:
            haircuts, price = self._stage(-1, none, zero, amount)
            return haircuts, 0.0, -float(np.exp(-price))
        if amount - helped <= safe:
            return -np.expm1(-zero), amount - helped, 0.0
        haircuts, price = self._stage(1, zero, np.maximum(end, zero), amount - safe)
        return haircuts, safe, float(np.exp(price))

    def _taken(self, closed: Float64) -> float:
        return float(self.endowment @ -np.expm1(-closed))

    def _level(self, sign: int, some: Int64, closed: Float64) -> Float64:
        """The price at which an account stops there, -log(-m) or log m: rising. Where m has the other sign, the end."""
        n, w, c = self.size[some], self.endowment[some], self.principal[some]
        grown = np.exp(closed)
        u = np.maximum((w + c * grown) / n, 0.0)
        lean = -sign * (1 + c * grown / n * _hazard(self.law, u))
        with np.errstate(divide="ignore"):
            return sign * (np.log(n / w) + self.law.log_expected_loss(u) + np.log(np.maximum(lean, 0.0)))

    def _crossing(self, end: Float64) -> Float64:
        """Where m reaches zero from below, or the end."""

        def sign(some: Int64, closed: Float64) -> Float64:
            return np.where(self._level(-1, some, closed) == np.inf, 1.0, -1.0)

        zero, rising = end.copy(), np.flatnonzero(self.principal < 0)
        zero[rising], _ = roots(lambda some, x: sign(rising[some], x), np.zeros(rising.size), end[rising], _CLOSE)
        return zero

    def _stage(self, sign: int, first: Float64, last: Float64, amount: float) -> tuple[Float64, float]:
        """Haircuts between two ends that take the amount, and the price.

        What is taken at a price rises with it, and may jump (accounts with c = 0). The root is narrowed to a tie of
        prices, and within the tie the fairest point is taken.
        """
        everyone = np.arange(len(first))
        start, stop = self._level(sign, everyone, first), self._level(sign, everyone, last)
        known = start[np.isfinite(start)] if sign < 0 else stop[np.isfinite(stop)]
        ends = [first, last]

        def met(price: float, between: tuple[Float64, Float64]) -> Float64:
            return roots(lambda some, x: self._level(sign, some, x) - price, *between, _CLOSE)[0]

        def missing(_: Int64, price: Float64) -> Float64:
            closed = met(float(price[0]), (ends[0], ends[1]))
            more = self._taken(closed) - amount
            ends[int(more >= 0)] = closed
            return np.array([more])

        price = float(np.median(known)) if known.size else 0.0
        low = high = np.array([price])
        step = 1.0 if missing(everyone, low)[0] < 0 else -1.0
        while abs(step) < _FARTHEST:
            low, high = (high, high + step) if step > 0 else (low + step, low)
            if (missing(everyone, high if step > 0 else low)[0] >= 0) == (step > 0):
                break
            step *= 2
        low, high = roots(missing, low, high, TIE)
        tie = TIE * max(1.0, abs(float(high[0])))
        at_low, at_high = met(float(low[0]) - tie, (first, last)), met(float(high[0]) + tie, (first, last))
        w, price = self.endowment, min(max(float(high[0]), float(start.min())), float(stop.max()))
        x, _ = fairest(w, -np.expm1(-at_low) * w, -np.expm1(-at_high) * w, amount)
        return x / w, price


def _hazard(law: Law, u: Float64) -> Float64:
    """R = P(Z < -u) / psi(u) = -d/du log psi(u)."""
    psi = law.expected_loss(u)
    precise = psi > _PRECISE
    rates = np.divide(law.tail(u), psi, out=np.zeros_like(u), where=precise)
    far = u[~precise]
    if far.size:
        aside = 1e-5 * far
        with np.errstate(invalid="ignore"):
            fall = law.log_expected_loss(far - aside) - law.log_expected_loss(far + aside)
        rates[~precise] = np.nan_to_num(fall / (2 * aside), nan=0.0, posinf=0.0)
    return rates
