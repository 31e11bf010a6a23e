"""The partial decisions of the search in `solvers.revenue.exact`, a column for each thing that matters of one."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from solvers.money import Bool, Float64, Int64


@dataclass(frozen=True)
class States:
    """One element a state. R is what is left without the fractional account, whose loss at `low` is in `lost`.

    account   position of the fractional account, -1 where none is chosen
    slope     of the piece's chord, in losses a unit
    parent    the state it came from, in the step before;  flipped: whether this step's account left its greedy place
    """

    left: Int64
    lost: Float64
    account: Int64
    low: Int64
    high: Int64
    slope: Float64
    parent: Int64
    flipped: Bool

    @classmethod
    def root(cls, left: int) -> "States":
        zero = np.zeros(1, np.int64)
        return cls(zero + left, np.zeros(1), zero - 1, zero, zero, np.zeros(1), zero, np.zeros(1, np.bool_))

    def __getitem__(self, some: Int64) -> "States":
        return States(*(column[some] for column in vars(self).values()))

    def __len__(self) -> int:
        return len(self.left)

    def children(self, **changed: Any) -> "States":
        """A child of each state."""
        count = len(self)
        return replace(self, **{"parent": np.arange(count), "flipped": np.zeros(count, np.bool_), **changed})

    @classmethod
    def joined(cls, parts: list["States"]) -> "States":
        return cls(*(np.concatenate(columns) for columns in zip(*(vars(part).values() for part in parts), strict=True)))

    def distinct(self) -> Int64:
        """Of states with the same rest and the same piece, the one that lost least."""
        order = np.lexsort((self.lost, self.low, self.account, self.left))
        same = np.ones(max(len(order) - 1, 0), np.bool_)
        for column in (self.left, self.account, self.low):
            same &= np.diff(column[order]) == 0
        first: Int64 = order[np.concatenate((np.ones(min(len(order), 1), np.bool_), ~same))]
        return first
