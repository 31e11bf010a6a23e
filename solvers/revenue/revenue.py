"""`revenue`: whom to haircut so that the fewest fees leave (MODEL 5; arXiv 2512.01112, section 7)."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from solvers.allocation import Allocation
from solvers.backends.deadline import NEVER, Deadline
from solvers.errors import ProblemError
from solvers.problem import HaircutProblem
from solvers.revenue.certificate import certify_revenue
from solvers.revenue.concave import exponential
from solvers.revenue.convex import linear, power
from solvers.revenue.exact import searched
from solvers.revenue.retention import Exponential, Linear, Retention
from solvers.revenue.stakes import Point, Stakes
from solvers.verify import GAP_TOLERANCE

_GREEDY = (
    "Under exponential retention losses are concave in the haircut: everybody is left alone or taken to their cap but "
    "one. This is the greedy answer; the certificate's gap is the most that another could keep, and exact looks for it."
)


@dataclass(frozen=True, kw_only=True)
class Revenue:
    """Parameters of `revenue`.

    exact   with exponential retention, search for the optimum beyond the greedy vertex, as far as the search's limits
            allow. The other curves are solved exactly in any case.
    """

    exact: bool = False


def revenue(problem: HaircutProblem, parameters: Revenue, deadline: Deadline = NEVER) -> Allocation:
    """Minimise the churned fees sum v_i (1 - r(h_i)) over 0 <= h_i <= beta_i, sum w_i h_i = B.

    v_i are expected fees in dollars, r the problem's retention; the LTV kept is sum v_i less the objective.

    linear       a knapsack by v_i k / w_i ascending; ties share capped-pro-rata.
    power        h_i = min(beta_i, (mu w_i / (v_i k p))^(1/(p-1))); accounts with v_i = 0 first, capped-pro-rata.
    exponential  concave: everybody at 0 or their cap but one. The greedy vertex of the chords, or with `exact` a search
                 from there; either way the certificate has the gap that is left. Ties are not shared, not even
                 by accounts with v_i = 0: they are filled whole, the largest cap first.

    The multiplier is mu, the fees lost for a dollar more at the margin (exponential: on the chords); None where the
    amount leaves no choice. Refused: a problem without a retention, or without fees. The search raises SolverTimeout
    at the deadline, or returns the best it has.
    """
    if problem.retention is None:
        raise ProblemError("retention", "is needed by revenue: say how haircuts drive accounts away")
    problem.require_reachable()
    stakes = Stakes.of(problem)
    seized, haircuts = np.zeros(len(problem.book), np.int64), np.zeros(len(problem.book))
    if problem.amount_units in (0, problem.reachable_units):
        seized[:] = problem.cap_units if problem.amount_units else 0
        return Allocation(seized, haircuts=problem.haircuts(seized)[problem.winners])
    notes: tuple[str, ...] = ()
    bound = None
    if isinstance(problem.retention, Exponential) and parameters.exact:
        search = searched(problem.retention, stakes, problem.amount_units, deadline)
        point, bound, notes = search.point, search.bound, (search.note,)
    else:
        point = _point(problem.retention, stakes, problem.amount_units)
    seized[stakes.rows], haircuts[stakes.rows] = point.seized_units, point.haircuts
    found = Allocation(
        seized,
        Fraction(point.price) * 10**problem.book.precision,
        notes=notes,
        haircuts=haircuts[problem.winners],
        method="closed-form" if bound is None else "branch-and-bound",
        bound=bound,
    )
    if isinstance(problem.retention, Exponential) and not parameters.exact:
        open_ = certify_revenue(problem, found, parameters).relative_gap > GAP_TOLERANCE
        return replace(found, notes=(_GREEDY,)) if open_ else found
    return found


def _point(retention: Retention, stakes: Stakes, amount_units: int) -> Point:
    if isinstance(retention, Exponential):
        return exponential(retention, stakes, amount_units)
    if isinstance(retention, Linear):
        return linear(retention, stakes, amount_units)
    return power(retention, stakes, amount_units)
