"""Judging closures that anybody made: each rule by hand, all of them against a referee, and a policy's own closings."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from solvers.contracts.baselines import ClosingQueue, ContractsProRata, closing_queue, contracts_pro_rata
from solvers.contracts.fills import Fills, Judgement, Violation, judge
from solvers.contracts.problem import ClosureProblem
from solvers.errors import ProblemError
from solvers.money import Int64, Numbers
from solvers.queue import Score
from tests.problems import UNIT, some
from tests.solvers.contracts.markets import NASTY, closing, random_market, shuffled
from tests.solvers.contracts.referee import referee

Row = tuple[str, str, Any, Any]


def filled(problem: ClosureProblem, rows: Sequence[Row]) -> Fills:
    """(account, market, signed quantity as traded, price)."""
    ids, symbols = problem.accounts.ids, list(problem.markets.symbols)
    return Fills(
        np.array([ids.index(row[0]) if row[0] in ids else -1 for row in rows], np.int64),
        np.array([symbols.index(row[1]) if row[1] in symbols else -1 for row in rows], np.int64),
        Numbers.parse("closures.quantity", [row[2] for row in rows]),
        Numbers.parse("closures.price", [row[3] for row in rows]),
    )


def broken(found: Judgement, problem: ClosureProblem) -> list[tuple[Any, ...]]:
    def named(one: Violation) -> tuple[Any, ...]:
        account = None if one.account is None else problem.accounts.ids[one.account]
        market = None if one.market is None else problem.markets.symbols[one.market]
        return one.rule, account, market, one.fill, one.made, one.allowed

    return [named(one) for one in found.violations]


# Six longs of X are left at a gap of 2, B = 12. ann's and bob's shorts won 20 and 30, cy's lost, dan is long,
# eve may lose a tenth of 40.
MARKETS = {"X": (10, "0.5"), "Y": (1, 1)}
PEOPLE = {"ann": 1, "bob": 1, "cy": 100, "dan": 1, "eve": {"cash": 1, "max_haircut": "0.1"}}
HELD = [("ann", "X", -4, 15), ("bob", "X", -10, 13), ("cy", "X", -5, 8), ("dan", "X", 5, 8), ("eve", "X", -10, 14)]
BOOK = closing(MARKETS, PEOPLE, HELD, [("X", 6, 12)])
GOOD: list[Row] = [("ann", "X", "3.5", 12), ("bob", "X", "2.5", 12)]


def test_a_sound_closing_breaks_no_rule() -> None:
    found = judge(BOOK, filled(BOOK, GOOD), optimum=0.2)
    assert found.valid
    assert found.violations == ()
    assert (found.needed_units, found.paid_units, found.overshoot_units) == (12 * UNIT, 12 * UNIT, 0)
    assert found.bearer_units.tolist() == [7 * UNIT, 5 * UNIT, 0, 0, 0]
    assert (found.needed, found.closed, found.touched) == ((6,), (6,), (2,))
    assert found.worst_haircut == 7 / 20
    assert found.regret == 7 / 20 - 0.2
    assert (found.accounts_touched, found.same_side_accounts, found.unprofitable_accounts) == (2, 0, 0)
    assert (found.gains, found.gained_units) == (0, 0)


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([("zed", "X", 1, 12), *GOOD], [("unknown-account", None, "X", 0, 1, 0)]),
        (
            [*GOOD, ("zed", "Q", 1, 12)],
            [("unknown-account", None, None, 2, 1, 0), ("unknown-market", None, None, 2, 1, 0)],
        ),
        ([*GOOD, ("ann", "Y", -1, 1), ("ann", "Y", -2, 1)], [("no-position", "ann", "Y", 2, 3, 0)]),
        # Adds to a short; adds to a long, on the side that is bought back; closes the side that the bankrupt were on.
        ([*GOOD, ("ann", "X", -1, 10)], [("same-side", "ann", "X", 2, 1, 0)]),
        ([*GOOD, ("dan", "X", 1, 10)], [("same-side", "dan", "X", 2, 1, 0)]),
        ([*GOOD, ("dan", "X", -1, 10)], [("same-side", "dan", "X", 2, 1, 0)]),
        (
            [("ann", "X", "3.25", 12), ("bob", "X", "2.75", 12)],
            [("off-lot", "ann", "X", 0, 3.25, 3), ("off-lot", "bob", "X", 1, 2.75, 2.5)],
        ),
        # Of ann's 5 only 4 close anything, so that a contract is left.
        (
            [("bob", "X", 1, 12), ("ann", "X", 3, 12), ("ann", "X", 2, 12)],
            [("over-position", "ann", "X", 1, 5, 4), ("not-closed", None, "X", None, 5, 6)],
        ),
        ([("ann", "X", 4, 12), ("cy", "X", 2, 12)], [("unprofitable", "cy", None, 1, 4 * UNIT, 0)]),
        (
            [("ann", "X", 4, 12), ("eve", "X", 2, "12.5")],
            [("over-cap", "eve", None, 1, 5 * UNIT, 4 * UNIT), ("over-paid", None, "X", None, 13 * UNIT, 12 * UNIT)],
        ),
        (GOOD[:1], [("not-closed", None, "X", None, Fraction(7, 2), 6)]),
        ([*GOOD, ("bob", "X", 1, 12)], [("over-closed", None, "X", None, 7, 6)]),
    ],
)  # fmt: skip
def test_each_rule_by_hand(rows: list[Row], wanted: list[tuple[Any, ...]]) -> None:
    found = judge(BOOK, filled(BOOK, rows))
    assert broken(found, BOOK) == wanted
    assert not found.valid


# Longs of both X and Y are left: X at 12, Y at 2.
TWO = closing(MARKETS, PEOPLE, [*HELD, ("ann", "Y", -9, 3)], [("X", 6, 12), ("Y", 3, 2)])


@pytest.mark.parametrize(
    ("x", "y", "wanted"),
    [
        (12, 2, []),
        # 0.2 of a unit on 3.5 contracts is rounding, 0.3 are more than a unit in all.
        ("12.0000002", 2, []),
        ("12.0000003", 2, [("over-paid", "X", Fraction("12000001.05"), 12 * UNIT)]),
        ("11.9999997", 2, [("under-paid", "X", Fraction("11999998.95"), 12 * UNIT)]),
        # What X has too much, Y has too little: together they pay what is needed.
        (13, "0.83333333", [
            ("over-paid", "X", Fraction(31, 2) * UNIT, 12 * UNIT),
            ("under-paid", "Y", Fraction("-500000.01"), 3 * UNIT),
        ]),
        (9, 1, [
            ("under-paid", "X", Fraction(3, 2) * UNIT, 12 * UNIT), ("under-paid", "Y", 0, 3 * UNIT)
        ]),
    ],
)  # fmt: skip
def test_a_side_that_paid_more_or_less_than_its_price_asks_is_told_and_breaks_no_rule(
    x: Any, y: Any, wanted: list[tuple[Any, ...]]
) -> None:
    """ann is closed at the price that is tried, bob at the one that is asked: a side is looked at as a whole."""
    found = judge(TWO, filled(TWO, [("ann", "X", "3.5", x), ("bob", "X", "2.5", 12), ("ann", "Y", 3, y)]))
    assert found.valid
    assert [(rule, market, made, asked) for rule, _, market, _, made, asked in broken(found, TWO)] == wanted


def test_the_price_is_asked_for_the_contracts_that_were_closed_be_they_too_few_or_too_many() -> None:
    for volume in ("0.5", 1, 2, 4, 5):  # of the 4 that ann holds
        found = judge(BOOK, filled(BOOK, [("ann", "X", volume, 12)]))
        assert not {one.rule for one in found.violations} & {"over-paid", "under-paid"}
    for price, rule in ((10, "under-paid"), (13, "over-paid")):
        found = judge(BOOK, filled(BOOK, [("ann", "X", 1, price)]))
        assert rule in {one.rule for one in found.violations}


def test_what_closes_nothing_that_was_needed_is_no_part_of_what_a_side_paid() -> None:
    strange: list[Row] = [("dan", "X", 1, 9), ("ann", "Y", 2, 3), ("zed", "X", 1, 20)]
    found = judge(BOOK, filled(BOOK, [*GOOD, *strange]))
    assert not {one.rule for one in found.violations} & {"over-paid", "under-paid"}


def test_closing_that_is_free_and_was_charged_is_over_paid() -> None:
    book = closing(MARKETS, PEOPLE, HELD, [("X", 6, 10)])
    assert judge(book, filled(book, [("ann", "X", 4, 10), ("bob", "X", 2, 10)])).violations == ()
    found = judge(book, filled(book, [("ann", "X", 4, 11), ("bob", "X", 2, 10)]))
    assert broken(found, book) == [("over-paid", None, "X", None, 4 * UNIT, 0)]


def test_whoever_is_closed_at_the_mark_is_not_charged() -> None:
    found = judge(BOOK, filled(BOOK, [("ann", "X", 4, 13), ("cy", "X", 2, 10)]))
    assert found.valid
    assert (found.overshoot_units, found.unprofitable_accounts) == (0, 1)


def test_a_part_of_a_unit_is_rounding_and_a_unit_is_not() -> None:
    for price, valid in (("12.00000049", True), ("12.0000005", False)):
        assert judge(BOOK, filled(BOOK, [("ann", "X", 4, 12), ("eve", "X", 2, price)])).valid is valid
    for price, valid in (("10.00000049", True), ("10.0000005", False)):
        assert judge(BOOK, filled(BOOK, [("ann", "X", 4, 13), ("cy", "X", 2, price)])).valid is valid


def test_a_better_price_than_the_mark_is_counted_as_a_gain() -> None:
    found = judge(BOOK, filled(BOOK, [*GOOD[:1], ("bob", "X", "2.5", 9)]))
    assert found.valid
    assert (found.gains, found.gained_units) == (1, 2_500_000)
    assert found.paid_units == 4_500_000
    assert found.overshoot_units == -7_500_000
    assert found.bearer_units.tolist() == [7 * UNIT, -2_500_000, 0, 0, 0]


@pytest.mark.parametrize(
    ("prices", "wanted"),
    [(("11.5", "11.5"), (2, 1)), (("11.3", "11.7"), (1, 2)), (("11.2", "11.2"), (1, 1)), (("11.3", "11.3"), (2, 1))],
)
def test_what_bearers_pay_in_whole_units_adds_up_and_ties_go_by_id(prices: Any, wanted: Any) -> None:
    """bob comes first in the book, ann by id: of 1.5 and 1.5 units, 3 in all, she pays 2; of 1.3 and 1.3 too."""
    book = closing(MARKETS, {"bob": 0, "ann": 0}, [HELD[1], HELD[0]], [("X", 2, 12)], precision=0)
    found = judge(book, filled(book, [("bob", "X", 1, prices[1]), ("ann", "X", 1, prices[0])]))
    assert tuple(found.bearer_units[::-1].tolist()) == wanted
    assert found.paid_units == sum(wanted)


def test_longs_are_closed_by_selling_below_the_mark() -> None:
    found = closing(MARKETS, {"ann": 0}, [("ann", "X", 6, 5)], [("X", -2, 9)])
    good = judge(found, filled(found, [("ann", "X", -2, 9)]))
    assert good.valid
    assert good.overshoot_units == 0
    assert broken(judge(found, filled(found, [("ann", "X", 2, 9)])), found) == [
        ("same-side", "ann", "X", 0, 2, 0), ("not-closed", None, "X", None, 0, 2)
    ]  # fmt: skip


def test_a_price_below_zero_is_a_cost_like_any_other() -> None:
    """dan's equity is -30, all of it from one short: ann's long is closed 15 below the mark of 10, at -5."""
    held = [("ann", "X", 6, 1), ("dan", "X", -2, 10)]
    left = [{"account": "dan", "market": "X", "quantity": -2, "price": None}]
    book = closing(MARKETS, {"ann": 0, "dan": -30}, held, left)
    found = judge(book, filled(book, [("ann", "X", -2, -5)]))
    assert found.valid
    assert found.paid_units == found.needed_units == 30 * UNIT


def test_in_isolated_margin_the_position_pays_and_a_trade_without_one_is_nobody_s() -> None:
    shorts = [("ann", "X", -4, 15), ("ann", "Y", -4, "1.5")]
    found = closing(MARKETS, {"ann": 0}, shorts, [("X", 2, 12), ("Y", 2, 2)], margin="isolated")
    rows: list[Row] = [("ann", "X", 2, 12), ("ann", "Y", 3, 2)]
    result = judge(found, filled(found, rows))
    assert broken(result, found) == [
        ("over-cap", "ann", "Y", 1, 3 * UNIT, 2 * UNIT), ("over-closed", None, "Y", None, 3, 2)
    ]  # fmt: skip
    assert result.worst_haircut == 1.5
    one = replace(found, positions=closing(MARKETS, {"ann": 0}, shorts[:1], [("X", 2, 12)]).positions)
    assert judge(one, filled(one, rows)).paid_units == 4 * UNIT


# By profit: eve 40, of which she may lose 4, bob 30, ann 20.
@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        # eve leads with her 40, but her cap pays for two lots of a half only.
        ([("eve", "X", 2, 12), ("bob", "X", 4, 12)], []),
        ([("eve", "X", "1.5", 12), ("bob", "X", "4.5", 12)], [("bob", 2, 1)]),
        ([("eve", "X", 2, 12), ("ann", "X", 4, 12)], [("ann", 3, 2)]),
        ([("ann", "X", 4, 12), ("bob", "X", 2, 12)], [("ann", 3, 1), ("bob", 2, 1)]),
    ],
)
def test_the_order_is_broken_by_touching_a_lower_score_while_a_higher_one_kept_a_lot_it_could_pay_for(
    rows: list[Row], wanted: list[Any]
) -> None:
    assert judge(BOOK, filled(BOOK, rows)).valid
    found = broken(judge(BOOK, filled(BOOK, rows), score="pnl"), BOOK)
    assert [(account, made, allowed) for _, account, _, _, made, allowed in found] == wanted
    assert {rule for rule, *_ in found} <= {"order-broken"}


def test_equal_scores_break_no_order() -> None:
    book = closing(MARKETS, {"ann": 1, "bob": 1}, [("ann", "X", -4, 15), ("bob", "X", -4, 15)], [("X", 2, 12)])
    assert judge(book, filled(book, [("bob", "X", 2, 12)]), score="pnl").valid


def test_a_hedge_is_broken_where_net_exposure_over_equity_rises_though_leverage_falls() -> None:
    """ann: -60 in X and +60 in Y on an equity of 100, net 0. After -40 in X and a cost of 4: net 20 / 96.

    bob, with -60 and no hedge, goes from 60 / 100 to 40 / 96: less.
    """
    held = [("ann", "X", -6, 12), ("ann", "Y", 60, 1), ("bob", "X", -6, 12)]
    book = closing(MARKETS, {"ann": 88, "bob": 88}, held, [("X", 4, 12)])
    found = judge(book, filled(book, [("ann", "X", 1, 12), ("ann", "X", 1, 12), ("bob", "X", 2, 12)]))
    assert broken(found, book) == [("risk-rose", "ann", None, 0, Fraction(20, 96), 0)]
    assert found.valid, "nothing forbids it: a warning"


def test_leverage_that_rises_too_is_not_a_broken_hedge() -> None:
    """ann pays 60 of her 100 for one contract: gross notional over equity rises from 1.2 to 2.75."""
    held = [("ann", "X", -6, 20), ("ann", "Y", 60, 1)]
    book = closing(MARKETS, {"ann": 40}, held, [("X", 1, 70)])
    found = judge(book, filled(book, [("ann", "X", 1, 70)]))
    assert found.violations == ()


@pytest.mark.parametrize(
    ("row", "field"), [(("ann", "X", 0, 12), "quantity"), (("ann", "X", "1e70", 1), "quantity"),
                       (("ann", "X", 1, "1e70"), "price"), (("ann", "X", "1e30", 1), "price")]
)  # fmt: skip
def test_what_is_no_trade_is_refused_naming_the_field_and_the_row(row: Row, field: str) -> None:
    with pytest.raises(ProblemError) as refused:
        judge(BOOK, filled(BOOK, [*GOOD, row]))
    assert refused.value.field == f"closures.{field}"
    assert 2 in refused.value.faults


def test_no_fills_at_all_close_nothing() -> None:
    found = judge(BOOK, filled(BOOK, []), score="pnl")
    assert broken(found, BOOK) == [("not-closed", None, "X", None, 0, 6)]
    assert (found.paid_units, found.worst_haircut, found.accounts_touched) == (0, 0.0, 0)


def test_a_book_without_positions_can_be_judged() -> None:
    book = closing(MARKETS, {"ann": 0}, [], [("X", 1, 12)])
    found = judge(book, filled(book, [("ann", "X", 1, 12)]), score="pnl")
    assert broken(found, book) == [
        ("no-position", "ann", "X", 0, 1, 0),
        ("unprofitable", "ann", None, 0, 2 * UNIT, 0),
        ("not-closed", None, "X", None, 0, 1),
    ]
    assert found.worst_haircut is None
    assert found.regret is None


def nasty(seed: int, margin: Any = "cross") -> ClosureProblem:
    return random_market(seed, accounts=10, markets=3, nature=replace(NASTY, extremes=seed % 4 == 0), margin=margin)


def closes(problem: ClosureProblem, lots: Int64) -> Fills:
    """The fills of a closing, at the problem's prices to 40 decimals."""
    arcs, rows = problem.arcs, []
    for arc in np.flatnonzero(lots).tolist():
        position, demand = int(arcs.position[arc]), int(arcs.demand[arc])
        market = int(problem.positions.market[position])
        volume = int(lots[arc]) * problem.markets.lots[market] * problem.demands[demand].side
        account = problem.accounts.ids[int(problem.positions.account[position])]
        rows.append((account, problem.markets.symbols[market], _decimal(volume), _decimal(problem.price(demand))))
    return filled(problem, rows)


