"""Whole lots: every market closed to the lot, no cap passed, the worst haircut near the real-valued level."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from bench.lots import BOOK
from solvers.contracts.board import Board
from solvers.contracts.closing import Plan
from solvers.contracts.costs import costs, within_caps
from solvers.contracts.lots import fill, free_lots, whole_lots
from solvers.contracts.problem import ClosureProblem
from solvers.money import Int64
from tests.problems import some
from tests.solvers.contracts.markets import NASTY, Nature, by_name, closing, random_market, shuffled
from tests.solvers.contracts.plans import closed, haircuts, least_worst, min_max_plan, worst

BOOKS = {
    "few lots": Nature(load=0.3, position=4),
    "nasty": NASTY,
    "tight caps": Nature(load=0.4, position=8, capped=0.5, gap=0.1),
    "free and unclosable": Nature(load=0.3, position=8, free=0.4, unclosable=0.2),
    "everybody alike": Nature(load=0.3, position=10, ties=1.0),
}


def planned(problem: ClosureProblem, amounts: dict[tuple[str, str], float]) -> Plan:
    """A plan from currency by account and symbol."""
    named = by_name(problem, np.arange(len(problem.arcs.lots)))
    found = np.zeros(len(named))
    for name, amount in amounts.items():
        found[named[name]] = amount * 1e6
    return Plan(found, np.zeros(len(problem.demands)))


def meant(problem: ClosureProblem, plan: Plan) -> list[float]:
    """Lots that a plan closes of each costly demand."""
    amounts = np.bincount(problem.arcs.demand, plan.amounts, len(problem.demands))
    return [amount / gap if gap else 0.0 for amount, gap in zip(amounts, problem.gap_floats, strict=True)]


def has_room(problem: ClosureProblem, lots: Int64, demand: int) -> bool:
    """Whether one more lot of the demand fits on some arc, exactly."""
    arcs = problem.arcs
    for arc in np.flatnonzero((arcs.demand == demand) & (lots < arcs.lots)).tolist():
        more = lots.copy()
        more[arc] += 1
        if within_caps(problem, more)[arcs.bearer[arc]]:
            return True
    return False


@pytest.mark.parametrize("margin", ["cross", "isolated"])
@pytest.mark.parametrize("name", BOOKS)
@pytest.mark.parametrize("seed", some(30, 2))
def test_lots_are_whole_within_caps_and_no_fewer_than_the_plan_closes(seed: int, name: str, margin: Any) -> None:
    problem = random_market(seed, 5 + 3 * seed % 31, 1 + seed % 6, 3, BOOKS[name], margin=margin)
    plan, _ = min_max_plan(problem)
    lots = whole_lots(problem, plan)
    assert (lots >= 0).all()
    assert (lots <= problem.arcs.lots).all()
    assert within_caps(problem, lots).all()
    for place, (found, wanted) in enumerate(zip(closed(problem, lots), meant(problem, plan), strict=True)):
        if not problem.free[place]:
            assert found <= problem.demands[place].lots
            assert found > wanted - 0.5 - 1e-6 * wanted or not has_room(problem, lots, place)
    assert np.array_equal(
        lots[problem.free[problem.arcs.demand]], free_lots(problem)[problem.free[problem.arcs.demand]]
    )


@pytest.mark.parametrize("seed", some(60, 6))
def test_without_caps_every_market_is_closed_to_the_lot_at_the_budget(seed: int) -> None:
    nature = Nature(load=0.2, gap=0.005, position=20, ties=0.2, losers=0.0)
    problem = random_market(seed, 60, 1 + seed % 5, 2, nature, severity=Fraction(1, 2))
    plan, _ = min_max_plan(problem)
    assert meant(problem, plan) == pytest.approx([demand.lots for demand in problem.demands], rel=1e-6)
    lots = whole_lots(problem, plan)
    assert closed(problem, lots) == [demand.lots for demand in problem.demands]
    assert costs(problem, lots).bearer_units.sum() == problem.wealth.budget_units


@pytest.mark.parametrize("seed", some(60, 10))
def test_in_one_market_no_closing_in_whole_lots_has_a_smaller_worst_haircut(seed: int) -> None:
    problem = random_market(seed, 6, 1, 1, Nature(load=0.3, position=6, tail=1.0, capped=0.4 * (seed % 2), shorts=1.0))
    plan, _ = min_max_plan(problem)
    lots = whole_lots(problem, plan)
    least = least_worst(problem, closed(problem, lots))
    assert least is None or worst(problem, lots) == least


@pytest.mark.parametrize("seed", some(60, 10))
def test_in_several_markets_the_worst_haircut_is_at_most_a_lot_above_the_least(seed: int) -> None:
    problem = random_market(seed, 5, 2, 2, Nature(load=0.3, gap=0.005, position=3, tail=0.7, losers=0.0))
    plan, _ = min_max_plan(problem)
    lots = whole_lots(problem, plan)
    least = least_worst(problem, closed(problem, lots))
    assert least is not None
    found = haircuts(problem, lots)
    bearer = max(found, key=found.__getitem__, default=0)
    lot = max(problem.gaps) / max(int(problem.wealth.endowment_units[bearer]), 1)
    assert least <= worst(problem, lots) <= least + lot


@pytest.mark.parametrize("margin", ["cross", "isolated"])
@pytest.mark.parametrize("name", [*BOOKS, "whales and minnows"])
@pytest.mark.parametrize("seed", some(30, 3))
def test_lots_go_one_by_one_where_exact_haircuts_after_them_are_lowest(seed: int, name: str, margin: Any) -> None:
    nature = BOOKS.get(name, Nature(load=0.3, position=20, tail=3.0))
    problem = random_market(seed, 5 + 7 * seed % 41, 1 + seed % 6, 3, nature, margin=margin)
    lots = np.zeros(len(problem.arcs.lots), np.int64)
    board, other = Board(problem, lots), Board(problem, lots)
    wanted = {place: demand.lots for place, demand in enumerate(problem.demands) if not problem.free[place]}
    left = dict(wanted)
    fill(board, left)
    for demand in sorted(wanted, key=lambda demand: -problem.gaps[demand]):
        while wanted[demand] and (found := other.best(demand)):
            other.add(found[1], 1)
            wanted[demand] -= 1
    assert left == wanted
    assert board.lots == other.lots
    assert other.array.tolist() == other.lots


@pytest.mark.parametrize("seed", some(12, 1))
def test_five_thousand_accounts_over_twenty_markets_are_within_one_percent_of_the_level(seed: int) -> None:
    problem = random_market(seed, 5_000, 20, 3, BOOK)
    plan, level = min_max_plan(problem)
    lots = whole_lots(problem, plan)
    assert closed(problem, lots) == [demand.lots for demand in problem.demands]
    assert within_caps(problem, lots).all()
    assert level * (1 - 1e-6) <= worst(problem, lots) <= 1.01 * level


@pytest.mark.parametrize("margin", ["cross", "isolated"])
def test_arcs_come_by_account_id_and_then_by_symbol(margin: Any) -> None:
    accounts, markets = ["b", "a10", "é", "a2", "a"], ["Z", "A1", "A"]
    problem = closing(
        dict.fromkeys(markets, (100, 1)),
        dict.fromkeys(accounts, 0),
        [(account, market, 4, 90) for market in markets for account in accounts],
        [(market, -3, 90) for market in markets],
        margin=margin,
    )
    names = list(by_name(problem, problem.arcs.lots))
    assert names == sorted((account, market) for account in accounts for market in markets)
    assert [[names[arc] for arc in rows] for rows in problem.arcs_of] == [
        [name for name in names if name[1] == market] for market in sorted(markets)
    ]


@pytest.mark.parametrize("name", BOOKS)
@pytest.mark.parametrize("seed", range(3))
def test_lots_do_not_depend_on_the_order_of_rows(seed: int, name: str) -> None:
    problem = random_market(seed, 30, 4, 3, BOOKS[name])
    plan, _ = min_max_plan(problem)
    other = shuffled(problem, seed)
    named = dict(zip(by_name(problem, problem.arcs.lots), plan.amounts.tolist(), strict=True))
    theirs = Plan(np.array([named[name] for name in by_name(other, other.arcs.lots)]), plan.levels)
    assert by_name(problem, whole_lots(problem, plan)) == by_name(other, whole_lots(other, theirs))


@pytest.mark.parametrize("seed", range(5))
def test_an_inaccurate_plan_is_closed_to_the_lot_all_the_same(seed: int) -> None:
    # Markets of 1e9 lots, amounts off by a few parts in 1e10: more lots than there are arcs.
    problem = random_market(seed, 30, 3, 2, Nature(load=0.2, position=1e8))
    plan, level = min_max_plan(problem)
    rng = np.random.default_rng(seed)
    noisy = Plan(plan.amounts * (1 + 3e-10 * rng.uniform(-1, 1, len(plan.amounts))), plan.levels)
    lots = whole_lots(problem, noisy)
    assert closed(problem, lots) == [demand.lots for demand in problem.demands]
    assert worst(problem, lots) <= level * (1 + 1e-6)


def test_a_lot_that_is_a_large_haircut_goes_to_who_feels_it_least() -> None:
    # 13 lots of 10 at a tenth: 10.9 for the whale, 1.0 and 1.1 for two small ones; the minnow pays a hundredth of one.
    problem = closing(
        {"M": (100, 1)},
        {"whale": 0, "small": 0, "other": 0, "minnow": 0},
        [("whale", "M", 109, 90), ("small", "M", 10, 90), ("other", "M", 11, 90), ("minnow", "M", 1, 99)],
        [("M", -13, 90)],
    )
    level = 130 / 1301
    endowments = {"whale": 1090, "small": 100, "other": 110, "minnow": 1}
    plan = planned(problem, {(name, "M"): level * w for name, w in endowments.items()})
    assert (
        by_name(problem, whole_lots(problem, plan))
        == {
            ("whale", "M"): 11,
            ("small", "M"): 1,
            ("other", "M"): 1,
            ("minnow", "M"): 0,
        }
        or by_name(problem, whole_lots(problem, plan))[("minnow", "M")] == 0
    )
    assert worst(problem, whole_lots(problem, plan)) == Fraction(110, 1090)


def test_ties_go_to_the_first_id() -> None:
    accounts = ["d", "b", "c", "a"]
    problem = closing(
        {"M": (100, 1)}, dict.fromkeys(accounts, 0), [(name, "M", 4, 90) for name in accounts], [("M", -6, 90)]
    )
    plan = planned(problem, {(name, "M"): 15 for name in accounts})
    assert by_name(problem, whole_lots(problem, plan)) == {("a", "M"): 2, ("b", "M"): 2, ("c", "M"): 1, ("d", "M"): 1}


def test_a_lot_of_another_market_moves_out_of_the_way() -> None:
    # x may pay for one lot in all, and only x has room for a whole lot of A; the lot of B on x goes to y.
    problem = closing(
        {"A": (100, 1), "B": (100, 1)},
        {"x": {"cash": 0, "max_haircut": "0.001"}, "y": {"cash": 0, "max_haircut": "0.1"}, "z": {"cash": 0}},
        [("x", "A", 500, 90), ("x", "B", 500, 90), ("y", "B", 10, 90), ("z", "A", 1, 95)],
        [("A", -1, 90), ("B", -1, 90)],
    )
    assert problem.wealth.cap_units.tolist() == [10_000_000, 10_000_000, 5_000_000]
    plan = planned(problem, {("x", "A"): 5, ("x", "B"): 5, ("y", "B"): 5, ("z", "A"): 5})
    assert by_name(problem, whole_lots(problem, plan)) == {("x", "A"): 1, ("x", "B"): 0, ("y", "B"): 1, ("z", "A"): 0}


def test_lots_of_another_market_move_out_of_the_way_of_a_dearer_one() -> None:
    # A lot of A costs as much as four of B: all of them leave x.
    problem = closing(
        {"A": (100, 4), "B": (100, 1)},
        {"x": {"cash": 0, "max_haircut": "0.004"}, "y": {"cash": 0, "max_haircut": "0.4"}, "z": {"cash": 0}},
        [("x", "A", 500, 90), ("x", "B", 500, 90), ("y", "B", 10, 90), ("z", "A", 4, 95)],
        [("A", -4, 90), ("B", -4, 90)],
    )
    plan = planned(problem, {("x", "A"): 20, ("x", "B"): 20, ("y", "B"): 20, ("z", "A"): 20})
    assert by_name(problem, whole_lots(problem, plan)) == {("x", "A"): 1, ("x", "B"): 0, ("y", "B"): 4, ("z", "A"): 0}


def test_lots_that_fit_below_no_cap_are_left() -> None:
    problem = closing(
        {"M": (100, 1)},
        {name: {"cash": 0, "max_haircut": "0.15"} for name in "abc"},
        [(name, "M", 10, 90) for name in "abc"],
        [("M", -4, 90)],
    )
    # Caps of a lot and a half each: four lots in real numbers, three whole ones.
    plan = planned(problem, {(name, "M"): 40 / 3 for name in "abc"})
    lots = whole_lots(problem, plan)
    assert lots.tolist() == [1, 1, 1]


@pytest.mark.parametrize("amounts", [{}, {("a", "M"): 33, ("b", "M"): 34}])
def test_lots_that_a_plan_leaves_open_are_closed_where_they_fit(amounts: dict[tuple[str, str], float]) -> None:
    problem = closing({"M": (100, 1)}, {"a": 0, "b": 0}, [("a", "M", 10, 90), ("b", "M", 10, 90)], [("M", -20, 90)])
    assert whole_lots(problem, planned(problem, amounts)).tolist() == [10, 10]


@pytest.mark.parametrize("seed", some(30, 5))
def test_free_closes_are_in_proportion_to_contracts(seed: int) -> None:
    problem = random_market(seed, 25, 4, 2, Nature(free=1.0, load=0.6, position=9, inside=0, losers=0.5, ties=0.5))
    assert problem.free.all()
    lots, arcs, names = free_lots(problem), problem.arcs, list(by_name(problem, problem.arcs.lots))
    assert np.array_equal(whole_lots(problem, planned(problem, {})), lots)
    for place, demand in enumerate(problem.demands):
        rows = np.flatnonzero(arcs.demand == place).tolist()
        held = {row: int(arcs.lots[row]) for row in rows}
        everything = sum(held.values())
        if everything <= demand.lots:
            assert {row: int(lots[row]) for row in rows} == held
            continue
        exact = {row: Fraction(demand.lots * amount, everything) for row, amount in held.items()}
        order = sorted(rows, key=lambda row: (exact[row] // 1 - exact[row], names[row]))
        left = demand.lots - sum(int(amount // 1) for amount in exact.values())
        assert {row: int(lots[row]) for row in rows} == {
            row: int(exact[row] // 1) + (row in order[:left]) for row in rows
        }


def test_lots_worth_1e_9_are_closed_beside_lots_worth_1e12() -> None:
    problem = closing(
        {"DUST": ("0.001", "1e-6"), "ROCK": (10**6, 1)},
        {"a": 0, "b": 0},
        [("a", "DUST", -(10**6), "0.002"), ("a", "ROCK", -5, 2 * 10**6), ("b", "ROCK", -5, 3 * 10**6)],
        [("DUST", "999999.999999", "0.002"), ("ROCK", 3, 2 * 10**6)],
    )
    assert [float(gap) for gap in problem.gaps] == pytest.approx([1e-3, 1e12], rel=1e-9)
    plan = planned(problem, {("a", "DUST"): 999.999999999, ("a", "ROCK"): 1e6 - 1000, ("b", "ROCK"): 2e6 + 1000})
    lots = by_name(problem, whole_lots(problem, plan))
    assert lots == {("a", "DUST"): 999_999_999_999, ("a", "ROCK"): 1, ("b", "ROCK"): 2}


def test_a_book_that_nobody_may_be_closed_of_closes_nothing() -> None:
    problem = closing({"M": (100, 1)}, {"a": 0}, [("a", "M", 5, 110)], [("M", -3, 90)])
    assert not len(problem.arcs.lots)
    assert whole_lots(problem, planned(problem, {})).tolist() == []


def test_room_is_made_for_many_lots_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # x alone holds A, and all that it may pay goes to B, which y could close as well: 100,000 lots change places.
    problem = closing(
        {"A": (100, "0.00001"), "B": (100, "0.00001")},
        {"x": {"cash": 0, "max_haircut": "0.05"}, "y": 0},
        [("x", "A", 1, 90), ("x", "B", 1, 90), ("y", "B", 1, 90)],
        [("A", -1, 99), ("B", -1, 99)],
    )
    calls: list[int] = []
    route = Board.route

    def counted(board: Board, demand: int, dead: set[int], lots: int = 1) -> bool:
        calls.append(lots)
        return route(board, demand, dead, lots)

    monkeypatch.setattr(Board, "route", counted)
    lots = whole_lots(problem, planned(problem, {("x", "B"): 1, ("y", "B"): 0}))
    assert by_name(problem, lots) == {("x", "A"): 100_000, ("x", "B"): 0, ("y", "B"): 100_000}
    assert max(calls) > 10_000
    assert len(calls) < 200
