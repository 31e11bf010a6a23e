"""The queue's order by each score, on figures worked by hand, and its lights."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvers.errors import ProblemError
from solvers.problem import HaircutProblem
from solvers.queue import Score, _exact_keys, closing_order, lights
from tests.problems import book


def order(found: HaircutProblem, score: Score) -> list[str]:
    return [found.book.ids[i] for i in closing_order(found, score)]


# Shorts at mark: entry = notional + pnl, equity = cash + pnl, bankruptcy = notional + equity.
#        pnl  cash  notional  entry  bankruptcy  margin  p/p0
# ann     50    50       100    150         200       2   2/3
# bob     10     0        90    100         100       9   0.9
# cy      40     8       400    440         448       4   0.9091
VENUE = HaircutProblem(
    book(
        [50, 0, 8],
        [50, 10, 40],
        ids=["ann", "bob", "cy"],
        notional=[100, 90, 400],
        entry_notional=[150, 100, 440],
        bankruptcy_notional=[200, 100, 448],
        maintenance_margin=[2, 9, 4],
        price_ratio=["0.666666666667", "0.9", "0.909090909091"],
        score=[-1, 0.5, "0.5"],
    )
)


@pytest.mark.parametrize(
    ("score", "wanted"),
    [
        ("pnl", ["ann", "cy", "bob"]),
        ("size", ["cy", "ann", "bob"]),
        ("whitebit", ["bob", "cy", "ann"]),  # 0.5, 1, 0.833
        ("pnl-leverage", ["bob", "cy", "ann"]),  # 0.333, 0.9, 0.758
        ("bitmex", ["bob", "cy", "ann"]),  # P L: 0.333 1, 0.1 9, 0.0909 8.33
        ("binance", ["bob", "cy", "ann"]),  # 1 0.02, 10 0.9, 5 0.0833
        ("hyperliquid-published", ["bob", "cy", "ann"]),  # 0.667, 8.1, 7.58
        ("hyperliquid-observed", ["bob", "cy", "ann"]),  # 0.333, 0.9, 0.758
        ("custom", ["bob", "cy", "ann"]),  # -1, 0.5, 0.5: a tie by id
    ],
)
def test_each_score_ranks_as_worked_by_hand(score: Score, wanted: list[str]) -> None:
    assert order(VENUE, score) == wanted


def test_the_two_hyperliquid_scores_order_differently() -> None:
    found = HaircutProblem(
        book([10, 10], [10, 10], notional=[40, 60], entry_notional=[10, 90], price_ratio=["0.8", "0.9"])
    )
    assert order(found, "hyperliquid-published") == ["a1", "a0"]
    assert order(found, "hyperliquid-observed") == ["a0", "a1"]


def test_bitmex_closes_first_where_notional_is_bankruptcy_notional() -> None:
    found = HaircutProblem(
        book([1, 1, 1], [1, 1, 9], notional=[5, 5, 5], entry_notional=[5, 5, 5], bankruptcy_notional=[5.000001, 5, 6])
    )
    assert order(found, "bitmex") == ["a1", "a0", "a2"]


def test_bitmex_divides_losses_by_leverage_when_equity_is_the_numeraire() -> None:
    found = HaircutProblem(
        book(
            [10, 10, 10, 10],
            [-1, -1, -1, 0],
            notional=[10, 20, 0, 5],
            entry_notional=[10, 10, 10, 10],
            bankruptcy_notional=[5, 10, 5, 5],
        ),
        numeraire="equity",
    )
    # P / L: -0.05, -0.05, minus infinity; 0 where nothing was won or lost.
    assert order(found, "bitmex") == ["a3", "a0", "a1", "a2"]


def test_equal_scores_are_ties_even_where_doubles_differ() -> None:
    thirds = HaircutProblem(book([1, 1], [2, 2], ids=["b", "a"], score=["0.30000000000000004", 0.1 + 0.2]))
    assert order(thirds, "custom") == ["a", "b"]
    products = HaircutProblem(book([0, 0], [3, 7], ids=["z", "y"], notional=[9, 49], entry_notional=[3, 16.333333]))
    assert order(products, "pnl-leverage")[0] == "y"


@given(st.lists(st.tuples(st.integers(-(10**20), 10**20), st.integers(1, 10**20)), min_size=1, max_size=12))
def test_keys_order_as_the_fractions_do(pairs: list[tuple[int, int]]) -> None:
    keys = _exact_keys([*pairs, (1, 0), (-1, 0)]).tolist()
    fractions = [Fraction(num, den) for num, den in pairs]
    for i, left in enumerate(fractions):
        assert keys[-1] < keys[i] < keys[-2]
        for j, right in enumerate(fractions):
            assert (keys[i] < keys[j]) == (left < right)


def test_only_winners_need_the_field_of_a_score() -> None:
    found = HaircutProblem(book([1, 1, 1], [5, -9, 3], maintenance_margin=[1, None, 1]))
    assert order(found, "binance") == ["a0", "a2"]


@pytest.mark.parametrize(
    ("columns", "field", "rows"),
    [
        ({}, "entry_notional", [0, 2]),
        ({"entry_notional": [1, None, None]}, "entry_notional", [2]),
        ({"entry_notional": [1, 0, 0]}, "entry_notional", [2]),
    ],
)
def test_a_missing_or_zero_field_is_refused_by_name(
    columns: dict[str, list[float]], field: str, rows: list[int]
) -> None:
    found = HaircutProblem(book([1, 1, 1], [5, -9, 3], notional=[1, 1, 1], **columns))
    with pytest.raises(ProblemError) as refused:
        closing_order(found, "pnl-leverage")
    assert refused.value.field == field
    assert list(refused.value.faults) == rows


def test_lights_split_the_queue_in_fifths() -> None:
    assert lights(np.arange(1, 11)).tolist() == [4, 4, 3, 3, 2, 2, 1, 1, 0, 0]
    assert lights(np.array([1])).tolist() == [4]
    assert lights(np.array([], dtype=np.int64)).tolist() == []