def _decimal(value: Fraction) -> str:
    return f"{round(value * 10**40)}e-40"


@pytest.mark.parametrize("seed", some(100, 10))
@pytest.mark.parametrize("margin", ["cross", "isolated"])
def test_baselines_break_no_rule_but_closing_too_much_or_too_little(seed: int, margin: Any) -> None:
    problem = nasty(seed, margin)
    scores: tuple[Score, ...] = ("pnl", "bitmex", "custom")
    for score in scores:
        for partial_close in (False, True):
            lots = closing_queue(problem, ClosingQueue(score=score, partial_close=partial_close)).lots
            found = judge(problem, closes(problem, lots), score=score)
            assert {one.rule for one in found.violations} <= {"not-closed", "over-closed", "risk-rose"}
    found = judge(problem, closes(problem, contracts_pro_rata(problem, ContractsProRata()).lots))
    assert {one.rule for one in found.violations} <= {"not-closed", "risk-rose"}
    if found.closed == found.needed:
        assert found.overshoot_units == 0
    assert found.worst_haircut is None or 0 <= found.worst_haircut <= 1


def random_fills(problem: ClosureProblem, seed: int) -> list[Row]:
    """Closes as they should be, and some of everything that is wrong with closes."""
    rng = np.random.default_rng([5, seed])
    ids, symbols = [*problem.accounts.ids, "zed"], [*problem.markets.symbols, "Q"]
    rows: list[Row] = []
    for _ in range(int(rng.integers(1, 40))):
        position = int(rng.integers(len(problem.positions)))
        account, market = int(problem.positions.account[position]), int(problem.positions.market[position])
        lots = -int(problem.lots[position])
        if rng.random() < 0.1:
            lots = -lots
        if rng.random() < 0.5:
            lots = int(np.sign(lots)) * int(rng.integers(1, abs(lots) + 1))
        volume = lots * problem.markets.lots[market] * (Fraction(3, 2) if rng.random() < 0.1 else 1)
        if rng.random() < 0.15:
            account, market = int(rng.integers(len(ids))), int(rng.integers(len(symbols)))
        mark = problem.markets.marks[market] if market < len(problem.markets) else Fraction(1)
        step = rng.choice([0, 0.01, 0.2, -0.01, 3]) * np.sign(lots)
        price = max(mark * (1 + Fraction(str(round(float(step), 6)))), mark / 2)
        rows.append((ids[account], symbols[market], _decimal(volume), _decimal(price)))
    return rows


