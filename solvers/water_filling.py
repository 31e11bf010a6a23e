"""Weighted water-filling: the one algorithm behind capped-pro-rata, leverage-pro-rata, contracts-pro-rata and rap.

    x_i = min(cap_i, tau rate_i),    tau such that sum x_i = amount

With rate_i = w_i r_i this is h_i = min(beta_i, tau r_i), the minimiser of sum w_i h_i^2 / (2 r_i) under the
budget and the caps: stationarity of the Lagrangian is h_i / r_i = tau wherever h_i is strictly inside, and at
the cap h_i / r_i <= tau. r = 1 is capped-pro-rata, which minimises sum w_i phi(h_i) for every strictly convex
phi at once (arXiv 2512.01112, section 5; the weight w_i is needed).

S(tau) = sum min(cap_i, tau rate_i) is concave, piecewise linear and increasing. Newton's method from the left
never overshoots, since each tangent lies above S: tau rises until the set of accounts at their caps stands
still, and that set is then exact. Rates and caps are integers, so every comparison and sum is exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from solvers.allocation import Allocation
from solvers.level import level
from solvers.money import Bool, Float64, Ids, Int64, Integers, total
from solvers.problem import HaircutProblem
from solvers.rounding import shares

RELATIVE_BITS = 224
"""Rational rates are brought to a common scale with at least this many significant bits."""

_DOUBT = 1e-12
"""Relative distance within which a comparison of doubles is repeated in integers."""

_TINY = 1e-290
"""Below this doubles lose their relative precision."""


@dataclass(frozen=True)
class Filling:
    """seized_units adds up to the amount; `level` is tau, the smallest where several would do."""

    seized_units: Int64
    level: Fraction


@dataclass(frozen=True)
class Rates:
    """Non-negative rates, exactly `integers / scale`. An integer 0 is a rate of exactly 0."""

    integers: Integers
    scale: Fraction = Fraction(1)

    @classmethod
    def of(cls, integers: Integers, scale: Fraction = Fraction(1)) -> "Rates":
        """Integer rates; as Python integers where a sum of int64 could wrap."""
        if integers.dtype != object and float(integers.sum(dtype=np.float64)) > 2.0**62:
            integers = integers.astype(object)
        return cls(integers, scale)

    @classmethod
    def quotients(cls, numerators: Sequence[int], denominators: Sequence[int]) -> "Rates":
        """Rational rates on one binary scale, each to RELATIVE_BITS significant bits or better."""
        lengths = [d.bit_length() - n.bit_length() for n, d in zip(numerators, denominators, strict=True) if n > 0]
        shift = max(0, RELATIVE_BITS + max(lengths, default=0))
        integers = np.empty(len(numerators), dtype=object)
        integers[:] = [(n << shift) // d for n, d in zip(numerators, denominators, strict=True)]
        return cls(integers, Fraction(1 << shift))


def filled(problem: HaircutProblem, rates: Rates, what: str) -> Allocation:
    """The allocation of a whole problem; `rates` has one element a winner, `what` names the rates in a note.

    When every account with a positive rate is at its cap, the rest of the amount is spread capped-pro-rata
    over the winners of rate zero (the published pseudo-code stops short of the budget there).
    """
    problem.require_reachable()
    caps, winners = problem.cap_units, problem.winners
    seized = np.zeros(len(problem.book), dtype=np.int64)

    def pour(rows: Int64, rates: Rates, amount_units: int) -> Fraction:
        filling = fill(caps[rows], rates, amount_units, problem.book.id_array[rows])
        seized[rows] = filling.seized_units
        return filling.level

    positive = rates.integers > 0
    first, rest = winners[positive], winners[~positive]
    bearable = total(caps[first])
    level = pour(first, Rates(rates.integers[positive], rates.scale), min(problem.amount_units, bearable))
    if problem.amount_units <= bearable:
        return Allocation(seized, level)
    level = pour(rest, Rates.of(problem.endowment_units[rest]), problem.amount_units - bearable)
    return Allocation(seized, level, notes=(_spread(what, len(first), len(rest)),))


def _spread(what: str, weighted: int, unweighted: int) -> str:
    if not weighted:
        return f"No winner has a positive {what} weight: the budget is spread capped-pro-rata over all of them."
    return (
        f"Every account with a positive {what} weight is at its cap; the rest of the budget is spread "
        f"capped-pro-rata over the {unweighted} winners of weight zero, and the multiplier is theirs."
    )


def fill(cap_units: Int64, rates: Rates, amount_units: int, ids: Ids) -> Filling:
    """Water-fill `amount_units` over accounts with positive rates; 0 <= amount <= sum of caps.

    cap_units, rates and ids have one element an account. The answer does not depend on their order.
    """
    integers = rates.integers
    if amount_units == 0:
        return Filling(np.zeros_like(cap_units), Fraction(0))
    breakpoints = _breakpoints(cap_units, integers)
    if amount_units == total(cap_units):
        last = int(breakpoints.argmax())
        return Filling(cap_units.copy(), int(cap_units[last]) * rates.scale / int(integers[last]))
    capped, left, rate_sum = _newton(cap_units, integers, breakpoints, amount_units)
    seized = cap_units.copy()
    below = np.flatnonzero(~capped)
    seized[below] = shares(integers[below], left, rate_sum, ids, below)
    return Filling(seized, left * rates.scale / rate_sum)


def _newton(caps: Int64, integers: Integers, breakpoints: Float64, amount: int) -> tuple[Bool, int, int]:
    """The accounts at their caps, what is left for the others, and the sum of the others' rates."""
    capped = breakpoints <= _guess(caps, breakpoints, amount)
    left, rate_sum = amount - total(caps[capped]), _sum(integers[~capped])
    if left <= 0:
        # The guess is no use: start from the left, with nobody at a cap.
        capped[:] = False
        left, rate_sum = amount, _sum(integers)
    while True:
        # From here on S(tau) <= amount < sum of caps, so some account stays below its cap: rate_sum > 0.
        more = _at_cap(caps, integers, breakpoints, left, rate_sum)
        if np.array_equal(more, capped):
            return capped, left, rate_sum
        capped = more
        left = amount - total(caps[capped])
        rate_sum = _sum(integers[~capped])


def _guess(caps: Int64, breakpoints: Float64, amount: int) -> float:
    """tau in doubles, or 0. The rates follow from caps and breakpoints, since those may be too large for doubles."""
    some = (breakpoints > _TINY) & (breakpoints < 1 / _TINY)
    reach = caps[some].astype(np.float64)
    return level(reach, reach / breakpoints[some], float(amount)) if some.any() else 0.0


def _at_cap(caps: Int64, integers: Integers, breakpoints: Float64, left: int, rate_sum: int) -> Bool:
    """cap_i <= tau rate_i with tau = left / rate_sum: in doubles where they prove it, else in integers."""
    tau = left / rate_sum
    capped = breakpoints <= tau
    doubtful = np.abs(breakpoints - tau) <= max(_DOUBT * tau, _TINY)
    for i in np.flatnonzero(doubtful).tolist():
        capped[i] = int(caps[i]) * rate_sum <= int(integers[i]) * left
    return capped


def _breakpoints(caps: Int64, integers: Integers) -> Float64:
    if integers.dtype != object:
        return caps / integers
    return np.array([cap / rate for cap, rate in zip(caps.tolist(), integers.tolist(), strict=True)])


def _sum(integers: Integers) -> int:
    return sum(integers.tolist()) if integers.dtype == object else total(integers)
