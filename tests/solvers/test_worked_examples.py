"""MODEL 11's examples, to the last unit, and the regimes by name."""

from fractions import Fraction

import pytest

from solvers.diagnostics.fairness import fairness
from solvers.diagnostics.solvency import solvency
from solvers.problem import Binding, HaircutProblem, Regime, Shortfall
from solvers.registry import POLICIES
from solvers.solve import Solution, solve
from tests.problems import FIVE, UNIT, book, five_accounts, problem, units


def run(name: str, found: HaircutProblem, **parameters: object) -> Solution:
    policy = POLICIES[name]
    return solve(found, policy, policy.parameters(**parameters))


def test_capped_pro_rata_takes_six_tenths_from_everybody() -> None:
    solution = run("capped-pro-rata", five_accounts())
    assert solution.allocation.seized_units.tolist() == units(4.8, 2.4, 0.3, 0, 0)
    assert (FIVE.equity_units - solution.allocation.seized_units).tolist() == units(5.2, 2.6, 0.7, -3, -12)
    assert solution.certificate.multiplier == Fraction(3, 5)
    assert solution.status == "optimal"
    assert solution.certificate.objective == pytest.approx(0.6**2 * 12.5 / 2, rel=1e-15)


def test_a_queue_in_the_order_two_one_three_closes_two_whole_and_one_in_part() -> None:
    solution = run("queue", five_accounts(), score="custom")
    seized = solution.allocation.seized_units
    assert (seized[:3] / five_accounts().endowment_units[:3]).tolist() == [0.4375, 1, 0]
    assert (FIVE.equity_units - seized).tolist() == units(6.5, 1, 1, -3, -12)
    assert solution.allocation.rank is not None
    assert solution.allocation.rank.tolist() == [2, 1, 3, 0, 0]
    assert solution.status == "feasible"


def test_largest_winner_first_costs_the_top_winner_more_and_yet_lowers_no_ptsr() -> None:
    first, even = run("queue", five_accounts()), run("pro-rata", five_accounts())
    queued = fairness(first.problem, first.allocation.seized_units)
    shared = fairness(even.problem, even.allocation.seized_units)
    assert queued.top_winner_survival == 0.5 / 8
    assert shared.top_winner_survival == pytest.approx(3.2 / 8)
    assert pytest.approx(7.5 * (1 - 8 / 12.5)) == 3.2 - 0.5
    assert queued.ptsr == Fraction(8, 15)
    assert shared.ptsr == Fraction(32, 75)


def test_order_is_kept_only_among_equal_caps() -> None:
    unequal = problem(book([0, 0], [10, 9], max_haircut=[1, 0.1]), 5.9)
    solution = run("capped-pro-rata", unequal)
    assert solution.allocation.seized_units.tolist() == units(5, 0.9)
    assert (unequal.endowment_units - solution.allocation.seized_units).tolist() == units(5, 8.1)
    assert fairness(unequal, solution.allocation.seized_units).rank_inversions == 1


@pytest.mark.parametrize(
    ("fund", "severity", "budget", "regime", "binding"),
    [
        (15, 1, 0, "insured", None),
        (20, 1, 0, "insured", None),
        (0, Fraction(1, 2), 7.5, "coverable", None),
        (0, 0, 0, "coverable", None),
        (0, Fraction(10, 15), 10, "principal-needed", "caps"),
        (2, 1, 13, "principal-needed", "principal"),
        (0, 1, 15, "principal-needed", "principal"),
    ],
)
def test_regimes_have_names(fund: int, severity: Fraction, budget: float, regime: Regime, binding: Binding) -> None:
    capped = book([2, 1, 0.5, 0, 0], [8, 4, 0.5, -3, -12], max_haircut=[0.5, 1, 1, 1, 1])
    found = HaircutProblem(capped, Shortfall(insurance_fund_units=fund * UNIT, severity=Fraction(severity)))
    assert found.budget_units == budget * UNIT
    assert found.regime == (regime, binding)


def test_a_budget_above_all_equity_is_insolvent() -> None:
    assert problem(FIVE, 16.000001).regime == ("insolvent", None)
    assert problem(FIVE, 16).regime == ("principal-needed", "principal")


def test_solvency_adds_up() -> None:
    found = HaircutProblem(FIVE, Shortfall(None, None, 5 * UNIT, Fraction(1, 2), 4 * UNIT))
    seized = run("capped-pro-rata", found).allocation.seized_units
    books = solvency(found, seized)
    assert (books.deficit_units, books.insurance_used_units, books.residual_units) == (15 * UNIT, 5 * UNIT, 10 * UNIT)
    assert (books.budget_units, books.uncovered_units, books.overshoot_units) == (5 * UNIT, 0, UNIT)
    assert books.equity_before_units - books.equity_after_units == books.budget_units


def test_a_fund_is_rounded_down_and_a_budget_up() -> None:
    found = HaircutProblem(FIVE, Shortfall(deficit_units=10, severity=Fraction(1, 3)))
    assert found.budget_units == 4


def test_principal_is_never_touched_and_nobody_is_pushed_under_water() -> None:
    found = HaircutProblem(book([-3, 2, -5], [10, 10, 4], min_equity=[0, 11.5, 0]))
    assert found.endowment_units.tolist() == units(10, 10, 0)
    assert found.cap_units.tolist() == units(7, 0.5, 0)
    equity = HaircutProblem(found.book, numeraire="equity")
    assert equity.endowment_units.tolist() == units(7, 12, 0)


def test_caps_are_whole_units_and_exact_where_doubles_are_not() -> None:
    found = HaircutProblem(book([0] * 3, ["0.000007", "0.000010", "9000000000000"], max_haircut=[0.3, 0.1, 0.7]))
    assert found.cap_units.tolist() == [2, 1, 6300000000000 * UNIT]


def test_wave_one_of_october_tenth_needs_less_than_a_percent() -> None:
    found = problem(book([0, 0], ["261289318.81", 0]), "2266239.82")
    eta = run("capped-pro-rata", found).certificate.multiplier
    assert eta is not None
    assert round(float(eta) * 100, 4) == 0.8673