@pytest.mark.parametrize("seed", some(400, 30))
@pytest.mark.parametrize("margin", ["cross", "isolated"])
def test_judgements_equal_a_referee_s(seed: int, margin: Any) -> None:
    problem = nasty(seed, margin)
    fills = filled(problem, random_fills(problem, seed))
    score: Score = ("pnl", "bitmex", "hyperliquid-observed", "size")[seed % 4]  # type: ignore[assignment]
    found, wanted = judge(problem, fills, score=score), referee(problem, fills, score)

    got = [(one.rule, one.account, one.market, one.made, one.allowed) for one in found.violations]
    assert sorted(got, key=repr) == sorted(wanted.findings, key=repr)
    assert abs(found.paid_units - wanted.paid) <= Fraction(1, 2)
    assert abs(found.gained_units - wanted.gained) <= Fraction(1, 2)
    assert found.bearer_units.sum() == found.paid_units
    assert list(found.closed) == wanted.closed
    assert found.worst_haircut == (None if wanted.worst is None else pytest.approx(float(wanted.worst), rel=1e-15))


@pytest.mark.parametrize("seed", range(20))
def test_judgements_do_not_depend_on_the_order_of_rows(seed: int) -> None:
    problem = nasty(seed)
    rows = random_fills(problem, seed)
    again = shuffled(problem, seed)
    mixed = [rows[place] for place in np.random.default_rng(seed).permutation(len(rows))]
    one, two = judge(problem, filled(problem, rows), score="pnl"), judge(again, filled(again, mixed), score="pnl")

    def told(found: Judgement, book: ClosureProblem) -> list[Any]:
        return sorted(repr((*row[:3], *row[4:])) for row in broken(found, book))

    assert told(one, problem) == told(two, again)
    assert (one.paid_units, one.worst_haircut, one.closed) == (two.paid_units, two.worst_haircut, two.closed)
    ids = problem.accounts.ids
    wanted = dict(zip(ids, one.bearer_units.tolist(), strict=True))
    assert dict(zip(again.accounts.ids, two.bearer_units.tolist(), strict=True)) == wanted


def test_splitting_a_fill_changes_nothing() -> None:
    halves = [(account, market, float(volume) / 2, price) for account, market, volume, price in GOOD for _ in "ab"]
    problem = closing({**MARKETS, "X": (10, "0.25")}, PEOPLE, HELD, [("X", 6, 12)])
    whole, split = judge(problem, filled(problem, GOOD)), judge(problem, filled(problem, halves))
    assert replace(whole, bearer_units=split.bearer_units) == split
    assert whole.bearer_units.tolist() == split.bearer_units.tolist()
