"""Screening: is one wave's budget small beside the largest winners, before any policy decides (MODEL 9).

It reads the problem alone: no allocation, and no caps. None where a figure is undefined.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import fsum, isqrt, log1p
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from solvers.money import Float64, steady_sum
from solvers.problem import HaircutProblem, once

Need = Literal["static-suffices", "dynamic-needed"]

LEAST_SAMPLE: Final = 20
"""With fewer values a tail index would say more about the sample than about the tail."""

LEAST_ORDER_STATISTICS: Final = 10
"""The error of a Hill index is about alpha / sqrt(m): a third at ten."""

SEVERITY_LOAD_THRESHOLD: Final = 1
"""Above it the budget is larger than b, the size to expect of the largest winner."""

TAIL_INDEX_THRESHOLD: Final = 2
"""Below it endowments have no finite variance: the next wave's largest winner may be of any size."""


@dataclass(frozen=True)
class Screening:
    """w_i endowments of the k winners, lambda_i = notional_i / e_i where e_i > 0, B budget, R residual.

    hill_endowment      tail index of w over the winners; hill_leverage: of lambda over accounts with lambda > 0
    order_statistics_*  m of each index, max(10, floor(sqrt(values))); None with fewer than 20 values
    upper_quantile_units   b = F^-1(1 - 1/k), the smallest w with F(w) >= 1 - 1/k, F the empirical distribution of
                        the winners' endowments: of k >= 2 the second largest
    severity_load       kappa = B / b
    leverage_imbalance  l+ / l-: l+ the sum of lambda_i over accounts with pnl_i > 0, l- over those with pnl_i <= 0,
                        both with e_i > 0. MODEL has the symbol only; this reading weighs accounts by leverage, not
                        by size, and goes by pnl under either numeraire
    sparing_severity    min(1, b / R): up to it B is at most b, so not even a queue that takes all of B from the top
                        winner takes more than the second largest has
    verdict             dynamic-needed where kappa is above its threshold and the tail of endowments is heavy: an
                        index below its threshold, or fewer than 20 winners to tell from. Equal endowments at the
                        top have no index and no heavy tail. None where insured or without winners
    """

    winners: int
    hill_endowment: float | None
    hill_leverage: float | None
    order_statistics_endowment: int | None
    order_statistics_leverage: int | None
    upper_quantile_units: int | None
    severity_load: Fraction | None
    leverage_imbalance: float | None
    sparing_severity: Fraction | None
    verdict: Need | None
    severity_load_threshold: int = SEVERITY_LOAD_THRESHOLD
    tail_index_threshold: int = TAIL_INDEX_THRESHOLD


@once
def screening(problem: HaircutProblem) -> Screening:
    """Screen a problem; the same figures whatever the order of the accounts."""
    endowments = problem.endowment_units[problem.winners]
    count, residual = len(endowments), problem.residual_units
    leverage = _leverage(problem)
    endowment_tail, leverage_tail = _Tail.of(endowments), _Tail.of(leverage[leverage > 0])
    quantile = problem.upper_quantile_units
    load = Fraction(problem.budget_units, quantile) if quantile else None
    return Screening(
        winners=count,
        hill_endowment=endowment_tail.index,
        hill_leverage=leverage_tail.index,
        order_statistics_endowment=endowment_tail.order_statistics,
        order_statistics_leverage=leverage_tail.order_statistics,
        upper_quantile_units=quantile,
        severity_load=load,
        leverage_imbalance=_imbalance(problem, leverage),
        sparing_severity=min(Fraction(1), Fraction(quantile, residual)) if quantile and residual else None,
        verdict=_verdict(load, endowment_tail) if load is not None and residual else None,
    )


@dataclass(frozen=True)
class _Tail:
    """alpha = m / sum_{i<=m} log(x_(i) / x_(m+1)), x_(1) the largest; no index where those m + 1 are equal."""

    index: float | None = None
    order_statistics: int | None = None

    @classmethod
    def of(cls, values: npt.NDArray[Any]) -> "_Tail":
        if len(values) < LEAST_SAMPLE:
            return cls()
        m = max(LEAST_ORDER_STATISTICS, isqrt(len(values)))
        *above, base = _largest(values, m + 1).tolist()
        # Differences of integers are exact, so neighbours that doubles cannot tell apart still count.
        logarithms = fsum(log1p((x - base) / base) for x in above)
        return cls(m / logarithms if logarithms else None, m)

    @property
    def is_heavy(self) -> bool:
        if self.order_statistics is None:
            return True
        return self.index is not None and self.index < TAIL_INDEX_THRESHOLD


def _largest(values: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    """The `count` largest values, or all when there are fewer, in descending order."""
    first = max(0, len(values) - count)
    return np.sort(np.partition(values, first)[first:])[::-1]


def _leverage(problem: HaircutProblem) -> Float64:
    """lambda_i; zero where e_i <= 0, and everywhere in a book without notionals."""
    book = problem.book
    leverage = np.zeros(len(book))
    if "notional" in book.columns:
        equity = book.equity_units / 10.0**book.precision
        np.divide(book.columns["notional"].floats, equity, out=leverage, where=equity > 0)
    return leverage


def _imbalance(problem: HaircutProblem, leverage: Float64) -> float | None:
    gaining = problem.book.pnl_units > 0
    plus, minus = steady_sum(leverage[gaining]), steady_sum(leverage[~gaining])
    return plus / minus if minus else None


def _verdict(load: Fraction, tail: _Tail) -> Need:
    return "dynamic-needed" if load > SEVERITY_LOAD_THRESHOLD and tail.is_heavy else "static-suffices"
