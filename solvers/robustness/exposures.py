"""What a haircut does to an account's next loss: the three exposure models (MODEL 3; arXiv 2512.01112, section 6).

With n_i = |exposure_i|, equity e_i, endowment w_i, haircut h_i = x_i / w_i and psi(u) = E[max(-u - Z, 0)]:

    deleverage   (1 - h_i) n_i psi(e_i / n_i)                          equity and position both shrink by 1 - h
    cash         n_i psi((e_i - x_i) / n_i)                            money is taken, the position stays
    both         (1 - h_i) n_i psi((e_i - x_i) / ((1 - h_i) n_i))      money is taken, that fraction is closed

`deleverage` is linear in h and exact only where w = e; the others are convex. Under scenarios psi is a weighted mean
of signed losses (`pieces`). At h = 1 `both` has no position left and loses max(w_i - e_i, 0), the limit.
"""

from dataclasses import dataclass

import numpy as np

from solvers.money import Float64, Int64
from solvers.problem import HaircutProblem
from solvers.robustness.laws import Law, Scenarios
from solvers.robustness.losses import Exposed, ExposureModel
from solvers.robustness.pieces import Pieces


@dataclass(frozen=True)
class Positions:
    """The k accounts that one factor can hit, those with e > 0 and a position.

    rows        their positions in the book
    size        k dollars, n = |exposure| > 0
    equity      k dollars, e > 0
    endowment   k dollars, w >= 0
    principal   k dollars, c = e - w, from whole units; below zero where cash is
    """

    rows: Int64
    size: Float64
    equity: Float64
    endowment: Float64
    principal: Float64

    @classmethod
    def of(cls, problem: HaircutProblem) -> "Positions":
        """For a parametric law; scenarios have `Pieces`."""
        exposed, scale = Exposed.of(problem), 10.0**problem.book.precision
        w, e = problem.endowment_units[exposed.rows], problem.book.equity_units[exposed.rows]
        return cls(exposed.rows, exposed.exposure[:, 0], exposed.equity, w / scale, (e - w) / scale)

    def long(self, moves: Scenarios) -> Pieces:
        """The same accounts under finitely many moves, as if all were long, since a law falls on |exposure|."""
        return Pieces(self.rows, self.equity, self.size[:, None], self.endowment, -self.principal, moves)

    def losses(self, law: Law, model: ExposureModel, haircuts: Float64) -> Float64:
        """Expected dollars an account after these haircuts, one each."""
        kept = 1 - haircuts
        if model == "deleverage":
            return kept * self.size * law.expected_loss(self.equity / self.size)
        # e - h w without cancellation where c >= 0.
        margin = self.principal + kept * self.endowment
        if model == "cash":
            return self.size * law.expected_loss(margin / self.size)
        losses, held = np.maximum(-self.principal, 0.0), kept > 0
        size = kept[held] * self.size[held]
        losses[held] = size * law.expected_loss(margin[held] / size)
        return losses
