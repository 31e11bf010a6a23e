"""What a frontier shows: points in order, and no point that beats another in the figures as told."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from solvers.diagnostics.robustness import robustness
from solvers.frontier import frontier
from solvers.measures import in_units
from solvers.robustness.laws import Normal, Scenarios, Shock, TwoPoint
from tests.problems import PRECISION, some
from tests.solvers.frontiers import costs, for_every_seed, random_book


@pytest.mark.parametrize("measures", [("revenue_kept", "gini"), ("revenue_kept", "max_haircut", "cvar")])
@for_every_seed
def test_points_come_in_ascending_order_of_the_first_measure_also_where_more_is_better(
    measures: tuple[str, ...],
    seed: int,
) -> None:
    points = [tuple(point.measures.values()) for point in frontier(random_book(seed), measures, 12).points]
    assert points == sorted(points)


@pytest.mark.parametrize("precision", some([0, 1, 2, 6], 1))
def test_no_point_beats_another_in_the_figures_that_are_shown(precision: int) -> None:
    """Money to the unit: what differs by less is the same to whoever reads it."""
    found = random_book(4)
    coarse = 10 ** (PRECISION - precision)
    whole = {name: getattr(found.book, name) // coarse for name in ("cash_units", "pnl_units", "min_equity_units")}
    made = replace(
        found,
        book=replace(found.book, precision=precision, **whole),
        shortfall=replace(found.shortfall, deficit_units=found.amount_units // coarse),
        reduced_units=None,
    )
    for measures in (("gini", "revenue_kept"), ("max_haircut", "expected_deficit", "revenue_kept"), ("gini", "cvar")):
        shown = costs(
            [
                replace(point, measures=in_units(point.measures, precision))
                for point in frontier(made, measures, 40).points
            ]
        )
        for one, other in combinations(shown, 2):
            assert (one < other).any()
            assert (other < one).any()


@pytest.mark.parametrize(
    "shock", [Normal(0.1), TwoPoint(0.3), Scenarios(np.array([[-0.31], [0.17], [-0.04]]))], ids=str
)
@for_every_seed
def test_measures_are_those_of_the_diagnostics_to_the_last_digit(shock: Shock, seed: int) -> None:
    book_of = random_book(seed)
    exposure = book_of.book.column("notional").floats[:, None] * 1e6 / 3
    made = replace(book_of, book=replace(book_of.book, exposure=exposure), shock=shock)
    for point in frontier(made, ("expected_deficit", "cvar", "max_haircut"), 9).points:
        told = robustness(made, point.allocation.seized_units)
        assert told is not None
        assert point.measures["expected_deficit"] == told.expected_deficit_after
        assert point.measures["cvar"] == told.cvar_after
