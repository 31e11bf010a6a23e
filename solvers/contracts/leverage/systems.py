"""The accounts' own Newton systems, and the prices of their caps."""

from functools import cached_property

import numpy as np

from solvers.contracts.leverage.elimination import SMALL
from solvers.money import Float64

_ROUNDING = 1e-15


class Systems:
    """B dx + c deta = force,  deta = slack + bend c' dx,  of N accounts: B n x n, c the cost of a whole position.

    `bend` has no bound where a cap is reached, so that deta is eliminated and not B + bend c c' inverted.
    """

    def __init__(self, inverse: Float64, cost: Float64 | None, bend: Float64) -> None:
        self.inverse, self.cost, self.bend = inverse, cost, bend
        if cost is not None:
            self.toward = np.add.reduce(inverse * cost, axis=1)
            self.stiffness = 1 + bend * np.add.reduce(cost * self.toward)

    @cached_property
    def bent(self) -> Float64:
        """The inverse of B + bend c c'."""
        if self.cost is None:
            return self.inverse
        if len(self.cost) == 1:
            alone: Float64 = self.inverse / self.stiffness
            return alone
        n, c, inverse = len(self.cost), self.cost, self.inverse
        if n > SMALL:
            many: Float64 = inverse - self.bend / self.stiffness * self.toward[:, None] * self.toward[None]
            for i in range(n):
                many[i, i] = np.maximum(many[i, i], _ROUNDING * inverse[i, i])
            return many
        # By minors, of which those that are nothing are left out: where caps bind, the rest is what is left of them.
        bent = np.empty_like(inverse)
        for i in range(n):
            for j in range(i, n):
                minors = np.zeros_like(self.bend)
                for k in range(n):
                    for m in range(n):
                        if k != j and m != i:
                            minors += c[k] * c[m] * (inverse[i, j] * inverse[k, m] - inverse[i, k] * inverse[j, m])
                bent[i, j] = bent[j, i] = (inverse[i, j] + self.bend * minors) / self.stiffness
        return bent

    def answer(self, force: Float64, slack: Float64) -> tuple[Float64, Float64]:
        """dx, n x N, and deta, N."""
        dx = np.add.reduce(self.bent * force, axis=1)
        if self.cost is None:
            return dx, slack
        deta = (slack + self.bend * np.add.reduce(self.toward * force)) / self.stiffness
        return dx - self.toward * (slack / self.stiffness), deta
