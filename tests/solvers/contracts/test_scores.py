"""Venue scores of single positions: by hand, and against rational arithmetic."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from solvers.contracts.problem import ClosureProblem
from solvers.contracts.scores import queue_ranks, score_classes
from solvers.errors import ProblemError
from solvers.queue import Score
from tests.problems import some
from tests.solvers.contracts import venues
from tests.solvers.contracts.markets import NASTY, Nature, by_name, closing, random_market, shuffled

SCORES = get_args(Score)
MARKETS = {"X": {"mark": 10, "lot": 1, "rate": "0.05"}, "Y": (1, 1)}
LEFT = [("X", 6, "10.5")]


def ranks(problem: ClosureProblem, score: Score) -> dict[tuple[str, str], int]:
    return by_name(problem, queue_ranks(problem, score_classes(problem, score)))


def order(problem: ClosureProblem, score: Score) -> list[str]:
    found = ranks(problem, score)
    return [account for account, _ in sorted(found, key=lambda pair: found[pair])]


# Shorts of X at 10:   N   N0     u  cash   E
#   ann -10 from 15  100  150    50    50  100
#   bob -10 from 11  100  110    10     0   10
#   cy  -40 from 11  400  440    40     8   48
PEOPLE = {"ann": {"cash": 50, "score": 3}, "bob": {"cash": 0, "score": 1}, "cy": {"cash": 8, "score": 1}}
SHORTS = [("cy", "X", -40, 11), ("ann", "X", -10, 15), ("bob", "X", -10, 11)]
CROSS = closing(MARKETS, PEOPLE, SHORTS, LEFT)


@pytest.mark.parametrize(
    ("score", "wanted"),
    [
        ("pnl", ["ann", "cy", "bob"]),
        ("size", ["cy", "ann", "bob"]),  # a tie by id
        ("whitebit", ["bob", "cy", "ann"]),  # 1, 0.833, 0.5
        ("pnl-leverage", ["bob", "cy", "ann"]),  # 0.909, 0.758, 0.333
        ("bitmex", ["bob", "cy", "ann"]),  # the same: N over |N - NB| is N over E
        ("binance", ["bob", "cy", "ann"]),  # 10/1 5/10, 40/8 20/48, 50/50 5/100
        ("aevo", ["bob", "cy", "ann"]),
        ("hyperliquid-published", ["bob", "cy", "ann"]),  # 9.09, 7.58, 0.667
        ("hyperliquid-observed", ["bob", "cy", "ann"]),
        ("custom", ["ann", "bob", "cy"]),
    ],
)
def test_each_score_ranks_as_worked_by_hand(score: Score, wanted: list[str]) -> None:
    assert order(CROSS, score) == wanted


# Isolated: E = u and W = 0, so that u/E is 1 for all, N/E is 2, 10, 10, and binance's is MM = 5, 5, 20.
@pytest.mark.parametrize(
    ("score", "wanted"),
    [
        ("whitebit", ["ann", "bob", "cy"]),
        ("pnl-leverage", ["bob", "cy", "ann"]),  # N / N0: 10/11, 10/11, 2/3
        ("bitmex", ["bob", "cy", "ann"]),
        ("binance", ["cy", "ann", "bob"]),
        ("hyperliquid-published", ["bob", "cy", "ann"]),  # 9.09, 9.09, 1.33
        ("custom", ["ann", "bob", "cy"]),
    ],
)
def test_in_isolated_margin_a_position_stands_for_itself(score: Score, wanted: list[str]) -> None:
    assert order(closing(MARKETS, PEOPLE, SHORTS, LEFT, margin="isolated"), score) == wanted


def test_equity_is_the_account_s_and_profit_the_position_s_in_cross_margin() -> None:
    """With cash 20, ann's u/E in X is 50/70, and 50/30 once she lost 40 in Y. Her profit in X ranks her as before."""
    people = {**PEOPLE, "ann": 20}
    loss = ("ann", "Y", 80, "1.5")
    assert order(closing(MARKETS, people, SHORTS, LEFT), "whitebit") == ["bob", "cy", "ann"]
    assert order(closing(MARKETS, people, [*SHORTS, loss], LEFT), "whitebit") == ["ann", "bob", "cy"]
    assert order(closing(MARKETS, people, [*SHORTS, loss], LEFT), "pnl") == ["ann", "cy", "bob"]


@pytest.mark.parametrize("seed", some(120, 12))
@pytest.mark.parametrize("margin", ["cross", "isolated"])
def test_ranks_equal_rational_arithmetic(seed: int, margin: Any) -> None:
    nature = replace(NASTY, extremes=seed % 3 == 0)
    problem = random_market(seed, accounts=14, markets=3, nature=nature, margin=margin)
    for score in SCORES:
        got = queue_ranks(problem, score_classes(problem, score))
        wanted = np.zeros(len(got), np.int64)
        for demand in range(len(problem.demands)):
            if problem.gaps[demand]:
                for place, one in enumerate(venues.queue_order(problem, demand, score), start=1):
                    wanted[one.arc] = place
        assert got.tolist() == wanted.tolist(), score


@pytest.mark.parametrize("seed", range(6))
def test_ranks_do_not_depend_on_the_order_of_rows(seed: int) -> None:
    problem = random_market(seed, accounts=30, markets=4)
    for score in SCORES:
        assert ranks(problem, score) == ranks(shuffled(problem, seed), score)


def test_positions_that_differ_by_less_than_a_double_can_tell_are_ranked_and_equal_ones_tie() -> None:
    """N is 9007199254740993 10^-6 and a unit less for b and a; c's is b's, entered in other digits."""
    markets = {"X": ("0.000001", 1)}
    people = {name: {"cash": 10} for name in "abc"}
    shorts = [("a", "X", -9007199254740990, "0.000002"), ("c", "X", "-9007199254740991", "0.000002")]
    problem = closing(markets, people, [*shorts, ("b", "X", -9007199254740991, "2e-6")], [("X", 5, "0.0000011")])
    assert order(problem, "size") == ["b", "c", "a"]


def test_a_missing_score_is_refused_naming_the_field_and_the_accounts() -> None:
    people = {**PEOPLE, "ann": {"cash": 50}, "dan": {"cash": 1}}
    for margin in ("cross", "isolated"):
        with pytest.raises(ProblemError) as refused:
            # dan is on the other side: nobody asks him for a score.
            ranks(closing(MARKETS, people, [*SHORTS, ("dan", "X", 1, 9)], LEFT, margin=margin), "custom")
        assert (refused.value.field, list(refused.value.faults)) == ("score", [0])
    with pytest.raises(ProblemError) as refused:
        ranks(closing(MARKETS, dict.fromkeys(PEOPLE, 50), SHORTS, LEFT), "custom")
    assert (refused.value.field, list(refused.value.faults)) == ("score", [0, 1, 2])


def test_demands_that_cost_nothing_are_not_ranked() -> None:
    free = closing(MARKETS, dict.fromkeys(PEOPLE, 50), SHORTS, [("X", 6, 10)])
    assert set(ranks(free, "custom").values()) == {0}
    both = random_market(3, accounts=30, markets=4, nature=Nature(free=0.5))
    found = queue_ranks(both, score_classes(both, "pnl"))
    assert (found[both.free[both.arcs.demand]] == 0).all()
    for demand in np.flatnonzero(~both.free).tolist():
        mine = np.sort(found[both.arcs.demand == demand])
        assert mine.tolist() == list(range(1, len(mine) + 1))
