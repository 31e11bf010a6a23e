"""Closings of least expected deficit and CVaR over price scenarios: economics, oracles, edges."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.backends.deadline import Deadline
from solvers.contracts.closing import Closing
from solvers.contracts.costs import within_caps
from solvers.contracts.fairest import Lexicographic, lexicographic
from solvers.contracts.problem import ClosureProblem
from solvers.contracts.scenarios.diagnostics import closing_losses
from solvers.contracts.scenarios.policies import (
    ClosingCVar,
    ClosingExpectedDeficit,
    ScenarioPlan,
    closing_cvar,
    closing_expected_deficit,
    scenario_optimality,
)
from solvers.errors import ProblemError, SolverTimeout
from solvers.robustness.laws import Normal
from solvers.robustness.worst import at_risk
from tests.problems import some
from tests.solvers.contracts.markets import NASTY, by_name, closing, random_market, shuffled
from tests.solvers.contracts.shocks import levered, losses_by_hand, plain, random_moves, shocked

EXACT = 1e-8


def deficit(problem: ClosureProblem) -> Closing:
    return closing_expected_deficit(problem, ClosingExpectedDeficit())


def cvar(problem: ClosureProblem, level: float) -> Closing:
    return closing_cvar(problem, ClosingCVar(level=level))


def planned(found: Closing) -> ScenarioPlan:
    assert isinstance(found.plan, ScenarioPlan)
    return found.plan


def contracts(problem: ClosureProblem, found: Closing) -> dict[tuple[str, str], float]:
    return {name: round(value, 6) for name, value in by_name(problem, planned(found).contracts).items()}


def gambler_and_saver(moves: Any = ((0.5,),), **more: Any) -> ClosureProblem:
    """Two shorts of 10 contracts at 100 with equal profit; one has 100 of equity, the other 1,000."""
    problem = closing(
        {"BTC": (100, 1)},
        {"gambler": 0, "saver": 900},
        [("gambler", "BTC", -10, 110), ("saver", "BTC", -10, 110)],
        [("BTC", 10, 101)],
        **more,
    )
    return shocked(problem, moves)


def random_book(seed: int) -> tuple[ClosureProblem, float | None]:
    rng = np.random.default_rng(seed)
    markets, accounts, scenarios = (int(rng.integers(1, most)) for most in (5, 14, 25))
    problem = levered(
        random_market(seed, accounts, markets, int(rng.integers(1, 4)), NASTY), seed, float(rng.choice([5, 50, 200]))
    )
    moves = random_moves(seed, scenarios, markets, float(rng.choice([0.01, 0.05, 0.2])))
    weights = rng.random(scenarios) + (rng.random(scenarios) < 0.2) if seed % 2 else None
    return shocked(problem, moves, weights), (None, 0.95, 0.5, 0.01, 0.8)[seed % 5]


def solved(problem: ClosureProblem, level: float | None) -> Closing:
    return deficit(problem) if level is None else cvar(problem, level)


def test_the_fairest_closes_both_and_the_least_deficit_the_one_who_would_fail() -> None:
    problem = gambler_and_saver()
    fair, robust = lexicographic(problem, Lexicographic()), deficit(problem)
    assert by_name(problem, fair.lots) == {("gambler", "BTC"): 5, ("saver", "BTC"): 5}
    # A rise by half costs 50 a contract. Gambler: 100 of equity less 1 a contract closed, 10 - k contracts left:
    # loses 50 (10 - k) - (100 - k) = 400 - 49 k, nothing from k = 400/49 on. The saver never loses.
    assert closing_losses(problem, fair.lots).expected_deficit_after == pytest.approx(155)
    assert planned(robust).contracts[0] >= 400 / 49 - 1e-6
    assert closing_losses(problem, robust.lots).expected_deficit_after == 0
    assert by_name(problem, robust.lots) == {("gambler", "BTC"): 9, ("saver", "BTC"): 1}


def test_money_taken_weighs_against_positions_closed() -> None:
    """A fall hurts no short: closing only takes money, so that those pay who have most to spare."""
    problem = closing(
        {"BTC": (100, 1), "ETH": (10, 1)},
        {"a": 0, "b": 900},
        [("a", "BTC", -10, 110), ("a", "ETH", 100, 10), ("b", "BTC", -10, 110)],
        [("BTC", 10, 105)],
    )
    problem = shocked(problem, [[0.0, -0.2]])
    # a: 100 of equity, ETH worth 1,000 falls by 200: it loses 100 + 5 k. So b closes all.
    assert contracts(problem, deficit(problem)) == {("a", "BTC"): 0, ("b", "BTC"): 10}


def test_prices_are_what_one_more_contract_adds() -> None:
    problem = closing(
        {"BTC": (100, "0.001")},
        {"a": 0, "b": 0},
        [("a", "BTC", -10, 110), ("b", "BTC", -10, 120)],
        [("BTC", 8, 101)],
    )
    problem = shocked(problem, [[0.5]])
    # a loses 400 - 49 k, b 300 - 49 k: whoever is closed, 49 less a contract, 0.049 a lot.
    plan = planned(deficit(problem))
    assert plan.multipliers.price == pytest.approx([-0.049])
    assert plan.levels == pytest.approx([-49])
    assert scenario_optimality(problem, plan).objective == pytest.approx(700 - 8 * 49)


@pytest.mark.parametrize("seed", some(200, 30))
def test_books_agree_with_the_plain_linear_program(seed: int) -> None:
    problem, level = random_book(seed)
    found = solved(problem, level)
    plan = planned(found)
    proof = scenario_optimality(problem, plan)
    assert proof.bound <= proof.objective
    assert proof.relative_gap <= EXACT
    assert proof.kkt_residual <= 1e-5
    if len(problem.arcs.lots):
        assert proof.objective == pytest.approx(plain(problem, plan.need, level), rel=EXACT, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_losses_are_those_of_the_definition(seed: int) -> None:
    problem, _ = random_book(seed)
    found = deficit(problem)
    before, after = losses_by_hand(problem, found.lots * 0), losses_by_hand(problem, found.lots)
    shock: Any = problem.shock
    told = closing_losses(problem, found.lots, 0.8)
    assert told.expected_deficit_before == pytest.approx(float(shock.probabilities @ before))
    assert told.expected_deficit_after == pytest.approx(float(shock.probabilities @ after), abs=1e-9)
    assert (told.var_after, told.cvar_after) == pytest.approx(at_risk(after, shock.probabilities, 0.8), abs=1e-9)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6))
def test_budgets_are_exact_and_nobody_is_above_a_cap_nor_worse_than_the_fairest(seed: int) -> None:
    problem, level = random_book(seed)
    found, fair = solved(problem, level), lexicographic(problem, Lexicographic())
    plan, demands = planned(found), len(problem.demands)
    closed, planned_of = (np.bincount(problem.arcs.demand, one, demands) for one in (found.lots, plan.contracts))
    assert planned_of == pytest.approx(plan.need, rel=1e-9)
    assert (found.lots >= 0).all()
    assert (found.lots <= problem.arcs.lots).all()
    assert within_caps(problem, found.lots).all()
    paid = np.bincount(problem.arcs.bearer, plan.amounts, len(problem.wealth.book))
    assert (paid <= problem.wealth.cap_units * (1 + 1e-8) + 1e-6).all()
    assert (closed <= [demand.lots for demand in problem.demands]).all()
    if (closed == np.bincount(problem.arcs.demand, fair.lots, demands)).all():
        told = [closing_losses(problem, one.lots, level or 0.5) for one in (found, fair)]
        values = [one.cvar_after if level else one.expected_deficit_after for one in told]
        assert values[0] <= values[1] * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    problem, level = random_book(seed)
    again = shuffled(problem, seed)
    symbols = list(problem.markets.symbols)
    columns = [symbols.index(symbol) for symbol in again.markets.symbols]
    shock: Any = problem.shock
    again = shocked(again, shock.moves[:, columns], shock.weights)
    first, second = solved(problem, level), solved(again, level)
    assert by_name(problem, first.lots) == by_name(again, second.lots)
    assert by_name(problem, planned(first).contracts) == by_name(again, planned(second).contracts)


def test_accounts_with_the_same_figures_get_the_same() -> None:
    positions = [(who, "BTC", -10, 110) for who in "abcd"] + [(who, "ETH", 20, 9) for who in "abef"]
    problem = closing(
        {"BTC": (100, "0.001"), "ETH": (10, "0.001")},
        {"a": 0, "b": 0, "c": 30, "d": 30, "e": 1, "f": 1},
        positions,
        [("BTC", 17, 101), ("ETH", -31, "9.8")],
    )
    for level in (None, 0.5):
        lots = contracts(problem, solved(shocked(problem, [[0.5, 0.1], [0.2, -0.9], [0.3, -0.3]]), level))
        for one, other, market in (("a", "b", "BTC"), ("a", "b", "ETH"), ("c", "d", "BTC"), ("e", "f", "ETH")):
            assert lots[one, market] == pytest.approx(lots[other, market], rel=1e-9, abs=1e-9)


def test_closes_that_cost_the_venue_nothing_go_in_proportion_to_contracts() -> None:
    problem = closing(
        {"BTC": (100, "0.01")},
        {"a": 0, "b": 50_000, "c": 90_000},
        [("a", "BTC", -10, 110), ("b", "BTC", -10, 110), ("c", "BTC", -30, 110)],
        [("BTC", 18, 101)],
    )
    found = deficit(shocked(problem, [[0.9], [-0.1]]))
    lots = by_name(problem, found.lots)
    # a would fail with more than about one contract left; b and c share the rest at one to three.
    assert lots["a", "BTC"] >= 800 / 89 * 100
    assert lots["a", "BTC"] + lots["b", "BTC"] + lots["c", "BTC"] == 1800
    assert 3 * lots["b", "BTC"] == pytest.approx(lots["c", "BTC"], abs=3)


def test_where_no_scenario_loses_all_is_shared_in_proportion() -> None:
    for level in (None, 0.9):
        problem = gambler_and_saver([[0.0], [-0.3]])
        found = solved(problem, level)
        assert by_name(problem, found.lots) == {("gambler", "BTC"): 5, ("saver", "BTC"): 5}
        proof = scenario_optimality(problem, planned(found))
        assert (proof.objective, proof.bound, proof.relative_gap) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(8))
def test_cvar_of_a_level_near_zero_is_the_expected_deficit(seed: int) -> None:
    problem, _ = random_book(5 * seed)
    mean, worst = (scenario_optimality(problem, planned(one)) for one in (deficit(problem), cvar(problem, 1e-9)))
    assert worst.objective == pytest.approx(mean.objective, rel=1e-7, abs=1e-9)


def test_cvar_grows_with_the_level_and_each_is_best_at_its_own() -> None:
    problem, _ = random_book(3)
    levels = (0.2, 0.5, 0.8, 0.95)
    found = [planned(cvar(problem, level)) for level in levels]
    values = [scenario_optimality(problem, plan).objective for plan in found]
    assert values == sorted(values)
    for level, value in zip(levels, values, strict=True):
        others = [at_risk(losses_by_hand(problem, plan.contracts), _chances(problem), level)[1] for plan in found]
        assert min(others) >= value * (1 - 1e-8)


def _chances(problem: ClosureProblem) -> Any:
    shock: Any = problem.shock
    return shock.probabilities


def test_a_cap_stops_the_account_that_ought_to_be_closed() -> None:
    problem = closing(
        {"BTC": (100, 1)},
        {"gambler": {"cash": 0, "max_haircut": "0.03"}, "saver": 900},
        [("gambler", "BTC", -10, 110), ("saver", "BTC", -10, 110)],
        [("BTC", 10, 101)],
    )
    problem = shocked(problem, [[0.5]])
    assert by_name(problem, deficit(problem).lots) == {("gambler", "BTC"): 3, ("saver", "BTC"): 7}


def test_free_closes_go_to_whoever_would_fail() -> None:
    problem = closing(
        {"BTC": (100, 1)},
        {"gambler": 0, "saver": 900},
        [("gambler", "BTC", -10, 110), ("saver", "BTC", -10, 110)],
        [("BTC", 9, 100)],
    )
    problem = shocked(problem, [[0.5]])
    assert problem.free.all()
    found = deficit(problem)
    assert closing_losses(problem, found.lots).expected_deficit_after == 0
    assert found.lots.sum() == 9
    # 500 of loss on 100 of equity: 8 contracts at least.
    assert by_name(problem, found.lots)["gambler", "BTC"] >= 8


def test_a_market_with_a_single_holder_has_nothing_to_choose_and_a_price() -> None:
    problem = closing(
        {"BTC": (100, 1)}, {"a": 0, "b": 900}, [("a", "BTC", -10, 110), ("b", "BTC", 10, 90)], [("BTC", 4, 101)]
    )
    problem = shocked(problem, [[0.5]])
    found = deficit(problem)
    proof = scenario_optimality(problem, planned(found))
    assert found.lots.tolist() == [4]
    assert planned(found).multipliers.price == pytest.approx([-49])
    assert (proof.objective, proof.relative_gap) == (pytest.approx(400 - 4 * 49), pytest.approx(0, abs=1e-12))


def test_accounts_without_equity_lose_nothing_and_close_nothing() -> None:
    problem = closing(
        {"BTC": (100, 1)},
        {"broke": -100, "saver": 900},
        [("broke", "BTC", -10, 110), ("saver", "BTC", -10, 110)],
        [("BTC", 5, 101)],
    )
    problem = shocked(problem, [[0.5]])
    found = deficit(problem)
    assert by_name(problem, found.lots) == {("saver", "BTC"): 5}
    assert closing_losses(problem, found.lots).expected_deficit_before == 0


def test_an_account_that_pays_all_its_equity_may_still_lose() -> None:
    problem = closing({"BTC": (100, 1)}, {"a": 0}, [("a", "BTC", -10, 110)], [("BTC", 5, 120)])
    problem = shocked(problem, [[0.1]])
    # 100 of equity, all taken for 5 contracts at a gap of 20; the other 5 lose 10 each.
    told = closing_losses(problem, deficit(problem).lots)
    assert (told.expected_deficit_before, told.expected_deficit_after) == (0, pytest.approx(50))


def test_what_cannot_be_closed_leaves_the_most_that_can_and_a_bound() -> None:
    problem = closing(
        {"BTC": (100, 1), "ETH": (10, 1)},
        {"a": 0, "b": 0},
        [("a", "BTC", -10, 104), ("b", "BTC", -10, 105), ("b", "ETH", -10, 12)],
        [("BTC", 30, 105), ("ETH", 50, 11)],
    )
    problem = shocked(problem, [[0.5, 0.1], [0.1, 0.9]])
    for level in (None, 0.5):
        found = solved(problem, level)
        proof = scenario_optimality(problem, planned(found))
        assert proof.relative_gap <= EXACT
        assert within_caps(problem, found.lots).all()


def test_tiny_and_huge_accounts_stand_side_by_side() -> None:
    problem = closing(
        {"BTC": (100, "1e-6")},
        {"mouse": "0.01", "whale": "1e9"},
        [("mouse", "BTC", "-0.001", 110), ("whale", "BTC", "-1e8", 110)],
        [("BTC", "0.0015", 101)],
        precision=9,
    )
    problem = shocked(problem, [[0.5], [0.0]])
    found = deficit(problem)
    assert found.lots.sum() == 1500
    # Mouse: 0.02 of equity and 0.05 of loss; the whale has 2e9 of equity and loses 5e9.
    assert scenario_optimality(problem, planned(found)).relative_gap <= EXACT


@pytest.mark.parametrize("severity", [0, 1])
def test_severity_scales_what_is_taken(severity: int) -> None:
    problem = gambler_and_saver(severity=severity)
    paid = planned(deficit(problem)).amounts.sum()
    assert paid == pytest.approx(severity * 10 * 10**6)


def test_whole_lots_so_coarse_that_the_fairest_is_better_are_answered_by_the_fairest() -> None:
    for seed in (146, 289, 314, 381, 390):
        problem, level = random_book(seed)
        found = solved(problem, level)
        if found.notes:
            assert (found.lots == lexicographic(problem, Lexicographic()).lots).all()
            return
    pytest.fail("no such book among these")


def test_isolated_margin_is_refused_naming_it() -> None:
    problem = closing({"BTC": (100, 1)}, {"a": 0}, [("a", "BTC", -10, 110)], [("BTC", 5, 101)], margin="isolated")
    with pytest.raises(ProblemError) as refused:
        deficit(problem)
    assert refused.value.field == "margin"


@pytest.mark.parametrize(("shock", "field"), [(None, "shock"), (Normal(0.1), "shock")])
def test_other_laws_are_refused(shock: Any, field: str) -> None:
    problem = closing({"BTC": (100, 1)}, {"a": 0}, [("a", "BTC", -10, 110)], [("BTC", 5, 101)], shock=shock)
    with pytest.raises(ProblemError) as refused:
        cvar(problem, 0.9)
    assert refused.value.field == field


def test_the_time_may_be_up() -> None:
    with pytest.raises(SolverTimeout):
        closing_expected_deficit(gambler_and_saver(), ClosingExpectedDeficit(), Deadline(0.0))


def test_weights_of_scenarios_count() -> None:
    """A scenario of weight zero changes nothing; twice the weight is the scenario twice."""
    moves = [[0.5], [0.2], [-0.9]]
    problem = gambler_and_saver(moves, fund=1)
    one = shocked(problem, moves, [2, 1, 0])
    two = shocked(problem, [[0.5], [0.5], [0.2]])
    values = [scenario_optimality(each, planned(deficit(each))).objective for each in (one, two)]
    assert values[0] == pytest.approx(values[1], rel=1e-9, abs=1e-9)
