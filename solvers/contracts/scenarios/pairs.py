"""Newton's steps of the pairs of one block of accounts, for given steps of prices and scenario weights (`interior`)."""

from dataclasses import dataclass

import numpy as np

from solvers.contracts.scenarios.program import Block
from solvers.money import Float64

_MORE = 1e-13
"""Added to matrices of unit diagonal, which rounding may leave short of positive definite."""

_SLOTS = 6
"""Accounts with more arcs than this get their matrices one by one."""


class State:
    """A block's unknowns, their multipliers, and the directions of the step at hand (names with d).

    Products aim at mu times the root of what the account has at stake: between accounts of like weight (mu alone: the
    small ones are undecided until the end) and mu in proportion to it (all of them turn at once, in short steps).
    """

    def __init__(self, block: Block, x: Float64, q: Float64, mu: float) -> None:
        self.block = block
        self.weight = np.sqrt(block.scale)
        self.paired = self.weight[block.owner]
        self.x, self.far = x, 1 - x
        each = mu * self.weight[:, None]
        self.low, self.high = each / x, each / self.far
        self.rest = np.where(block.capped > 0, np.maximum(1 - (block.cost * x).sum(axis=1), 0.1), 1.0)
        self.toll = block.capped * mu * self.weight / self.rest
        self.l, self.r = self._central(q, mu)
        self.y, self.t = mu * self.paired / self.r, mu * self.paired / self.l

    def _central(self, q: Float64, mu: float) -> tuple[Float64, Float64]:
        """l and r of the pairs with y r = t l = mu and y + t = q exactly."""
        block = self.block
        q, aim = q[block.scenario], mu * self.paired
        g = block.margin + block.per_pair(self.x)
        big = (q * np.abs(g) + 2 * aim + np.sqrt((q * g) ** 2 + 4 * aim * aim)) / (2 * q)
        small = aim / (q - aim / big)
        return np.where(g > 0, big, small), np.where(g > 0, small, big)

    def products(self) -> tuple[float, float]:
        """Sum of all products, and of their weights."""
        block = self.block
        total = _dot(self.y, self.r) + _dot(self.t, self.l) + _dot(self.low, self.x) + _dot(self.high, self.far)
        total += _dot(self.toll, self.rest)
        each = float(((2 * self.x.shape[1] + block.capped) * self.weight).sum())
        return total, 2 * float(self.paired.sum()) + each

    def stationarity(self, price: Float64) -> Float64:
        """What the Lagrangian's gradient in x is off by, N x j."""
        block = self.block
        found = block.linear + block.by_account(self.y * block.slope).T - block.part * price[block.demand]
        found += block.cost * self.toll[:, None] - self.low + self.high
        return found

    def factor(self, price: Float64) -> None:
        """root (N x j x j) with root' root the inverse of each account's matrix, and what the pairs keep of it."""
        block, self.off = self.block, self.stationarity(price)
        self.steep, t = self.y / self.r, self.t / self.l
        self.inverse = 1 / (self.steep + t)
        self.phi = self.steep * self.inverse
        theta = self.phi * t
        matrix = _squares(block, theta)
        places = np.arange(self.x.shape[1])
        matrix[:, places, places] += self.low / self.x + self.high / self.far
        matrix += (self.toll / self.rest)[:, None, None] * block.cost[:, :, None] * block.cost[:, None, :]
        scale = 1 / np.sqrt(matrix[:, places, places])
        scaled = matrix * scale[:, :, None] * scale[:, None, :]
        scaled[:, places, places] += _MORE
        self.root = np.linalg.inv(np.linalg.cholesky(scaled)) * scale[:, None, :]

    def pull(self, targets: "Targets") -> Float64:
        """The right hand side of each account, N x j; keeps the constants of the pairs' steps."""
        block = self.block
        ry, rt = targets.y / self.r, targets.t / self.l
        self.base = ry + rt
        self.fixed = ry - self.phi * self.base
        found = -self.off - block.by_account(self.fixed * block.slope).T
        self.lack = np.where(block.capped > 0, 1 - (block.cost * self.x).sum(axis=1) - self.rest, 0.0)
        found -= block.cost * ((targets.toll - self.toll * self.lack) / self.rest)[:, None]
        found += targets.low / self.x - targets.high / self.far
        return found

    def solve(self, pull: Float64) -> Float64:
        """The step of x that answers a right hand side, N x j."""
        found: Float64 = np.einsum("nba,nb->na", self.root, np.einsum("nab,nb->na", self.root, pull))
        return found

    def step(self, dx: Float64, dq: Float64 | None, targets: "Targets") -> None:
        """The directions of everything, from those of x and q."""
        block = self.block
        along = block.per_pair(dx)
        moved = self.base + along * self.steep
        if dq is not None:
            moved -= dq[block.scenario]
        self.dx, self.dl = dx, moved * self.inverse
        self.dr = self.dl - along
        self.dy = (targets.y - self.y * self.dr) / self.r
        self.dt = (targets.t - self.t * self.dl) / self.l
        self.dlow, self.dhigh = (targets.low - self.low * dx) / self.x, (targets.high + self.high * dx) / self.far
        self.drest = self.lack - (block.cost * dx).sum(axis=1) * (block.capped > 0)
        self.dtoll = (targets.toll - self.toll * self.drest) / self.rest

    def longest(self) -> tuple[float, float]:
        """How far primal and dual unknowns may go along the step before one is zero."""
        primal = min(reach(self.l, self.dl), reach(self.r, self.dr), reach(self.x, self.dx))
        primal = min(primal, reach(self.far, -self.dx), reach(self.rest, self.drest))
        dual = min(reach(self.y, self.dy), reach(self.t, self.dt), reach(self.low, self.dlow))
        return primal, min(dual, reach(self.high, self.dhigh), reach(self.toll + (1 - self.block.capped), self.dtoll))

    def products_after(self, primal: float, dual: float) -> float:
        found = _dot(self.y + dual * self.dy, self.r + primal * self.dr)
        found += _dot(self.t + dual * self.dt, self.l + primal * self.dl)
        found += _dot(self.low + dual * self.dlow, self.x + primal * self.dx)
        found += _dot(self.high + dual * self.dhigh, self.far - primal * self.dx)
        return found + _dot(self.toll + dual * self.dtoll, self.rest + primal * self.drest)

    def targets(self, mu: float, *, correct: bool) -> "Targets":
        """What each product has to change by; with the second order of the last step, where asked."""
        pair, each = mu * self.paired, mu * self.weight
        found = Targets(
            pair - self.y * self.r,
            pair - self.t * self.l,
            each[:, None] - self.low * self.x,
            each[:, None] - self.high * self.far,
            self.block.capped * each - self.toll * self.rest,
        )
        if correct:
            found.y -= self.dy * self.dr
            found.t -= self.dt * self.dl
            found.low -= self.dlow * self.dx
            found.high += self.dhigh * self.dx
            found.toll -= self.dtoll * self.drest
        return found

    def centred(self, targets: "Targets", primal: float, dual: float, mu: float) -> "Targets":
        """Targets that also bring back products which a longer step would take far from mu (Gondzio 1996)."""
        pair, each = mu * self.paired, mu * self.weight
        return Targets(
            targets.y + astray((self.y + dual * self.dy) * (self.r + primal * self.dr), pair),
            targets.t + astray((self.t + dual * self.dt) * (self.l + primal * self.dl), pair),
            targets.low + astray((self.low + dual * self.dlow) * (self.x + primal * self.dx), each[:, None]),
            targets.high + astray((self.high + dual * self.dhigh) * (self.far - primal * self.dx), each[:, None]),
            targets.toll
            + self.block.capped * astray((self.toll + dual * self.dtoll) * (self.rest + primal * self.drest), each),
        )

    def move(self, primal: float, dual: float) -> None:
        self.l += primal * self.dl
        self.r += primal * self.dr
        self.x = self.x + primal * self.dx
        self.far = self.far - primal * self.dx
        self.rest = self.rest + primal * self.drest
        self.y += dual * self.dy
        self.t += dual * self.dt
        self.low = self.low + dual * self.dlow
        self.high = self.high + dual * self.dhigh
        self.toll = self.toll + dual * self.dtoll


