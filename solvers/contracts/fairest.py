"""The policies that minimise something: plans made of whole lots."""

from dataclasses import dataclass

from solvers.contracts.closing import Closing
from solvers.contracts.lexicographic import lexicographic_plan, min_max_plan
from solvers.contracts.lots import whole_lots
from solvers.contracts.problem import ClosureProblem


@dataclass(frozen=True)
class Lexicographic:
    """lexicographic takes no parameters."""


@dataclass(frozen=True)
class MinMax:
    """min-max takes no parameters."""


def lexicographic(problem: ClosureProblem, _: Lexicographic) -> Closing:
    """The lexicographically optimal amounts, in whole lots."""
    plan = lexicographic_plan(problem)
    return Closing(whole_lots(problem, plan), plan)


def min_max(problem: ClosureProblem, _: MinMax) -> Closing:
    """Amounts of the least worst haircut, in whole lots."""
    plan = min_max_plan(problem)
    return Closing(whole_lots(problem, plan), plan)
