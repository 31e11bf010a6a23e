"""Draining leverage: books small enough to be followed by hand, and the awkward ones by name."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from solvers.contracts.book import Liquidations
from solvers.contracts.leverage.covariance import checked, leading
from solvers.contracts.leverage.diagnostics import draining
from solvers.contracts.leverage.drain import drained
from solvers.contracts.leverage.policy import LeverageDraining, draining_optimality, leverage_draining
from solvers.contracts.problem import ClosureProblem
from solvers.errors import ProblemError
from tests.solvers.contracts.draining import Program, moves
from tests.solvers.contracts.markets import Nature, by_name, closing, random_market, shuffled


def paper(lot: Any = 1) -> ClosureProblem:
    """MODEL 4: shorts 10, 5, 20; equity 100, 250, 800; p 100; Q 12. Closing costs nothing."""
    return closing(
        {"A": (100, lot)},
        {"a": 0, "b": 200, "c": 600},
        [("a", "A", -10, 110), ("b", "A", -5, 110), ("c", "A", -20, 110)],
        [("A", 12, 100)],
    )


def test_the_example_of_the_model_closes_8_0_4_at_level_2() -> None:
    problem = paper()
    found = leverage_draining(problem, LeverageDraining())
    assert by_name(problem, found.lots) == {("a", "A"): 8, ("b", "A"): 0, ("c", "A"): 4}
    assert found.plan.level == 2
    assert found.plan.closed.tolist() == [8, 0, 4]
    assert draining_optimality(problem, found.plan).relative_gap == 0


def test_one_gaussian_market_and_one_factor_say_the_same_as_the_model() -> None:
    problem = paper("0.001")
    for parameters in (
        LeverageDraining(covariance=np.array([[400.0]])),
        LeverageDraining(covariance=np.array([[400.0]]), factors=1),
    ):
        found = leverage_draining(problem, parameters)
        assert by_name(problem, found.lots) == {("a", "A"): 8000, ("b", "A"): 0, ("c", "A"): 4000}


@pytest.mark.parametrize("seed", range(30))
def test_water_filling_is_exact_whatever_the_order_and_whoever_is_capped(seed: int) -> None:
    nature = Nature(load=0.3, position=20.0, capped=0.4, ties=0.3, shorts=1.0, free=seed % 2)
    problem = random_market(seed, 25, 1, 1, nature)
    found = leverage_draining(problem, LeverageDraining())
    arcs, plan = problem.arcs, found.plan
    owner = problem.positions.account[arcs.position]
    p = float(problem.markets.lots[0] * problem.markets.marks[0])
    equity, left = problem.account_equity_units[owner] / 1e6, arcs.lots - found.lots
    levels = left * p / equity
    room = arcs.lots if problem.free[0] else np.minimum(arcs.lots, problem.wealth.cap_units[owner] // problem.gaps[0])
    # Nobody with a lot closed could hand one to somebody with more leverage left, a lot apart.
    more, less = found.lots < room, found.lots > 0
    if more.any() and less.any():
        assert (levels - p / equity)[more].max() <= (levels + p / equity)[less].min() + 1e-9
    assert int(found.lots.sum()) == min(problem.demands[0].lots, int(room.sum()))
    assert draining_optimality(problem, plan).relative_gap <= 1e-12
    other = shuffled(problem, seed)
    assert by_name(problem, found.lots) == by_name(other, leverage_draining(other, LeverageDraining()).lots)


def hedged(quantity: Any = 10) -> ClosureProblem:
    """Two accounts of equity 200 and gross notional 2000: `one` is short A alone, `two` short A and long B."""
    return closing(
        {"A": (100, "0.0001"), "B": (100, "0.0001")},
        {"one": 0, "two": 0},
        [("one", "A", -20, 110), ("two", "A", -10, 110), ("two", "B", 10, 90)],
        [("A", quantity, 100)],
    )


def test_a_hedged_account_is_closed_less_than_an_unhedged_one_of_equal_gross_leverage() -> None:
    """By hand: moves of 30 with correlation 0.9, both accounts at a gross leverage of 10.

    `one` has s = 600, and each contract closed saves pdf(200 / s) 30: 9.6 when half are closed (s = 300, pdf 0.319).
    `two` has s = 30 sqrt(10^2 + 10^2 - 2 0.9 10 10) = 134, and its first contract saves pdf(200 / 134) (30^2 10 -
    0.9 30^2 10) / 134 = 0.131 6.71 = 0.88. So `one` closes all 10 and `two` none, where gross leverage would have said
    5 and 5 (and a leverage of 7.5 for both). Closing k leaves `two` with 30 sqrt((10 - k)^2 + 10^2 - 18 (10 - k)),
    least at k = 1: of 20.5 contracts, `one` closes nearly all of its 20 before `two` gives its one.
    """
    problem = hedged()
    cov = 9 * np.array([[100.0, 90.0], [90.0, 100.0]])
    found = leverage_draining(problem, LeverageDraining(covariance=cov))
    assert by_name(problem, found.lots) == {("one", "A"): 100_000, ("two", "A"): 0}
    assert found.plan.prices[0] == pytest.approx(0.3194 * 30, rel=1e-3)
    report = draining(problem, found.lots, cov)
    assert report.before.effective.tolist() == [10, 10]
    assert report.after.effective.tolist() == [5, 10]
    assert report.shortfall_after < report.shortfall_before
    assert not report.broken.size
    more = hedged("20.5")
    lots = by_name(more, leverage_draining(more, LeverageDraining(covariance=cov)).lots)
    assert 5_000 <= lots["two", "A"] <= 10_000


def test_with_one_factor_a_perfect_hedge_is_kept_whole() -> None:
    problem = hedged()
    cov = np.array([[100.0, 100.0], [100.0, 100.0]])
    for factors in (None, 1):
        found = leverage_draining(problem, LeverageDraining(covariance=cov, factors=factors))
        assert by_name(problem, found.lots) == {("one", "A"): 100_000, ("two", "A"): 0}
        report = draining(problem, found.lots, cov)
        assert problem.accounts.ids[int(report.before.factor.argmin())] == "two"
        assert not report.broken.size


def test_hedges_are_broken_only_when_there_is_nobody_else() -> None:
    """Short of unhedged contracts, the level falls below zero: hedged accounts take as much risk for their equity."""
    problem = closing(
        {"A": (100, "0.001"), "B": (100, "0.001")},
        {"x": 0, "y": 100},
        [("x", "A", -10, 110), ("x", "B", 10, 90), ("y", "A", -10, 110), ("y", "B", 10, 90)],
        [("A", 10, 100)],
    )
    cov = np.array([[100.0, 100.0], [100.0, 100.0]])
    found = leverage_draining(problem, LeverageDraining(covariance=cov, factors=1))
    # Equities 200 and 300, net exposures 0: closing k leaves 10 k of exposure; k = 4 and 6 leave 0.2 of equity each.
    assert by_name(problem, found.lots) == {("x", "A"): 4000, ("y", "A"): 6000}
    assert found.plan.level == pytest.approx(-0.2)
    general = drained(problem, cov)
    assert general.closed == pytest.approx(found.plan.closed, rel=1e-6)
    assert general.prices[0] < 0
    report = draining(problem, found.lots, cov)
    assert [problem.accounts.ids[row] for row in report.broken] == ["x", "y"]


@pytest.mark.parametrize("seed", range(25))
def test_the_closed_form_of_one_factor_is_the_general_solver(seed: int) -> None:
    problem = random_market(seed, 20, 4, 3, Nature(load=0.3, position=300.0, capped=0.3))
    first = int(problem.liquidations.market[0])
    some = np.flatnonzero((problem.liquidations.market == first) & (np.sign(problem.liquidations.quantity.floats) > 0))
    if not some.size:
        pytest.skip("nobody was long")
    problem = only(problem, some)
    factor = leading(moves(problem, seed), 1)
    cov = factor @ factor.T
    found = leverage_draining(problem, LeverageDraining(covariance=cov, factors=1))
    general = drained(problem, cov)
    assert found.method == "closed-form"
    assert general.closed == pytest.approx(found.plan.closed, rel=1e-6, abs=1e-6 * float(problem.arcs.lots.max()))
    assert draining_optimality(problem, found.plan).relative_gap <= 1e-9


def only(problem: ClosureProblem, rows: Any) -> ClosureProblem:
    """The same book with some of its liquidations."""
    was = problem.liquidations

    def taken(numbers: Any) -> Any:
        return replace(numbers, raw=[numbers.raw[row] for row in rows], floats=numbers.floats[rows], missing=None)

    left = Liquidations(was.account[rows], was.market[rows], taken(was.quantity), taken(was.price))
    return replace(problem, liquidations=left)


def two_markets(**more: Any) -> ClosureProblem:
    return closing(
        {"A": (100, 1), "B": (10, 1)},
        {"a": 50, "b": 100, "c": 200, "d": 400},
        [
            ("a", "A", -10, 110), ("a", "B", -100, 11), ("b", "A", -20, 110), ("b", "B", 100, 9),
            ("c", "B", -200, 11), ("d", "A", -30, 110),
        ],
        [("A", 15, 101), ("B", 100, "10.1")],
        **more,
    )  # fmt: skip


def solved(problem: ClosureProblem, cov: Any) -> tuple[Any, Any]:
    found = leverage_draining(problem, LeverageDraining(covariance=np.array(cov)))
    proof = draining_optimality(problem, found.plan)
    assert proof.relative_gap <= 1e-9
    taken = np.zeros(len(problem.demands), np.int64)
    np.add.at(taken, problem.arcs.demand, found.lots)
    assert taken.tolist() == [demand.lots for demand in problem.demands]
    return found, proof


def test_badly_scaled_covariances_change_nothing_but_units() -> None:
    """Prices in other units, 1e9 and 1e-9: the same lots."""
    base = two_markets()
    cov = np.array([[400.0, 20.0], [20.0, 4.0]])
    a, _ = solved(base, cov)
    lots = closing(
        {"A": (100, 1), "B": ("1e-8", "1e9")},
        {"a": 50, "b": 100, "c": 200, "d": 400},
        [
            ("a", "A", -10, 110), ("a", "B", "-1e11", "1.1e-8"), ("b", "A", -20, 110), ("b", "B", "1e11", "9e-9"),
            ("c", "B", "-2e11", "1.1e-8"), ("d", "A", -30, 110),
        ],
        [("A", 15, 101), ("B", "1e11", "1.01e-8")],
    )  # fmt: skip
    units = np.diag([1.0, 1e-9])
    b, _ = solved(lots, units @ cov @ units)
    assert by_name(base, a.lots) == by_name(lots, b.lots)


def test_a_market_that_does_not_move_is_closed_in_proportion_to_contracts() -> None:
    problem = closing(
        {"A": (100, 1), "B": (10, 1)},
        {"a": 50, "b": 100, "c": 900},
        [("a", "A", -10, 110), ("a", "B", -100, 11), ("b", "B", -200, 11), ("c", "B", -300, 11)],
        [("A", 5, 100), ("B", 60, 10)],
    )
    found, proof = solved(problem, [[400.0, 0.0], [0.0, 0.0]])
    lots = by_name(problem, found.lots)
    assert [lots[name, "B"] for name in "abc"] == [10, 20, 30]
    assert proof.objective > 0
    nothing, proof = solved(problem, [[0.0, 0.0], [0.0, 0.0]])
    assert proof.objective == 0
    lots = by_name(problem, nothing.lots)
    assert [lots[name, "B"] for name in "abc"] == [10, 20, 30]


def test_one_account_closes_what_there_is() -> None:
    problem = closing(
        {"A": (100, 1), "B": (10, 1)},
        {"a": 50},
        [("a", "A", -10, 110), ("a", "B", -100, 11)],
        [("A", 7, 101), ("B", 30, "10.1")],
    )
    found, _ = solved(problem, [[400.0, 20.0], [20.0, 4.0]])
    assert by_name(problem, found.lots) == {("a", "A"): 7, ("a", "B"): 30}


@pytest.mark.parametrize("quantity", [30, 100])
def test_a_market_with_a_single_holder_is_closed_by_it(quantity: int) -> None:
    problem = closing(
        {"A": (100, 1), "B": (10, 1)},
        {"a": 50, "b": 100, "c": 300},
        [("a", "A", -10, 110), ("a", "B", -100, 11), ("b", "A", -20, 110), ("c", "A", -20, 110)],
        [("A", 20, 101), ("B", quantity, "10.1")],
    )
    found, _ = solved(problem, [[400.0, 20.0], [20.0, 4.0]])
    assert by_name(problem, found.lots)["a", "B"] == quantity


def test_accounts_of_zero_or_negative_equity_have_nothing_to_give_and_count_as_they_are() -> None:
    problem = closing(
        {"A": (100, 1)},
        {"zero": -100, "below": -200, "b": 100, "c": 300},
        [("zero", "A", -10, 110), ("below", "A", -10, 110), ("b", "A", -20, 110), ("c", "A", -20, 110)],
        [("A", 20, 101)],
    )
    found, _ = solved(problem, [[400.0]])
    assert {name for name, _ in by_name(problem, found.lots)} == {"b", "c"}
    report = draining(problem, found.lots, np.array([[400.0]]))
    assert (report.before.equity > 0).tolist() == [False, False, True, True]
    assert report.before.effective[:2].tolist() == [0, 0]
    assert np.isfinite(report.shortfall_before)


def test_zero_equity_inside_the_solver_is_drained_where_it_saves_most() -> None:
    """f(s) = s pdf(0) at e = 0, a cone: against the definition, with the smallest equity there is."""
    problem = closing(
        {"A": (100, 1), "B": (10, 1)},
        {"a": {"cash": "-0.999999"}, "b": 100, "c": 300},
        [("a", "A", -10, "100.1"), ("b", "A", -20, 110), ("c", "A", -20, 110), ("a", "B", 3, 10), ("c", "B", -3, 10)],
        [("A", 20, 100), ("B", 1, 10)],
    )
    assert problem.account_equity_units[0] == 1
    cov = np.array([[400.0, 20.0], [20.0, 4.0]])
    found = drained(problem, cov)
    program = Program(problem, cov, found.need)
    ours = program.value(found.closed)
    best, bound = program.by_cutting_planes(ours)
    assert bound * (1 - 1e-9) <= ours <= best * (1 + 1e-7)


def test_caps_are_heeded_to_the_unit_and_the_rest_goes_to_the_next() -> None:
    """`a` would close all 8; its cap, half its profit of 100 at 10 a contract, allows 5."""

    def book(cap: float) -> ClosureProblem:
        return closing(
            {"A": (100, 1)},
            {"a": {"cash": 0, "max_haircut": cap}, "b": 900},
            [("a", "A", -10, 110), ("b", "A", -10, 110)],
            [("A", 8, 110)],
        )

    for cap, closed in ((1.0, 8), (0.5, 5)):
        problem = book(cap)
        found, _ = solved(problem, [[900.0]])
        assert by_name(problem, found.lots) == {("a", "A"): closed, ("b", "A"): 8 - closed}
        alone = leverage_draining(problem, LeverageDraining())
        assert by_name(problem, alone.lots) == {("a", "A"): closed, ("b", "A"): 8 - closed}


def test_what_caps_do_not_let_be_closed_is_left() -> None:
    problem = closing(
        {"A": (100, 1), "B": (100, 1)},
        {"a": {"cash": 0, "max_haircut": 0.3}, "b": {"cash": 0, "max_haircut": 0.2}},
        [("a", "A", -10, 110), ("b", "A", -10, 110), ("b", "B", -10, 110)],
        [("A", 8, 110), ("B", 2, 105)],
    )
    found = leverage_draining(problem, LeverageDraining(covariance=np.array([[100.0, 50.0], [50.0, 100.0]])))
    # `a` can pay 30, 3 lots of A; `b` 40 of its 200, in any split of 10 a lot of A and 5 a lot of B.
    lots = by_name(problem, found.lots)
    assert lots["a", "A"] == 3
    assert 10 * lots["b", "A"] + 5 * lots["b", "B"] == 40


@pytest.mark.parametrize(
    ("covariance", "why"),
    [
        ([[1.0]], "2 rows of 2"),
        ([[1.0, 0.5], [0.4, 1.0]], "symmetric"),
        ([[1.0, 2.0], [2.0, 1.0]], "semidefinite"),
        ([[1.0, 0.0], [0.0, -1.0]], "negative variance"),
        ([[1.0, float("nan")], [float("nan"), 1.0]], "finite"),
        ([[1.0, 0.1], [0.1, 0.0]], "variance zero"),
    ],
)
def test_what_is_no_covariance_is_refused_by_name(covariance: Any, why: str) -> None:
    with pytest.raises(ProblemError, match=why) as refused:
        leverage_draining(two_markets(), LeverageDraining(covariance=np.array(covariance)))
    assert refused.value.field == "covariance"


def test_rounding_of_a_singular_covariance_is_no_indefiniteness() -> None:
    loads = np.random.default_rng(1).normal(size=(40, 2)) * 10.0 ** np.linspace(-6, 6, 40)[:, None]
    cov = checked(loads @ loads.T, random_market(1, 40, 40, 2).markets)
    assert (cov == cov.T).all()
    assert leading(cov, 2) @ leading(cov, 2).T == pytest.approx(cov, rel=1e-6, abs=1e-9 * float(cov.max()))


def test_other_refusals_name_their_field() -> None:
    cov = np.eye(2)
    for problem, parameters, field in (
        (two_markets(), LeverageDraining(), "covariance"),
        (two_markets(), LeverageDraining(covariance=cov, factors=3), "factors"),
        (paper(), LeverageDraining(factors=1), "factors"),
        (two_markets(margin="isolated"), LeverageDraining(covariance=cov), "margin"),
    ):
        with pytest.raises(ProblemError) as refused:
            leverage_draining(problem, parameters)
        assert refused.value.field == field
