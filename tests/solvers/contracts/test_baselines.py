"""What venues do: by hand, against rational arithmetic, and what always holds."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.contracts.baselines import ClosingQueue, ContractsProRata, closing_queue, contracts_pro_rata
from solvers.contracts.closing import Closing
from solvers.contracts.lots import free_lots
from solvers.contracts.problem import ClosureProblem
from solvers.queue import Score
from tests.problems import some
from tests.solvers.contracts import venues
from tests.solvers.contracts.markets import NASTY, by_name, closing, random_market, shuffled

SCORES = get_args(Score)
MARKETS = {"X": (10, 1), "Y": (20, 1)}


def pro_rata(problem: ClosureProblem) -> Closing:
    return contracts_pro_rata(problem, ContractsProRata())


def queue(problem: ClosureProblem, score: Score = "pnl", *, partial_close: bool = False) -> Closing:
    return closing_queue(problem, ClosingQueue(score=score, partial_close=partial_close))


def lots(problem: ClosureProblem, found: Closing) -> dict[tuple[str, str], int]:
    return by_name(problem, found.lots)


# Shorts of X with profits 50, 10 and 40; the bankrupt left 12 longs at a gap of 1.
PEOPLE = dict.fromkeys(("ann", "bob", "cy"), 0)
SHORTS = [("ann", "X", -10, 15), ("bob", "X", -10, 11), ("cy", "X", -40, 11)]


def of_x(found: dict[tuple[str, str], int]) -> list[int]:
    return [found[name, "X"] for name in ("ann", "bob", "cy")]


def test_contracts_pro_rata_closes_the_same_share_of_each_position() -> None:
    problem = closing(MARKETS, PEOPLE, SHORTS, [("X", 12, 11)])
    assert of_x(lots(problem, pro_rata(problem))) == [2, 2, 8]


def test_fractions_of_a_lot_go_to_the_largest_and_ties_by_account_id() -> None:
    """13 of 60: 2.17, 2.17 and 8.67. 14 of 60: 2.33, 2.33 and 9.33, a tie of three for one lot."""
    thirteen = closing(MARKETS, PEOPLE, SHORTS, [("X", 13, 11)])
    assert of_x(lots(thirteen, pro_rata(thirteen))) == [2, 2, 9]
    fourteen = closing(MARKETS, PEOPLE, SHORTS[::-1], [("X", 14, 11)])
    assert of_x(lots(fourteen, pro_rata(fourteen))) == [3, 2, 9]


def test_who_is_at_its_cap_leaves_the_rest_to_the_others() -> None:
    """At a gap of 4 bob can pay for 2 lots of his 10, and cy for 10 of his 40: t lots are 4 and 16 without caps."""
    problem = closing(MARKETS, PEOPLE, SHORTS, [("X", 20, 14)])
    assert of_x(lots(problem, pro_rata(problem))) == [8, 2, 10]


def test_a_queue_closes_whole_positions_in_order_and_the_last_one_beyond_the_need() -> None:
    problem = closing(MARKETS, PEOPLE, SHORTS, [("X", 12, 11)])
    found = queue(problem)
    assert of_x(lots(problem, found)) == [10, 0, 40]
    assert found.rank is not None
    assert of_x(by_name(problem, found.rank)) == [1, 3, 2]
    assert of_x(lots(problem, queue(problem, partial_close=True))) == [10, 0, 2]


def test_a_queue_passes_on_what_a_cap_does_not_allow() -> None:
    """At a gap of 5 ann's 50 pay for her 10 lots, cy's 40 for 8 of 40, and bob's 10 for the 2 that are missing."""
    problem = closing(MARKETS, PEOPLE, SHORTS, [("X", 20, 15)])
    assert of_x(lots(problem, queue(problem))) == of_x(lots(problem, queue(problem, partial_close=True))) == [10, 2, 8]


def test_a_queue_that_meets_the_need_exactly_closes_nothing_more() -> None:
    problem = closing(MARKETS, PEOPLE, SHORTS, [("X", 10, 11)])
    assert of_x(lots(problem, queue(problem))) == [10, 0, 0]


@pytest.mark.parametrize("policy", [pro_rata, lambda found: queue(found, partial_close=True)])
def test_markets_take_turns_by_symbol_and_the_first_uses_up_the_room(policy: Any) -> None:
    """ann is alone on both: her 60 of profit pay for 10 lots of X at 5, and for one of Y at 8, which needs 3."""
    shorts = [("ann", "X", -10, 15), ("ann", "Y", -10, 21)]
    left = [("Y", 3, 28), ("X", 10, 15)]
    problem = closing(MARKETS, {"ann": 0}, shorts, left)
    assert lots(problem, policy(problem)) == {("ann", "X"): 10, ("ann", "Y"): 1}
    swapped = closing({"Z": MARKETS["X"], "Y": MARKETS["Y"]}, {"ann": 0}, [("ann", "Z", -10, 15), shorts[1]],
                      [left[0], ("Z", 10, 15)])  # fmt: skip
    assert lots(swapped, policy(swapped)) == {("ann", "Y"): 3, ("ann", "Z"): 7}


