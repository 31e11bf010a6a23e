"""The measures that a frontier trades off: of an allocation in whole units, each a number (MODEL 6 and 9)."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import fsum
from typing import Literal, get_args

import numpy as np

from solvers.diagnostics.fairness import Curve
from solvers.diagnostics.robustness import LEVEL, loss_after
from solvers.errors import ProblemError
from solvers.money import Float64, Int64
from solvers.problem import HaircutProblem
from solvers.revenue.retention import Exponential
from solvers.robustness.exposures import Positions
from solvers.robustness.laws import Scenarios
from solvers.robustness.losses import expected_losses
from solvers.robustness.pieces import totals_after
from solvers.robustness.tail import Tail
from solvers.robustness.worst import at_risk

Measure = Literal["max_haircut", "gini", "expected_deficit", "cvar", "revenue_kept"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
HIGHER_IS_BETTER: frozenset[Measure] = frozenset({"revenue_kept"})
IN_CURRENCY: frozenset[Measure] = frozenset({"expected_deficit", "cvar", "revenue_kept"})


@dataclass(frozen=True)
class Measuring:
    """The measures of one problem; what does not depend on the allocation is taken once.

    max_haircut, gini             of h = x / w over the winners, as in the fairness diagnostics; 0 if nothing is taken
    expected_deficit, cvar        of the venue's next loss after the haircuts, in currency, exposure model deleverage;
                                  cvar is the mean of the worst 5 %
    revenue_kept                  sum v_i r(h_i) in currency, of all accounts
    """

    problem: HaircutProblem

    def of(self, names: tuple[Measure, ...], seized_units: Int64) -> dict[Measure, float]:
        """These measures of amounts that keep the rules, one an account of the book."""
        haircuts = self.problem.haircuts(seized_units)
        functions: dict[Measure, Callable[[], float]] = {
            "max_haircut": lambda: float(haircuts.max()),
            "gini": lambda: self._gini(seized_units),
            "expected_deficit": lambda: fsum(((1 - haircuts) * self._expected).tolist()),
            "cvar": lambda: self._cvar(haircuts),
            "revenue_kept": lambda: self._revenue(haircuts),
        }
        return {name: functions[name]() for name in names}

    def told(self, names: tuple[Measure, ...], seized_units: Int64) -> dict[Measure, float]:
        """These measures to the last digit of the robustness diagnostics, which add up scenarios before accounts."""
        found = self.of(names, seized_units)
        if {"expected_deficit", "cvar"} & set(names):
            loss = loss_after(self.problem, self.problem.haircuts(seized_units), "deleverage", LEVEL)
            same: dict[Measure, float] = {"expected_deficit": loss.expected, "cvar": loss.cvar}
            found |= {name: value for name, value in same.items() if name in names}
        return found

    def spared(self, names: tuple[Measure, ...], seized_units: Int64) -> dict[Measure, float]:
        """The best that each measure may have been before rounding moved every amount by up to a unit.

        Only amounts strictly between 0 and their cap are moved. A unit changes gini by 2 over all units at most.
        """
        found, caps = self.of(names, seized_units), self.problem.cap_units
        moved = ((seized_units > 0) & (seized_units < caps)).astype(np.int64)
        for name in names:
            match name:
                case "max_haircut":
                    found[name] = float(self.problem.haircuts(np.maximum(seized_units - 1, 0)).max())
                case "gini":
                    found[name] -= 2 * int(moved.sum()) / max(int(seized_units.sum()), 1)
                case _:
                    step = -moved if name in HIGHER_IS_BETTER else moved
                    found |= self.of((name,), seized_units + step)
        return found

    def _gini(self, seized_units: Int64) -> float:
        """As the fairness diagnostics have it; 0 where nothing is taken."""
        rows = self.problem.winners
        taken = seized_units[rows]
        return Curve.of(self.problem.endowment_units[rows], taken).gini if taken.any() else 0.0

    @cached_property
    def _expected(self) -> Float64:
        return expected_losses(self.problem)[0]

    @cached_property
    def _tail(self) -> Float64:
        """What each account adds to the CVaR of one factor: all of them lose in the same moves (`tail`)."""
        law, losses = self.problem.shock, np.zeros(len(self.problem.book))
        if law is not None and not isinstance(law, Scenarios):
            positions = Positions.of(self.problem)
            losses[positions.rows] = positions.losses(Tail(law, LEVEL), "deleverage", np.zeros(len(positions.rows)))
        return losses

    def _cvar(self, haircuts: Float64) -> float:
        law = self.problem.shock
        if not isinstance(law, Scenarios):
            return fsum(((1 - haircuts) * self._tail).tolist())
        return at_risk(totals_after(self.problem, "deleverage", haircuts), law.probabilities, LEVEL)[1]

    def _revenue(self, haircuts: Float64) -> float:
        retention = self.problem.retention
        fees = self.problem.book.column("fees").floats
        left = np.zeros(len(fees)) if retention is None else retention.leaves(haircuts)
        return fsum((fees * (1 - left)).tolist())


def require(problem: HaircutProblem, names: tuple[str, ...]) -> tuple[Measure, ...]:
    """The measures by name, two or three and different; refused where the problem has no figures for one."""
    if not 2 <= len(names) <= 3 or len(set(names)) < len(names):
        raise ProblemError("measures", "must be two or three different ones")
    found = tuple(measure for name in names for measure in MEASURES if measure == name)
    if len(found) < len(names):
        raise ProblemError("measures", f"must be among {', '.join(MEASURES)}")
    if {"expected_deficit", "cvar"} & set(found) and problem.shock is None:
        raise ProblemError("shock", "is needed by expected_deficit and cvar: say what the next shock is")
    if "revenue_kept" in found:
        if problem.retention is None:
            raise ProblemError("retention", "is needed by revenue_kept: say how haircuts drive accounts away")
        if isinstance(problem.retention, Exponential):
            raise ProblemError("retention", "exponential makes revenue concave; a frontier takes linear or power")
    return found


def in_units(measures: dict[Measure, float], precision: int) -> dict[Measure, float]:
    """The measures with money to the nearest whole unit, which is how it is shown."""
    return {
        name: float(round(Fraction(value) * 10**precision)) if name in IN_CURRENCY else value
        for name, value in measures.items()
    }
