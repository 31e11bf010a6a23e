"""The frontier of blends: nothing on it beats anything else on it, and its terms trade off convexly."""

from dataclasses import replace
from itertools import combinations, pairwise
from time import perf_counter

import numpy as np
import pytest

from solvers import verify
from solvers.blend import Blend, BlendWeights, blend, objective
from solvers.diagnostics.fairness import fairness
from solvers.diagnostics.robustness import robustness
from solvers.errors import InfeasibleBudget, ProblemError
from solvers.frontier import Frontier, Point, frontier, undominated
from solvers.measures import MEASURES, Measuring
from solvers.money import Int64
from solvers.pro_rata import CappedProRata, capped_pro_rata
from solvers.problem import HaircutProblem
from solvers.queue import Queue, queue
from solvers.revenue.retention import Exponential, Linear, Power
from solvers.robustness.laws import Normal, Scenarios, TwoPoint
from tests.blends import random_blend, with_aims
from tests.problems import UNIT, book, permuted, problem, some
from tests.solvers.frontiers import costs, for_every_seed, random_book

PAIRS = list(combinations(MEASURES, 2))
TERM = {"max_haircut": "fairness", "gini": "fairness", "expected_deficit": "robustness", "cvar": "robustness"}


def term(found: HaircutProblem, name: str, point: Point) -> float:
    assert point.allocation.haircuts is not None
    return objective(found, replace(BlendWeights(fairness=0), **{name: 1.0}), point.allocation.haircuts)


@pytest.mark.parametrize("measures", some(PAIRS, 5), ids=" and ".join)
@for_every_seed
def test_along_two_measures_one_rises_and_the_other_falls(measures: tuple[str, str], seed: int) -> None:
    found = random_book(seed)
    answer = frontier(found, measures, 12)
    assert 1 <= len(answer.points) <= 12
    for one, other in pairwise(costs(answer.points)):
        assert one[0] < other[0]
        assert one[1] > other[1]


@pytest.mark.parametrize("measures", [("gini", "expected_deficit", "revenue_kept"), ("max_haircut", "gini", "cvar")])
@for_every_seed
def test_no_point_of_three_measures_beats_another(measures: tuple[str, ...], seed: int) -> None:
    answer = frontier(random_book(seed), measures, 15)
    rows = costs(answer.points)
    assert 2 <= len(rows) <= 15
    assert not any((one <= other).all() for i, one in enumerate(rows) for j, other in enumerate(rows) if i != j)


@for_every_seed
def test_every_point_is_a_proven_optimum_that_its_weights_give_again(seed: int) -> None:
    found = random_book(seed)
    for point in frontier(found, ("gini", "expected_deficit", "revenue_kept"), 8).points:
        assert point.optimality is not None
        assert point.optimality.relative_gap <= 1e-12
        seized = point.allocation.seized_units
        assert not verify.violations(found, seized)
        assert (blend(found, Blend(weights=point.weights)).seized_units == seized).all()
        assert point.measures == Measuring(found).told(tuple(point.measures), seized)


@pytest.mark.parametrize("measures", some(PAIRS, 4), ids=" and ".join)
@for_every_seed
def test_the_best_in_each_measure_is_as_good_as_the_pure_policy(measures: tuple[str, str], seed: int) -> None:
    pure = {"fairness": BlendWeights(), "robustness": BlendWeights(fairness=0, robustness=1)}
    pure["revenue"] = BlendWeights(fairness=0, revenue=1)
    found = random_book(seed)
    best = costs(frontier(found, measures, 10).points).min(axis=0)
    for place, name in enumerate(measures):
        weights = pure[TERM.get(name, "revenue")]
        alone = Measuring(found).of((name,), blend(found, Blend(weights=weights)).seized_units)[name]
        alone = -alone if name == "revenue_kept" else alone
        assert best[place] <= alone + 1e-9 * abs(alone)