def test_in_isolated_margin_each_position_has_its_own_room() -> None:
    shorts = [("ann", "X", -10, 15), ("ann", "Y", -10, 21)]
    problem = closing(MARKETS, {"ann": 0}, shorts, [("Y", 3, 28), ("X", 10, 15)], margin="isolated")
    assert lots(problem, pro_rata(problem)) == {("ann", "X"): 10, ("ann", "Y"): 1}
    dearer = closing(MARKETS, {"ann": 0}, shorts, [("Y", 3, 21), ("X", 10, 16)], margin="isolated")
    assert lots(dearer, queue(dearer, partial_close=True)) == {("ann", "X"): 8, ("ann", "Y"): 3}


@pytest.mark.parametrize("policy", [pro_rata, queue])
def test_what_costs_nothing_is_closed_in_proportion_and_not_ranked(policy: Any) -> None:
    problem = closing(MARKETS, dict.fromkeys(PEOPLE, 100), SHORTS, [("X", 12, 10)])
    found = policy(problem)
    assert of_x(lots(problem, found)) == [2, 2, 8]
    assert found.rank is None or not found.rank.any()


@pytest.mark.parametrize("policy", [pro_rata, queue])
@pytest.mark.parametrize("shorts", [[], [("ann", "X", 10, 5)], [("ann", "X", -10, 5)]])
def test_without_profitable_holders_nothing_is_closed(policy: Any, shorts: list[Any]) -> None:
    problem = closing(MARKETS, {"ann": 100}, [*shorts, ("ann", "Y", 1, 20)], [("X", 5, 11)])
    assert not policy(problem).lots.any()


def test_one_lot_beside_2_52_gets_its_share() -> None:
    """n + 1 of 2n + 1 are closed: n/2 + 1/4 less a trifle of the large ones, 1/2 and a trifle of the small one."""
    most = 2**52
    shorts = [("ann", "X", -most, 15), ("bob", "X", -most, 15), ("cy", "X", -1, 15)]
    problem = closing({"X": (10, 1)}, PEOPLE, shorts, [("X", most + 1, "10.000000001")], precision=0)
    assert of_x(lots(problem, pro_rata(problem))) == [most // 2, most // 2, 1]


def nasty(seed: int, margin: Any = "cross") -> ClosureProblem:
    unclosable = 0.3 if seed % 4 == 1 else 0.0
    nature = replace(NASTY, extremes=seed % 3 == 0, unclosable=unclosable, load=0.8 if seed % 2 else 0.3)
    return random_market(seed, accounts=12, markets=3, nature=nature, margin=margin)


def on_paid(problem: ClosureProblem, found: Closing) -> dict[int, int]:
    """Lots of the demands that cost something; the others are the free closes."""
    free = problem.free[problem.arcs.demand]
    assert (found.lots[free] == free_lots(problem)[free]).all()
    return {arc: int(found.lots[arc]) for arc in np.flatnonzero(~free).tolist()}


@pytest.mark.parametrize("seed", some(200, 15))
@pytest.mark.parametrize("margin", ["cross", "isolated"])
def test_both_equal_rational_arithmetic_to_the_lot(seed: int, margin: Any) -> None:
    problem = nasty(seed, margin)
    assert on_paid(problem, pro_rata(problem)) == venues.pro_rata(problem)
    for score in SCORES if seed % 5 == 0 else SCORES[seed % len(SCORES) :][:2]:
        for partial_close in (False, True):
            wanted = venues.queue(problem, score, partial_close=partial_close)
            assert on_paid(problem, queue(problem, score, partial_close=partial_close)) == wanted, score


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), margin=st.sampled_from(["cross", "isolated"]), score=st.sampled_from(SCORES))
def test_bounds_caps_and_needs_hold(seed: int, margin: Any, score: Score) -> None:
    problem = nasty(seed, margin)
    arcs, gaps = problem.arcs, problem.gaps
    for found in (pro_rata(problem), queue(problem, score), queue(problem, score, partial_close=True)):
        assert ((found.lots >= 0) & (found.lots <= arcs.lots)).all()
        room = [int(cap) for cap in problem.wealth.cap_units]
        for bearer, demand, amount in zip(arcs.bearer, arcs.demand, found.lots.tolist(), strict=True):
            room[bearer] -= amount * gaps[demand]
        assert min(room) >= 0
        for place, demand in enumerate(problem.demands):
            mine = arcs.demand == place
            closed = int(found.lots[mine].sum())
            if found.rank is not None and found.lots[mine].any() and not problem.free[place]:
                last = found.lots[mine][np.argmax(np.where(found.lots[mine] > 0, found.rank[mine], 0))]
                assert closed - last < demand.lots, "the position before the last one met the need already"
            else:
                assert closed <= demand.lots
            if closed < demand.lots and gaps[place]:
                # Short only where nobody has a lot and the room for it left.
                rest = (arcs.lots - found.lots)[mine]
                later = [room[b] + sum(int(found.lots[a]) * gaps[arcs.demand[a]] for a in np.flatnonzero(
                    (arcs.bearer == b) & (arcs.demand > place))) for b in arcs.bearer[mine].tolist()]  # fmt: skip
                assert all(not more or left < gaps[place] for more, left in zip(rest.tolist(), later, strict=True))


@pytest.mark.parametrize("seed", range(10))
def test_closings_do_not_depend_on_the_order_of_rows(seed: int) -> None:
    problem = random_market(seed, accounts=40, markets=4)
    again = shuffled(problem, seed)
    for policy in (pro_rata, queue, lambda found: queue(found, "bitmex", partial_close=True)):
        assert lots(problem, policy(problem)) == lots(again, policy(again))
