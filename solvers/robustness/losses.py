"""The expected next loss of each account of a book, before anything is taken (MODEL 3).

    loss_i = n_i psi(e_i / n_i)                          parametric laws, n_i = |exposure_i|, by default the notional
    loss_i = sum_s p_s max(-e_i - exposure_i . m_s, 0)   scenarios

in dollars (units of the currency, whole units / 10^precision), over accounts with e_i > 0. Losers have failed
already and lose 0 here, as do accounts without a position.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from solvers.money import Float64, Int64
from solvers.problem import HaircutProblem, once
from solvers.robustness.laws import Scenarios

ExposureModel = Literal["deleverage", "cash", "both"]
"""What a haircut does to an account: `exposures` says."""


@dataclass(frozen=True)
class Exposed:
    """The k accounts that the next shock can hit: those with e > 0 and a position.

    rows       their positions in the book
    equity     k dollars, above 0
    exposure   k x F dollars: signed for scenarios, |exposure| of the one factor for a parametric law
    """

    rows: Int64
    equity: Float64
    exposure: Float64

    @classmethod
    def of(cls, problem: HaircutProblem) -> "Exposed":
        """An account that gives no exposure has its notional, or under scenarios none."""
        book = problem.book
        rows = np.flatnonzero(book.equity_units > 0)
        given = None if book.exposure is None else book.exposure[rows]
        if isinstance(problem.shock, Scenarios):
            empty = np.zeros((rows.size, problem.shock.moves.shape[1]))
            exposure = empty if given is None else np.nan_to_num(given, copy=False)
        else:
            notional = book.column("notional").floats[rows, None]
            exposure = notional if given is None else np.where(np.isnan(given), notional, np.abs(given))
        held = exposure.any(axis=1)
        return cls(rows[held], book.equity_units[rows[held]] / 10.0**book.precision, exposure[held])


@once
def expected_losses(problem: HaircutProblem) -> tuple[Float64, Float64]:
    """Dollars an account, and their logarithms, which tell losses below the smallest double apart; -inf for none.

    An account's figures depend on its own row alone. Without a shock nobody loses.
    """
    n = len(problem.book)
    expected, logarithm = np.zeros(n), np.full(n, -np.inf)
    if problem.shock is None:
        return expected, logarithm
    exposed = Exposed.of(problem)
    if isinstance(problem.shock, Scenarios):
        losses = problem.shock.expected_shortfall(exposed.equity, exposed.exposure)
        with np.errstate(divide="ignore"):
            logarithms = np.log(losses)
    else:
        position = exposed.exposure[:, 0]
        margin = exposed.equity / position
        losses = position * problem.shock.expected_loss(margin)
        logarithms = np.log(position) + problem.shock.log_expected_loss(margin)
    expected[exposed.rows], logarithm[exposed.rows] = losses, logarithms
    return expected, logarithm
