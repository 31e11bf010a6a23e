"""Screening against figures by hand, and what must not change it: scale, and the order of accounts."""

from dataclasses import asdict, replace
from fractions import Fraction
from math import log

import numpy as np
import pytest

from solvers.diagnostics.screening import Screening, screening
from solvers.problem import HaircutProblem, Shortfall
from tests.problems import UNIT, book, five_accounts, permuted, problem, random_problem

TWENTY = [2.0**i for i in range(20)]


def winners(*endowments: float, budget: float = 0) -> HaircutProblem:
    return problem(book([0] * len(endowments), list(endowments)), budget)


def pareto(alpha: float, n: int, seed: int) -> list[float]:
    return np.round(100 * (1 + np.random.default_rng(seed).pareto(alpha, n)), 6).tolist()


def test_the_five_accounts_by_hand() -> None:
    """w = (8, 4, 0.5), lambda = (4, 2, 3), the losers are under water: b = 4, R = 15, B = 7.5."""
    found = screening(five_accounts())
    assert (found.winners, found.upper_quantile_units) == (3, 4 * UNIT)
    assert (found.severity_load, found.sparing_severity) == (Fraction(15, 8), Fraction(4, 15))
    assert (found.hill_endowment, found.hill_leverage, found.leverage_imbalance) == (None, None, None)
    assert found.verdict == "dynamic-needed"


def test_leverages_add_up_on_either_side_and_a_flat_account_counts_with_the_losers() -> None:
    """Gains: 20/10 + 6/4 = 3.5. Others: 3/1 + 4/2 + 0 = 5. The last has no equity and does not count."""
    found = book([2, 2, 2, 2, 5, 1], [8, 2, -1, 0, -1, -4], notional=[20, 6, 3, 4, 0, 99])
    assert screening(problem(found, 1)).leverage_imbalance == pytest.approx(0.7)
    equity = replace(problem(found, 1), numeraire="equity")
    assert screening(equity).leverage_imbalance == pytest.approx(0.7)
    assert screening(equity).winners == 5


def test_without_winners_only_the_count_is_known() -> None:
    found = screening(problem(book([1, -2], [-1, -3]), 5))
    named = {name for name, value in asdict(found).items() if value is not None}
    assert named == {"winners", "severity_load_threshold", "tail_index_threshold"}
    assert found.winners == 0


def test_of_one_winner_b_is_all_it_has_and_of_more_the_second_largest() -> None:
    for endowments, b in (((7,), 7), ((7, 3), 3), ((7, 7), 7), ((1, 9, 4), 4), ((1, 9, 9, 4), 9)):
        found = screening(winners(*endowments, budget=14))
        assert found.upper_quantile_units == b * UNIT
        assert found.severity_load == Fraction(14, b)
        assert found.sparing_severity == Fraction(b, 14)


@pytest.mark.parametrize("k", [1, 2, 3, 7, 20, 49, 100])
def test_b_is_the_inverse_of_the_empirical_distribution(k: int) -> None:
    w = np.random.default_rng(k).integers(1, 12, k)
    smallest = min(x for x in w.tolist() if Fraction(int((w <= x).sum()), k) >= 1 - Fraction(1, k))
    # With F^-1(0) = -infinity a single winner stands for itself.
    assert screening(winners(*w.tolist())).upper_quantile_units == smallest * UNIT


def test_a_residual_below_b_spares_the_top_winner_at_any_severity() -> None:
    assert screening(winners(7, 3, budget=2)).sparing_severity == 1


def test_at_the_sparing_severity_the_budget_is_b() -> None:
    found = HaircutProblem(book([0, 0], [7, 3]), Shortfall(deficit_units=7 * UNIT + 1))
    severity = screening(found).sparing_severity
    assert severity is not None
    spared = HaircutProblem(found.book, Shortfall(deficit_units=7 * UNIT + 1, severity=severity))
    assert spared.budget_units == 3 * UNIT


def test_a_tail_index_needs_twenty_values() -> None:
    assert screening(winners(*TWENTY[:19])).hill_endowment is None
    assert screening(winners(*TWENTY[:19])).order_statistics_endowment is None
    found = screening(winners(*TWENTY))
    # The ten largest are 2^10 to 2^1 times the eleventh: the logarithms add up to 55 log 2.
    assert found.order_statistics_endowment == 10
    assert found.hill_endowment == pytest.approx(10 / (55 * log(2)), rel=1e-14)


def test_equal_endowments_have_no_index_and_no_heavy_tail() -> None:
    found = screening(winners(*[5.0] * 30, budget=100))
    assert (found.hill_endowment, found.order_statistics_endowment) == (None, 10)
    assert found.severity_load == 20
    assert found.verdict == "static-suffices"