@pytest.mark.parametrize("pair", list(combinations(("fairness", "robustness", "revenue"), 2)), ids=" and ".join)
@pytest.mark.parametrize("seed", some(range(2, 14), 2))
def test_what_one_term_costs_the_other_is_decreasing_and_convex(pair: tuple[str, str], seed: int) -> None:
    measure = {"fairness": "gini", "robustness": "expected_deficit", "revenue": "revenue_kept"}
    found = random_book(seed)
    points = frontier(found, (measure[pair[0]], measure[pair[1]]), 16).points
    x, y = (np.array([term(found, name, point) for point in points]) for name in pair)
    order = np.argsort(x)
    x, y = x[order], y[order]
    wide, high = max(np.ptp(x), 1e-300), max(np.ptp(y), 1e-300)
    assert (np.diff(y) <= 1e-9 * high).all()
    for a, b, c in zip(range(len(x)), range(1, len(x)), range(2, len(x)), strict=False):
        if x[c] - x[a] > 1e-9 * wide:
            line = y[a] + (y[c] - y[a]) * (x[b] - x[a]) / (x[c] - x[a])
            assert y[b] <= line + 1e-9 * high


@for_every_seed
def test_more_points_are_spread_along_the_curve(seed: int) -> None:
    rows = costs(frontier(random_book(seed), ("gini", "expected_deficit"), 12).points)
    steps = np.linalg.norm(np.diff((rows - rows.min(axis=0)) / np.ptp(rows, axis=0), axis=0), axis=1)
    assert len(rows) == 12
    assert steps.max() < 4 * steps.mean()


@pytest.mark.parametrize(
    "measures", some([("max_haircut", "expected_deficit"), ("gini", "cvar", "revenue_kept")], 1), ids=" and ".join
)
@for_every_seed
def test_the_same_problem_in_any_order_gets_the_same_frontier(measures: tuple[str, ...], seed: int) -> None:
    found = random_book(seed)
    order = np.random.default_rng(seed).permutation(len(found.book))
    mixed = permuted(found, order)
    marked = [("queue", queue(found, Queue()).seized_units)]
    first, again = (frontier(found, measures, 9, marked) for _ in range(2))
    other = frontier(mixed, measures, 9, [("queue", marked[0][1][order])])
    for rival, places in ((again, np.arange(len(order))), (other, order)):
        assert rival.policies == first.policies
        for one, two in zip(first.points, rival.points, strict=True):
            assert (one.weights, one.measures) == (two.weights, two.measures)
            assert one.optimality == two.optimality
            assert (one.allocation.seized_units[places] == two.allocation.seized_units).all()


def test_measures_of_one_aim_have_one_best_point() -> None:
    found = random_book(2)
    answer = frontier(found, ("max_haircut", "gini"), 25)
    assert [point.weights for point in answer.points] == [BlendWeights()]
    fair = capped_pro_rata(found, CappedProRata()).seized_units
    assert (answer.points[0].allocation.seized_units == fair).all()


def levered(amount: float = 10) -> HaircutProblem:
    """Two equal winners, the first levered ten times and without fees, the second not levered and with all fees."""
    found = problem(book([0, 0], [10, 10], notional=[100, 10]), amount)
    return with_aims(found, [0, 4], None, TwoPoint(0.5), Power(1, 2))


def test_two_accounts_by_hand() -> None:
    # Only the first can fail: it owes 40 with chance 1/2, of which it keeps 1 - h. The second never loses anything, so
    # that taking more than half of the 10 from the first is a pure trade of fairness for robustness, up to all of it.
    points = frontier(levered(), ("max_haircut", "expected_deficit"), 6).points
    assert points[0].allocation.seized_units.tolist() == [5 * UNIT, 5 * UNIT]
    assert points[-1].allocation.seized_units.tolist() == [10 * UNIT, 0]
    for point in points:
        h = point.measures["max_haircut"]
        assert point.allocation.seized_units[0] == round(h * 10 * UNIT)
        assert point.measures["expected_deficit"] == pytest.approx(20 * (1 - h), abs=1e-12)
    steps = np.diff([point.measures["max_haircut"] for point in points])
    assert steps.max() < 0.2


