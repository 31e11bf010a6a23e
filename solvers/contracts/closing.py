"""What a closing policy returns, before and after it is made of whole lots."""

from dataclasses import dataclass

from solvers.money import Float64, Int64


@dataclass(frozen=True)
class Plan:
    """Amounts before lots, of the demands that cost something.

    amounts   units of currency that each arc of `ClosureProblem.arcs` pays, real-valued; 0 for free demands
    levels    of each demand, its shadow price: the haircut that one more unit of its cost is borne at, or what the
              policy minimises instead of haircuts loses by it; 0 for free ones
    """

    amounts: Float64
    levels: Float64


@dataclass(frozen=True)
class Closing:
    """Contracts closed, in whole lots.

    lots     closed of each arc of `ClosureProblem.arcs`, from 0 to the arc's lots
    plan     the real-valued amounts behind them, of policies that minimise something
    rank     place of each arc in its market's queue, 1 is closed first; None for policies that do not rank
    bound    a lower bound on the worst haircut of any closing in whole lots, where a search proved one
    notes    what a reader should know, in sentences
    method, libraries    how it was found, and with what
    """

    lots: Int64
    plan: Plan | None = None
    rank: Int64 | None = None
    bound: float | None = None
    notes: tuple[str, ...] = ()
    method: str = "max-flow"
    libraries: tuple[str, ...] = ("ortools",)