@dataclass
class Targets:
    """By how much each product of an unknown and its multiplier is to change; names are those of the multipliers."""

    y: Float64
    t: Float64
    low: Float64
    high: Float64
    toll: Float64


def _dot(one: Float64, other: Float64) -> float:
    """Not by BLAS, whose threads cost more than they bring here."""
    return float((one * other).sum())


def astray(products: Float64, mu: Float64) -> Float64:
    """What brings products back to a tenth or ten times mu, and no more than that down."""
    return np.maximum(np.clip(products, 0.1 * mu, 10 * mu) - products, -10 * mu)


def reach(value: Float64, direction: Float64) -> float:
    """The largest step, up to 1, that leaves values above zero at zero or more."""
    fastest = -float((direction / value).min(initial=0.0))
    return 1.0 if fastest <= 1 else 1 / fastest


def _squares(block: Block, theta: Float64) -> Float64:
    """sum over an account's pairs of theta slope slope', N x j x j."""
    n, j = block.arcs.shape
    found = np.zeros((n, j, j))
    if j > _SLOTS:
        for row, first in zip(*(part.tolist() for part in block.segments), strict=True):
            some = slice(first, first + int(block.count[row]))
            found[row] = (block.slope[:, some] * theta[some]) @ block.slope[:, some].T
        return found
    for b in range(j):
        weighted = theta * block.slope[b]
        for c in range(b, j):
            found[:, b, c] = found[:, c, b] = block.by_account(weighted * block.slope[c])
    return found