def test_a_policy_is_dominated_when_a_point_is_as_good_in_all_and_better_in_one() -> None:
    found = levered()
    seized = {
        "fair": [5, 5],
        "robust": [10, 0],
        "between": [7.5, 2.5],
        "wrong": [0, 10],
        "wasteful": [2.5, 7.5],
    }
    policies = [(name, np.array([round(x * UNIT) for x in amounts])) for name, amounts in seized.items()]
    marked = {one.name: one for one in frontier(found, ("max_haircut", "expected_deficit"), 30, policies).policies}
    assert {name for name, one in marked.items() if one.dominated} == {"wrong", "wasteful"}
    # (0.5, 10) is better than (1, 20) by the whole range of both, and than (0.75, 15) by half of it.
    assert marked["wrong"].distance == pytest.approx(1, abs=1e-6)
    assert marked["wasteful"].distance == pytest.approx(0.5, abs=1e-6)
    assert marked["fair"].distance == marked["robust"].distance == marked["between"].distance == 0


def two_rates() -> HaircutProblem:
    """By hand, linear retention: a dollar from ann saves 0.2 of expected deficit and loses 0.1 of fees, from bob 0 and
    0.05; 10 of 20 are to be taken. From all of bob to all of ann 2 of deficit are saved for 0.5 of fees."""
    found = problem(book([0, 0], [10, 10], notional=[28, 10]), 10)
    return with_aims(found, [1, 0.5], None, TwoPoint(0.5), Linear(1))


def test_a_straight_stretch_between_two_corners_is_filled_with_blends() -> None:
    found = two_rates()
    points = frontier(found, ("expected_deficit", "revenue_kept"), 21).points
    assert len(points) == 21
    assert [p.allocation.seized_units.tolist() for p in (points[0], points[-1])] == [[10 * UNIT, 0], [0, 10 * UNIT]]
    for one, other in pairwise(points):
        seized = other.allocation.seized_units - one.allocation.seized_units
        assert 0 < seized[1] == -seized[0] < UNIT
    for point in points:
        lost = 1.5 - point.measures["revenue_kept"]
        assert point.measures["expected_deficit"] == pytest.approx(2 - 4 * (lost - 0.5), abs=1e-12)
        assert point.optimality is not None
        assert point.optimality.relative_gap <= 1e-12
        again = blend(found, Blend(weights=point.weights)).seized_units
        assert (again == point.allocation.seized_units).all()


@pytest.mark.parametrize("seed", some(range(2, 14), 2))
def test_points_on_straight_stretches_of_larger_books_are_as_good_as_the_stretch(seed: int) -> None:
    measures = ("expected_deficit", "revenue_kept")
    found = replace(random_book(seed), retention=Linear(0.7))
    points = frontier(found, measures, 100).points
    both = np.array([[term(found, name, point) for name in ("robustness", "revenue")] for point in points])
    scaled = (both - both.min(axis=0)) / np.maximum(np.ptp(both, axis=0), 1e-300)
    corners = scaled[[point.weights.fairness == 0 for point in points]]
    assert (scaled[:, 1] <= np.interp(scaled[:, 0], corners[:, 0], corners[:, 1]) + 1e-9).all()
    for point in points:
        assert point.optimality is not None
        assert point.optimality.relative_gap <= 1e-9


