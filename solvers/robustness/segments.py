"""The cheapest way to take an amount when every scenario has a weight: a lower bound for whatever is worst (MODEL 3).

    min over h   sum_i f_i(h_i),   f_i(h) = sum_s q_s max(A_is + B_is h, 0),   0 <= h_i <= beta_i, sum w_i h_i = amount

Each f_i is convex and piecewise linear, with a kink where a loss begins or ends inside (0, beta_i). Cut there, an
account is a few segments of rising slopes, and all segments of all accounts are one knapsack. With any price mu of
the budget, mu amount + sum_i min_h (f_i(h) - mu w_i h) is a lower bound (weak duality), and the knapsack's is the best.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import fsum

import numpy as np

from solvers.knapsack import knapsack
from solvers.money import Bool, Float64, Int64
from solvers.robustness.losses import ExposureModel
from solvers.robustness.pieces import Pieces


@dataclass(frozen=True)
class Segments:
    """The f_i of k accounts as m segments of positive width, account by account and from left to right.

    account   m places of accounts, ascending
    start     m haircuts where a segment starts; it ends where the account's next starts, or at its largest haircut
    width     m haircuts
    slope     m dollars a dollar, rising within an account
    size      m dollars a dollar, the magnitude of the terms that the slope is a sum of: its rounding is relative to it
    most      k largest haircuts
    """

    account: Int64
    start: Float64
    width: Float64
    slope: Float64
    size: Float64
    most: Float64

    def ties(self, price: float, slack: float = 0.0) -> tuple[Float64, Float64]:
        """The smallest and the largest minimiser of f_i(h) - price w_i h, k haircuts each."""
        return self.reached(self.slope < price - slack), self.reached(self.slope <= price + slack)

    def reached(self, taken: Bool) -> Float64:
        """k haircuts: where the segments of an account that are taken, the first of it, end."""
        counts = np.bincount(self.account, minlength=len(self.most))
        here = np.bincount(self.account[taken], minlength=len(self.most))
        inside = here < counts
        following = (np.cumsum(counts) - counts + here)[inside]
        haircuts = self.most.copy()
        haircuts[inside] = self.start[following]
        return haircuts


@dataclass(frozen=True)
class Weighted:
    """The accounts in the scenarios that have a weight q > 0.

    pieces     k accounts, in those scenarios alone
    weights    q of those scenarios
    most       k largest haircuts, beta
    """

    pieces: Pieces
    model: ExposureModel
    weights: Float64
    most: Float64

    @classmethod
    def of(cls, pieces: Pieces, model: ExposureModel, weights: Float64, most: Float64) -> "Weighted":
        held = np.flatnonzero(weights)
        return cls(pieces.in_scenarios(held), model, weights[held], most)

    def segments(self) -> Segments:
        found: list[list[Float64]] = [[np.zeros(0)] for _ in range(4)]
        accounts = [np.zeros(0, np.int64)]
        for some, a, b in self._lines():
            account, *columns = self._segments(some, a, b)
            accounts.append(account)
            for column, part in zip(found, columns, strict=True):
                column.append(part)
        start, width, slope, size = (np.concatenate(column) for column in found)
        return Segments(np.concatenate(accounts), start, width, slope, size, self.most)

    def values(self, haircuts: Float64) -> Float64:
        """f_i(h_i), k dollars."""
        found, scratch = np.empty(len(self.most)), np.empty(0)
        for some, margins in self.pieces.blocks():
            if scratch.shape != margins.shape:
                scratch = np.empty_like(margins)
            losses = self.pieces.losses(self.model, some, margins, haircuts[some], scratch)
            found[some] = np.multiply(losses, self.weights, out=losses).sum(axis=1)
        return found

    def bound(self, segments: Segments, price: float, amount: float, idle: float) -> float:
        """Weak duality at this price of a dollar, if `idle` dollars more can be taken at no loss."""
        haircuts, _ = segments.ties(price)
        paid = price * self.pieces.endowment * haircuts
        return fsum([price * amount, -max(price, 0.0) * idle, *self.values(haircuts).tolist(), *(-paid).tolist()])

    def _lines(self) -> Iterator[tuple[slice, Float64, Float64]]:
        for some, margins in self.pieces.blocks():
            yield some, *self.pieces.linear(self.model, some, margins)

    def _segments(self, some: slice, a: Float64, b: Float64) -> tuple[Int64, Float64, Float64, Float64, Float64]:
        """account, start, width, slope and size of a block."""
        most, b = self.most[some, None], np.broadcast_to(b, a.shape)
        kinks = np.divide(-a, b, out=np.zeros_like(a), where=b != 0)
        inside = (kinks > 0) & (kinks < most)
        begin = np.where((a > 0) | ((a == 0) & (b > 0)), b, 0.0)
        first = (begin * self.weights).sum(axis=1, keepdims=True)
        terms = (np.abs(begin) * self.weights).sum(axis=1)
        bends = np.where(inside, np.abs(b) * self.weights, 0.0)
        kinks = np.where(inside, kinks, most)
        order = np.argsort(kinks, axis=1, kind="stable")[:, : int(np.count_nonzero(inside, axis=1).max(initial=0))]
        kinks, bends = np.take_along_axis(kinks, order, axis=1), np.take_along_axis(bends, order, axis=1)
        slopes = np.hstack((first, first + np.cumsum(bends, axis=1)))
        ends = np.hstack((np.zeros_like(most), kinks, most))
        widths = np.diff(ends, axis=1)
        rows, places = np.nonzero(widths)
        w, slope = self.pieces.endowment[some][rows], slopes[rows, places]
        size = terms[rows] + (slope - first[rows, 0])
        return rows + some.start, ends[rows, places], widths[rows, places], slope / w, size / w


def best_price(segments: Segments, endowment: Float64, idle: float, amount: float) -> float:
    """Slope of the last segment that the knapsack takes; `idle` dollars more can be taken at no loss."""
    widths = segments.width * endowment[segments.account]
    return -knapsack(np.append(-segments.slope, 0.0), np.append(widths, idle), amount).key
