"""Revenue: the fees that leave with the accounts a haircut drives away (MODEL 5 and 9; arXiv 2512.01112, section 7)."""

from dataclasses import dataclass
from math import fsum

from solvers.money import Int64, total
from solvers.problem import HaircutProblem, once
from solvers.revenue.certificate import certify_revenue
from solvers.revenue.revenue import Revenue, revenue
from solvers.verify import cap_violation_units


@dataclass(frozen=True)
class RevenueKept:
    """Expected fees in dollars (units of the currency), never negative or NaN.

    fees           sum v_i over the whole book; accounts without an endowment stay
    ltv_kept       sum v_i r(h_i);  churned_fees: sum v_i (1 - r(h_i)), both of the whole-unit amounts
    share_kept     LTV kept over fees, None where there are no fees
    churn_regret   churned fees less the fewest that seizing the same total allows; with exponential retention less
                   a lower bound of that, so that true regret may be smaller: the bound of the chords, or a better one
                   that is known. None where the total is not reachable, or an account is above its cap
    """

    fees: float
    ltv_kept: float
    churned_fees: float
    share_kept: float | None
    churn_regret: float | None


def revenue_kept(problem: HaircutProblem, seized_units: Int64, least: float | None = None) -> RevenueKept | None:
    """Revenue of any allocation; None without a retention. Does not depend on the order of the accounts.

    least   a lower bound on the churned fees of this total, in dollars, where one is known already

    Of an allocation that breaks the rules, haircuts count as the nearest of 0 and 1.
    """
    if problem.retention is None:
        return None
    fees = problem.book.column("fees").floats
    leaves = problem.retention.leaves(problem.haircuts(seized_units).clip(0, 1))
    churned, whole = fsum((fees * leaves).tolist()), fsum(fees.tolist())
    kept = fsum((fees * (1 - leaves)).tolist())
    bound = _least(problem, seized_units)
    return RevenueKept(
        fees=whole,
        ltv_kept=kept,
        churned_fees=churned,
        share_kept=kept / whole if whole > 0 else None,
        churn_regret=None if bound is None else max(churned - max(bound, least or 0.0), 0.0),
    )


def _least(problem: HaircutProblem, seized_units: Int64) -> float | None:
    """A lower bound on the churned fees of any allocation of the same total within the caps."""
    amount_units = total(seized_units)
    if not 0 <= amount_units <= problem.reachable_units or cap_violation_units(problem, seized_units):
        return None
    return _bound(problem if amount_units == problem.amount_units else problem.reduced(amount_units))


@once
def _bound(problem: HaircutProblem) -> float:
    return certify_revenue(problem, revenue(problem, Revenue()), Revenue()).bound