def test_a_policy_between_two_points_is_held_against_their_mixtures() -> None:
    found = two_rates()
    three = problem(book([0, 0, 0], [10, 10, 10], notional=[28, 10, 10]), 10)
    three = with_aims(three, [1, 0.5, 1], None, TwoPoint(0.5), Linear(1))
    even = np.array([5 * UNIT, 5 * UNIT])
    measures = ("expected_deficit", "revenue_kept")
    (on_the_line,) = frontier(found, measures, 2, [("even", even)]).policies
    assert (on_the_line.dominated, on_the_line.distance) == (False, 0)
    wasteful = np.array([4 * UNIT, 4 * UNIT, 2 * UNIT])
    (marked,) = frontier(three, measures, 2, [("wasteful", wasteful)]).policies
    # It saves 0.8 and loses 0.8. The line saves 0.8 at a loss of 0.7 and, by 4 for 1, is ahead by d of both ranges
    # (2 and 0.5) where 0.8 + 2 d = 4 (0.8 - 0.5 d - 0.5): d = 0.1.
    assert marked.dominated
    assert marked.distance == pytest.approx(0.1, abs=1e-6)


@pytest.mark.parametrize(
    "measures",
    some([("expected_deficit", "revenue_kept"), ("max_haircut", "cvar", "revenue_kept")], 1),
    ids=" and ".join,
)
def test_a_mark_does_not_depend_on_how_many_points_are_shown(measures: tuple[str, ...]) -> None:
    for found in (random_book(2), replace(random_book(4), retention=Linear(0.7))):
        rivals = [("queue", queue(found, Queue()).seized_units)]
        rivals.append(("fair", capped_pro_rata(found, CappedProRata()).seized_units))
        few, many = (frontier(found, measures, points, rivals) for points in (2, 60))
        assert len(few.points) == 2 < len(many.points)
        assert few.policies == many.policies


@pytest.mark.parametrize("seed", some(range(2, 12), 1))
def test_capped_pro_rata_is_never_dominated_where_fairness_counts(seed: int) -> None:
    found = random_book(seed)
    fair = capped_pro_rata(found, CappedProRata()).seized_units
    for measures in (("max_haircut", "expected_deficit"), ("gini", "cvar"), ("gini", "revenue_kept")):
        (marked,) = frontier(found, measures, 8, [("capped-pro-rata", fair)]).policies
        assert not marked.dominated, measures


def test_measures_are_those_of_the_diagnostics() -> None:
    moves = np.array([[-0.4], [-0.1], [0.05], [0.3], [0.9]])
    for seed in range(20):
        found, weights, _ = random_blend(seed, 30)
        if not found.budget_units:
            continue
        exposure = found.book.column("notional").floats[:, None] * np.random.default_rng(seed).choice([-1, 1], (30, 1))
        shaken = replace(found, book=replace(found.book, exposure=exposure), shock=Scenarios(moves))
        for one in (found, shaken):
            seized = blend(one, Blend(weights=weights)).seized_units
            measured = Measuring(one).of(MEASURES, seized)
            fair, robust = fairness(one, seized), robustness(one, seized)
            assert robust is not None
            assert measured["max_haircut"] == fair.max_haircut
            assert measured["gini"] == pytest.approx(fair.gini, abs=1e-15)
            assert measured["expected_deficit"] == pytest.approx(robust.expected_deficit_after, rel=1e-12)
            assert measured["cvar"] == pytest.approx(robust.cvar_after, rel=1e-12)


def test_scenarios_have_a_frontier_too() -> None:
    found = random_book(2)
    rng = np.random.default_rng(2)
    exposure = found.book.column("notional").floats[:, None] * rng.choice([-1, 1], (40, 2))
    found = replace(found, book=replace(found.book, exposure=exposure), shock=Scenarios(rng.normal(0, 0.2, (50, 2))))
    rows = costs(frontier(found, ("gini", "cvar", "revenue_kept"), 10).points)
    assert len(rows) >= 5


def test_nothing_to_take_is_one_point() -> None:
    for measures in (("gini", "expected_deficit"), ("max_haircut", "cvar", "revenue_kept")):
        (point,) = frontier(levered(0), measures, 5).points
        assert not point.allocation.seized_units.any()


