"""Named problems with answers derived by hand, for the solvers' own tests."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import ROUND_CEILING
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from solvers.money import Int64, Numbers
from solvers.problem import Book, HaircutProblem, Shortfall

PRECISION = 6
UNIT = 10**PRECISION


def book(cash: Sequence[Any], pnl: Sequence[Any], ids: Sequence[str] | None = None, **columns: Sequence[Any]) -> Book:
    """A book from plain numbers; accounts are called a0, a1, ... unless named."""
    n = len(cash)
    numbers = {name: Numbers.parse(name, list(values), optional=True) for name, values in columns.items()}
    caps = numbers.pop("max_haircut", Numbers.constant("max_haircut", 1, n))
    floor = numbers.pop("min_equity", Numbers.constant("min_equity", 0, n))
    return Book(
        list(ids or (f"a{i}" for i in range(n))),
        Numbers.parse("cash", list(cash)).units(PRECISION),
        Numbers.parse("pnl", list(pnl)).units(PRECISION),
        caps,
        floor.units(PRECISION, ROUND_CEILING),
        numbers,
        PRECISION,
    )


def problem(found: Book, budget: Any = 0, **shortfall: Any) -> HaircutProblem:
    """A problem with this budget: deficit given, no fund, severity one, unless said otherwise."""
    deficit = int(Fraction(str(budget)) * UNIT)
    return HaircutProblem(found, Shortfall(deficit_units=deficit, **shortfall))


FIVE = book(
    [2, 1, 0.5, 0, 0],
    [8, 4, 0.5, -3, -12],
    notional=[40, 10, 3, 12, 36],
    score=[2, 3, 1, None, None],
)
"""MODEL 11: D = 15, and at severity 1/2 B = 7.5, U = 12.5."""


def five_accounts() -> HaircutProblem:
    return HaircutProblem(FIVE, Shortfall(severity=Fraction(1, 2)))


def some(cases: int | Iterable[Any], fast: int) -> list[Any]:
    """Cases, or that many seeds, to parametrise with: the first `fast` always, the rest with the slow tests."""
    each = range(cases) if isinstance(cases, int) else cases
    return [case if place < fast else pytest.param(case, marks=pytest.mark.slow) for place, case in enumerate(each)]


def one_in(every: int, cases: Sequence[Any]) -> list[Any]:
    """Cases to parametrise with: one in so many always, the others with the slow tests."""
    return [
        pytest.param(case, marks=[] if place % every == 0 else pytest.mark.slow) for place, case in enumerate(cases)
    ]


def units(*amounts: float) -> list[int]:
    return [round(amount * UNIT) for amount in amounts]


def random_problem(rng: np.random.Generator, n: int) -> HaircutProblem:
    """A heavy-tailed book with ties, zero caps, zero weights, losers, and a budget anywhere in its reach."""
    pnl = np.round(rng.lognormal(3, 2.5, n), 2)
    pnl[rng.random(n) < 0.2] = 10.0
    pnl[rng.random(n) < 0.15] *= -1
    cash = np.round(rng.lognormal(3, 2, n), 2)
    cash[rng.random(n) < 0.1] *= -1
    caps = np.where(rng.random(n) < 0.5, 1.0, np.round(rng.random(n), 2))
    notional = np.where(rng.random(n) < 0.2, 0.0, np.round(rng.lognormal(4, 2, n), 2))
    found = book(cash.tolist(), pnl.tolist(), max_haircut=caps.tolist(), notional=notional.tolist())
    reach = HaircutProblem(found).reachable_units
    return HaircutProblem(found, Shortfall(deficit_units=int(reach * rng.random())))


def permuted(found: HaircutProblem, order: Int64) -> HaircutProblem:
    """The same problem with its accounts in another order."""
    was = found.book

    def numbers(column: Numbers) -> Numbers:
        return replace(column, raw=[column.raw[i] for i in order], floats=column.floats[order])

    there = replace(
        was,
        ids=[was.ids[i] for i in order],
        cash_units=was.cash_units[order],
        pnl_units=was.pnl_units[order],
        max_haircut=numbers(was.max_haircut),
        min_equity_units=was.min_equity_units[order],
        columns={name: numbers(column) for name, column in was.columns.items()},
        exposure=None if was.exposure is None else was.exposure[order],
        groups=None if was.groups is None else [was.groups[i] for i in order],
    )
    return replace(found, book=there)
