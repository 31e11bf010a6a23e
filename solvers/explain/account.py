"""One account of a problem, and the terms that are told of it."""

from fractions import Fraction
from typing import Any, Literal

import numpy as np

from solvers.explain.formulas import Term, Told, money, ratio, told
from solvers.money import fraction
from solvers.problem import HaircutProblem
from solvers.solve import Solution

Limit = Literal["endowment", "max_haircut", "min_equity"]


def limit_of(problem: HaircutProblem, row: int) -> Limit | None:
    """Which limit made the cap; None without an endowment."""
    endowment, cap = int(problem.endowment_units[row]), int(problem.cap_units[row])
    if not endowment:
        return None
    if cap == endowment:
        return "endowment"
    room = max(int(problem.book.equity_units[row]) - int(problem.book.min_equity_units[row]), 0)
    return "min_equity" if cap == room else "max_haircut"


class Account:
    """The account of one row of the book in a solution, and the terms put so far: first its cap and endowment."""

    def __init__(self, solution: Solution, row: int) -> None:
        self.solution, self.problem, self.row = solution, solution.problem, row
        self.seized_units = int(solution.allocation.seized_units[row])
        self.cap_units = int(self.problem.cap_units[row])
        self.terms: dict[str, Term] = {}
        self.money("cap", self.cap_units)
        self.money("endowment", int(self.problem.endowment_units[row]))

    def money(self, name: str, units: int) -> Fraction:
        """Whole units."""
        return self._put(name, money(units, self.problem.book.precision))

    def equity(self) -> Fraction:
        return self.money("equity", int(self.problem.book.equity_units[self.row]))

    def number(self, name: str, value: int | float | str) -> Fraction:
        """A number as it was given."""
        return self._put(name, Term(fraction(value), "number"))

    def column(self, name: str) -> Fraction:
        """This account's number of a column of the book, as it was given."""
        return self.number(name, self.problem.book.column(name).raw[self.row] or 0)

    def ratio(self, name: str, value: Fraction | float, digits: int = 0) -> Fraction:
        """With as many digits as this account's amount needs; that is what formulas see."""
        return self._put(name, ratio(value, self.cap_units, digits or 12))

    def level(self) -> Fraction:
        """The haircut before rounding."""
        place = np.searchsorted(self.problem.winners, self.row)
        haircut = self.solution.allocation.real_haircuts(self.problem)[place]
        return self.ratio("level", float(haircut))

    def told(self, rule: str, formula: str | None) -> Told:
        return told(rule, formula, self.terms)

    def _put(self, name: str, term: Term) -> Fraction:
        self.terms[name] = term
        return term.value


def winners_column(problem: HaircutProblem, name: str) -> Any:
    """The winners' numbers, exactly, up to a common factor."""
    return problem.book.column(name).exact[0][problem.winners]