def test_one_unit_is_told_apart_where_doubles_cannot() -> None:
    large = 2**58
    pnl = np.array([large] * 19 + [large + 1])
    near = HaircutProblem(replace(winners(*[1.0] * 20).book, pnl_units=pnl))
    assert screening(near).hill_endowment == pytest.approx(10 * large)


@pytest.mark.parametrize("alpha", [0.6, 1, 1.5, 3])
def test_the_index_of_a_simulated_pareto_is_its_exponent(alpha: float) -> None:
    n = 40_000
    found = screening(winners(*pareto(alpha, n, seed=3)))
    assert found.order_statistics_endowment == 200
    # The standard error is alpha / sqrt(200), 7 %.
    assert found.hill_endowment == pytest.approx(alpha, rel=0.2)


def test_the_index_of_leverage_leaves_out_those_without_notional_or_equity() -> None:
    leverages = pareto(1.2, 10_000, seed=4)
    n = len(leverages)
    found = book([1] * n + [1] * 50 + [-1] * 50, [0] * (n + 100), notional=[*leverages, *[0] * 50, *[1e12] * 50])
    index = screening(problem(found)).hill_leverage
    assert index == pytest.approx(1.2, rel=0.3)
    assert index == screening(winners(*leverages)).hill_endowment
    assert screening(problem(found)).order_statistics_leverage == 100


def test_without_notionals_leverage_is_not_known() -> None:
    cash, pnl = [1] * 30, [5] * 29 + [-0.5]
    for found in (book(cash, pnl), book(cash, pnl, notional=[0] * 30)):
        nothing = screening(problem(found, 1))
        assert (nothing.hill_leverage, nothing.order_statistics_leverage, nothing.leverage_imbalance) == (None,) * 3
    others = screening(problem(book([1, 1], [5, -0.5], notional=[0, 3]), 1))
    assert others.leverage_imbalance == 0


def test_insured_there_is_no_load_to_judge() -> None:
    shortfall = Shortfall(deficit_units=5 * UNIT, insurance_fund_units=5 * UNIT)
    found = screening(HaircutProblem(book([0] * 20, TWENTY), shortfall))
    assert (found.severity_load, found.sparing_severity, found.verdict) == (0, None, None)
    assert found.hill_endowment is not None


def test_at_severity_zero_there_is_no_load_and_static_suffices() -> None:
    shortfall = Shortfall(deficit_units=5 * UNIT, severity=Fraction(0))
    assert screening(HaircutProblem(book([0], [2]), shortfall)).verdict == "static-suffices"


def test_the_verdict_takes_a_load_above_one_and_a_heavy_tail() -> None:
    heavy, light = TWENTY, [100.0 + i for i in range(20)]
    wanted = {
        (tuple(heavy), 2.0**18): "static-suffices",
        (tuple(heavy), 2.0**18 + 1): "dynamic-needed",
        (tuple(light), 1_000): "static-suffices",
        ((3, 2), 2): "static-suffices",
        ((3, 2), 3): "dynamic-needed",
    }
    assert {(w, b): screening(winners(*w, budget=b)).verdict for w, b in wanted} == wanted


@pytest.mark.parametrize("n", [1, 5, 30, 2_000])
def test_the_order_of_accounts_changes_nothing(n: int) -> None:
    rng = np.random.default_rng(n)
    found = random_problem(rng, n)
    for _ in range(3):
        assert screening(permuted(found, rng.permutation(len(found.book)))) == screening(found)


@pytest.mark.parametrize("factor", [3, 1_000])
def test_all_money_times_a_factor_scales_b_and_leaves_every_ratio(factor: int) -> None:
    one = random_problem(np.random.default_rng(8), 500)
    old = one.book
    notional = old.columns["notional"]
    columns = {"notional": replace(notional, floats=notional.floats * factor)}
    times = replace(old, cash_units=old.cash_units * factor, pnl_units=old.pnl_units * factor, columns=columns)
    assert one.shortfall.deficit_units is not None
    many = HaircutProblem(times, Shortfall(deficit_units=one.shortfall.deficit_units * factor))
    before, after = screening(one), screening(many)
    assert before.upper_quantile_units is not None
    assert after.upper_quantile_units == before.upper_quantile_units * factor
    assert (after.severity_load, after.sparing_severity) == (before.severity_load, before.sparing_severity)
    assert ratios(after) == pytest.approx(ratios(before), rel=1e-12)
    assert after.verdict == before.verdict


def ratios(found: Screening) -> list[float | None]:
    return [found.hill_endowment, found.hill_leverage, found.leverage_imbalance]
