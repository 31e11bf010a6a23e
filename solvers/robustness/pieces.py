"""The loss of every account in every scenario as a function of its haircut: max(A + B h, 0) dollars (MODEL 3).

With margin_is = -e_i - exposure_i . m_s, what the account would lose beyond its equity if nothing were taken:

    deleverage   (1 - h) max(margin, 0)               A = max(margin, 0)   B = -A
    cash         max(margin + h w, 0)                 A = margin           B = w
    both         max((1 - h) margin - h (e - w), 0)   A = margin           B = w - e - margin

since what a haircut of 1 leaves under `both` is e - w and no position. All are convex in h. There are accounts times
scenarios of them, so they come in blocks of accounts (`Scenarios.margins`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from solvers.errors import ProblemError
from solvers.money import Float64, Int64
from solvers.problem import HaircutProblem
from solvers.robustness.laws import Scenarios
from solvers.robustness.losses import Exposed, ExposureModel


@dataclass(frozen=True)
class Pieces:
    """The k accounts that the scenarios can hit, those with e > 0 and a position.

    rows        their positions in the book
    equity      k dollars, above 0
    exposure    k x F signed dollars
    endowment   k dollars, w
    gap         k dollars, w - e, from whole units
    """

    rows: Int64
    equity: Float64
    exposure: Float64
    endowment: Float64
    gap: Float64
    scenarios: Scenarios

    @classmethod
    def of(cls, problem: HaircutProblem) -> "Pieces":
        """Refused: a problem whose shock is not scenarios."""
        if not isinstance(problem.shock, Scenarios):
            raise ProblemError("shock", "must be scenarios: other laws have closed forms")
        exposed, scale = Exposed.of(problem), 10.0**problem.book.precision
        w, e = problem.endowment_units[exposed.rows], problem.book.equity_units[exposed.rows]
        return cls(exposed.rows, exposed.equity, exposed.exposure, w / scale, (w - e) / scale, problem.shock)

    def taken(self, places: Int64) -> "Pieces":
        """Some of the accounts, in the order of `places`."""
        equity, exposure, endowment = self.equity[places], self.exposure[places], self.endowment[places]
        return Pieces(self.rows[places], equity, exposure, endowment, self.gap[places], self.scenarios)

    def in_scenarios(self, places: Int64) -> "Pieces":
        """The same accounts in some of the scenarios, as likely among themselves as they were."""
        chances = self.scenarios.probabilities[places]
        return replace(self, scenarios=Scenarios(self.scenarios.moves[places], chances))

    def blocks(self) -> Iterator[tuple[slice, Float64]]:
        """Places in `rows` and their margins, accounts x S; the array is used again for the next block."""
        return self.scenarios.margins(self.equity, self.exposure)

    def linear(self, model: ExposureModel, some: slice, margins: Float64) -> tuple[Float64, Float64]:
        """(A, B) of a block: A accounts x S, B of that shape or accounts x 1 where it is the same in all scenarios."""
        if model == "deleverage":
            losses = np.maximum(margins, 0.0)
            return losses, -losses
        if model == "cash":
            return margins.copy(), self.endowment[some, None]
        return margins.copy(), self.gap[some, None] - margins

    def losses(self, model: ExposureModel, some: slice, margins: Float64, haircuts: Float64, out: Float64) -> Float64:
        """max(A + B h, 0) of a block in `out`; `haircuts` has one an account of the block."""
        h = haircuts[:, None]
        if model == "deleverage":
            return np.multiply(np.maximum(margins, 0.0, out=out), 1 - h, out=out)
        if model == "cash":
            np.add(margins, h * self.endowment[some, None], out=out)
        else:
            np.multiply(margins, 1 - h, out=out)
            out += h * self.gap[some, None]
        return np.maximum(out, 0.0, out=out)


def totals_after(problem: HaircutProblem, model: ExposureModel, haircuts_all: Float64) -> Float64:
    """S dollars: the venue's loss in each scenario after these haircuts, one an account of the book.

    Does not depend on the order of the accounts.
    """
    return totals(Pieces.of(problem), [(model, haircuts_all)])[0]


def totals(pieces: Pieces, cases: Sequence[tuple[ExposureModel, Float64]]) -> list[Float64]:
    """`totals_after` of several models and haircuts in one pass over accounts and scenarios."""
    # Accounts with the same bytes are interchangeable, so losses are always added up in the same order. Haircuts come
    # last, so that it is the same order for all of them: a sum of smaller losses is never larger.
    by_account = [pieces.equity[:, None], pieces.exposure, pieces.endowment[:, None]]
    haircuts = [haircuts_all[pieces.rows, None] for _, haircuts_all in cases]
    accounts = 0.0 + np.hstack(by_account + haircuts)  # 0 + x, so that -0 and 0 are one
    order = np.argsort(accounts.view(f"V{accounts.shape[1] * accounts.itemsize}")[:, 0])
    pieces, found = pieces.taken(order), np.zeros((len(cases), len(pieces.scenarios.moves)))
    scratch = np.empty(0)
    for some, margins in pieces.blocks():
        if scratch.shape != margins.shape:
            scratch = np.empty_like(margins)
        for case, ((model, _), h) in enumerate(zip(cases, haircuts, strict=True)):
            found[case] += pieces.losses(model, some, margins, h[order[some], 0], scratch).sum(axis=0)
    return list(found)
