"""The accounts that revenue decides on, what their fees cost, and what is decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from solvers.money import Bool, Float64, Int64
from solvers.problem import HaircutProblem
from solvers.water_filling import Rates, fill


@dataclass(frozen=True)
class Stakes:
    """Accounts with a cap above 0 in the order of their ids, so that the order of the rows never shows.

    rows        positions in the book
    ids         their names, to settle ties
    cap_units, endowment_units   most that may be taken, and w
    fees        v, expected dollars
    """

    rows: Int64
    ids: Sequence[str]
    cap_units: Int64
    endowment_units: Int64
    fees: Float64

    @classmethod
    def of(cls, problem: HaircutProblem) -> Self:
        """Of all winners that may be haircut at all."""
        ids = problem.book.ids
        rows = np.array(sorted(np.flatnonzero(problem.cap_units).tolist(), key=ids.__getitem__), np.int64)
        names = [ids[row] for row in rows.tolist()]
        fees = problem.book.column("fees").floats[rows]
        return cls(rows, names, problem.cap_units[rows], problem.endowment_units[rows], fees)

    def __getitem__(self, some: Bool) -> "Stakes":
        """The accounts of a mask."""
        names = [self.ids[i] for i in np.flatnonzero(some).tolist()]
        return Stakes(self.rows[some], names, self.cap_units[some], self.endowment_units[some], self.fees[some])


A_HAIR_BELOW = 1 - 2.0**-50
"""A price a rounding error above the critical account's would offer to take all of its cap, at any multiple of what
it bears. A hair below it offers nothing, and the bound is off by that hair of what the account bears."""


@dataclass(frozen=True)
class Point:
    """Whole units and the real-valued haircuts behind them, one a stake, and mu: the fees lost for a unit more."""

    seized_units: Int64
    haircuts: Float64
    price: float


def shared(stakes: Stakes, amount_units: int) -> Point:
    """Capped-pro-rata, exactly: what the objective leaves to fairness."""
    filling = fill(stakes.cap_units, Rates.of(stakes.endowment_units), amount_units, stakes.ids)
    most = stakes.cap_units / stakes.endowment_units
    return Point(filling.seized_units, np.minimum(float(filling.level), most), 0.0)