def test_all_that_can_be_taken_is_one_point() -> None:
    (point,) = frontier(levered(20), ("gini", "cvar", "revenue_kept"), 5).points
    assert point.allocation.seized_units.tolist() == [10 * UNIT] * 2


def test_more_than_can_be_taken_is_refused() -> None:
    with pytest.raises(InfeasibleBudget):
        frontier(levered(21), ("gini", "cvar"), 5)


@pytest.mark.parametrize(
    ("measures", "points", "field", "more"),
    [
        (("gini",), 5, "measures", {}),
        (MEASURES[:4], 5, "measures", {}),
        (("gini", "gini"), 5, "measures", {}),
        (("gini", "charm"), 5, "measures", {}),
        (("gini", "cvar"), 1, "points", {}),
        (("gini", "cvar"), 5, "shock", {"shock": None}),
        (("gini", "expected_deficit"), 5, "shock", {"shock": None}),
        (("gini", "revenue_kept"), 5, "retention", {"retention": None}),
        (("gini", "revenue_kept"), 5, "retention", {"retention": Exponential(1)}),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    measures: tuple[str, ...], points: int, field: str, more: dict[str, None]
) -> None:
    with pytest.raises(ProblemError) as refused:
        frontier(replace(levered(), **more), measures, points)
    assert refused.value.field == field


def test_a_measure_that_is_not_chosen_needs_no_figures() -> None:
    found = replace(levered(), retention=Exponential(1))
    assert len(frontier(found, ("gini", "cvar"), 5).points) == 5


def test_rows_that_are_beaten_and_rows_that_are_equal_go() -> None:
    rows = np.array([[0, 4], [1, 1], [2, 1], [1, 1 + 1e-12], [4, 0], [4, 5.0]])
    assert undominated(rows).tolist() == [True, True, False, False, True, False]


def venue_problem() -> HaircutProblem:
    """The real book of 2025-10-10 where it is on this machine; fees are made up from the notional (a published table
    has none): 1.5 basis points of it times a lognormal."""
    from tests.test_real_book import TABLE  # noqa: PLC0415

    if not TABLE.exists():
        pytest.skip("the table of 2025-10-10 is not on this machine")
    import csv  # noqa: PLC0415

    with TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = ("account_value_realtime", "closed_pnl", "adl_notional")
    cash, pnl, notional = ([float(row[name]) for row in rows] for name in columns)
    found = problem(book(cash, pnl, [row["user"] for row in rows], notional=notional), "15079669.61")
    luck = np.random.default_rng(20251010).lognormal(0, 0.8, len(rows))
    fees = [round(0.00015 * n * each, 2) for n, each in zip(notional, luck, strict=True)]
    return with_aims(found, fees, None, Normal(0.3), Linear(0.7))


@pytest.mark.slow
@pytest.mark.parametrize(
    "measures", [("max_haircut", "expected_deficit"), ("gini", "revenue_kept"), ("gini", "cvar", "revenue_kept")]
)
def test_the_real_book_has_a_frontier_of_25_points_in_under_a_minute(measures: tuple[str, ...]) -> None:
    found = venue_problem()
    taken: list[tuple[str, Int64]] = [
        ("capped-pro-rata", capped_pro_rata(found, CappedProRata()).seized_units),
        ("queue", queue(found, Queue()).seized_units),
    ]
    started = perf_counter()
    answer: Frontier = frontier(found, measures, 25, taken)
    seconds = perf_counter() - started
    assert seconds < 60
    assert len(answer.points) == 25
    rows = costs(answer.points)
    assert undominated(rows).all()
    if len(measures) == 2:
        assert (np.diff(rows[:, 0]) > 0).all()
        assert (np.diff(rows[:, 1]) < 0).all()
    for point in answer.points:
        assert point.optimality is not None
        assert point.optimality.relative_gap <= 1e-9
        assert not verify.violations(found, point.allocation.seized_units)
    print(measures, f"{seconds:.1f} s", answer.policies)
