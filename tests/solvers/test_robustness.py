"""The next shock on a book: losses and diagnostics, against sums they do not use."""

from dataclasses import asdict, replace
from itertools import pairwise
from math import fsum, inf
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from solvers.diagnostics.robustness import LEVEL, MASSES_ABOVE, robustness
from solvers.money import Float64, Int64
from solvers.pro_rata import CappedProRata, capped_pro_rata
from solvers.problem import HaircutProblem, Shortfall
from solvers.queue import Queue, queue
from solvers.robustness.laws import Normal, Parametric, Scenarios, Shock, StudentT, TwoPoint
from solvers.robustness.losses import expected_losses
from solvers.weighted import Rap, loss_weights, rap
from tests.problems import UNIT, book, permuted, random_problem, some
from tests.solvers.risky import LEVERED, MOVES, PARAMETRIC, found, shocked, with_exposure

OPTIMAL = Rap(risk="optimal")


def total_loss(problem: HaircutProblem, kept: Float64, move: float) -> float:
    """sum (1 - h) max(-e - n Z, 0) over accounts with e > 0, one at a time."""
    notional = problem.book.column("notional").floats.tolist()
    accounts = zip(problem.book.equity_units.tolist(), notional, kept.tolist(), strict=True)
    return fsum(part * max(-e / UNIT - n * move, 0.0) for e, n, part in accounts if e > 0)


def left(problem: HaircutProblem, seized: Int64) -> Float64:
    w = problem.endowment_units
    return np.where(w > 0, 1 - seized / np.maximum(w, 1), 1.0)


@pytest.mark.parametrize(
    ("law", "standard", "unit"),
    [(Normal(0.1), stats.norm, 0.1), (StudentT(3, 0.05), stats.t(3), 0.05), (StudentT(30, 0.2), stats.t(30), 0.2)],
    ids=["normal", "student-t 3", "student-t 30"],
)
def test_mean_var_and_cvar_are_those_of_the_total_loss_by_numerical_integration(
    law: Normal | StudentT, standard: Any, unit: float
) -> None:
    problem = HaircutProblem(LEVERED, Shortfall(deficit_units=7 * UNIT), shock=law)
    seized = rap(problem, Rap()).seized_units
    answer = found(problem, seized)
    q = unit * float(standard.ppf(1 - LEVEL))
    margins = [-e / UNIT / n for e, n in zip(LEVERED.equity_units, LEVERED.column("notional").floats, strict=True) if n]
    corners = sorted({*(u for u in margins if u < 0), q})

    def mean_below(kept: Float64, top: float) -> float:
        ends = [-inf, *(c for c in corners if c < top), top]
        pieces = (
            quad(lambda z: total_loss(problem, kept, z) * standard.pdf(z / unit) / unit, *piece, epsrel=1e-11)[0]
            for piece in pairwise(ends)
        )
        return fsum(pieces)

    for kept, expected, var, cvar in (
        (np.ones(7), answer.expected_deficit_before, answer.var_before, answer.cvar_before),
        (left(problem, seized), answer.expected_deficit_after, answer.var_after, answer.cvar_after),
    ):
        assert expected == pytest.approx(mean_below(kept, max(corners)), rel=1e-8)
        assert var == pytest.approx(total_loss(problem, kept, q), rel=1e-12)
        assert cvar == pytest.approx(mean_below(kept, q) / (1 - LEVEL), rel=1e-8)


@pytest.mark.parametrize("law", [Normal(0.05), StudentT(4, 0.04), TwoPoint(0.1)], ids=str)
def test_mean_var_and_cvar_agree_with_simulating_the_book(law: Parametric) -> None:
    rng = np.random.default_rng(7)
    problem = replace(random_problem(rng, 40), shock=law)
    answer = found(problem)
    draws = {
        Normal: lambda n: 0.05 * rng.standard_normal(n),
        StudentT: lambda n: 0.04 * rng.standard_t(4, n),
        TwoPoint: lambda n: 0.1 * rng.choice([-1.0, 1.0], n),
    }[type(law)]
    e = problem.book.equity_units / UNIT
    n, e = problem.book.column("notional").floats[e > 0], e[e > 0]
    batches, size = 60, 20_000
    figures = np.empty((batches, 3))
    for batch in figures:
        moves = draws(size)
        losses = np.sort(sum(np.maximum(-ei - ni * moves, 0) for ei, ni in zip(e, n, strict=True)))
        worst = size // 20
        batch[:] = losses.mean(), losses[-worst - 1], losses[-worst:].mean()
    error = figures.std(axis=0, ddof=1) / batches**0.5
    exact = np.array([answer.expected_deficit_before, answer.var_before, answer.cvar_before])
    assert exact[0] > 0
    assert (np.abs(figures.mean(axis=0) - exact) <= 3 * error + 1e-9 * exact).all(), (
        figures.mean(axis=0),
        exact,
        error,
    )


@pytest.mark.parametrize("seed", range(5))
def test_scenarios_whose_moves_are_the_two_points_are_the_two_point_law(seed: int) -> None:
    problem = random_problem(np.random.default_rng(seed), 30)
    notional = problem.book.column("notional").floats[:, None]
    seized = capped_pro_rata(problem, CappedProRata()).seized_units
    by_law = replace(problem, shock=TwoPoint(0.25))
    scenarios = Scenarios(np.array([[-0.25], [0.25]]))
    in_scenarios = replace(problem, book=replace(problem.book, exposure=notional), shock=scenarios)
    for one, other in zip(
        asdict(found(by_law, seized)).values(), asdict(found(in_scenarios, seized)).values(), strict=True
    ):
        assert other == (pytest.approx(one, rel=1e-12) if isinstance(one, float) else one)
    assert np.allclose(expected_losses(by_law)[0], expected_losses(in_scenarios)[0], rtol=1e-12, atol=0)
    weights = loss_weights(by_law), loss_weights(in_scenarios)
    assert np.allclose(*weights, rtol=1e-12, atol=0)


def test_scenarios_by_hand() -> None:
    """Equity 10, a long of 100 and a short of 100, and a scenario in which either loses 10, 20, ..., 100."""
    account = with_exposure(book([10, 10], [0, 0], notional=[100, 100]), [[100], [-100]])
    moves = np.array([[m / 10] for m in range(-11, -1)] + [[m / 10] for m in range(2, 12)])
    problem = HaircutProblem(account, shock=Scenarios(moves))
    answer = found(problem)
    # Twenty equal weights: each of 10, 20, ..., 100 twice; the 19th of them is the first to reach 0.95.
    assert answer.expected_deficit_before == pytest.approx(55, rel=1e-12)
    assert (answer.var_before, answer.cvar_before) == (pytest.approx(100), pytest.approx(100))
    weights = np.array([0.02] + [0.98 / 19] * 19)
    weighted = found(replace(problem, shock=Scenarios(moves, weights)))
    # 100 in 0.02 and in 0.98/19 = 0.0516: the worst 5 % is all of it.
    assert (weighted.var_before, weighted.cvar_before) == (pytest.approx(100), pytest.approx(100))
    rare = found(replace(problem, shock=Scenarios(moves, np.array([0.01] + [0.97 / 18] * 18 + [0.02]))))
    # 100 in 0.03 of the cases and 90 in the next 0.02.
    assert (rare.var_before, rare.cvar_before) == (pytest.approx(90), pytest.approx(90 + 10 * 0.03 / 0.05))


@pytest.mark.parametrize("shock", [*PARAMETRIC, Scenarios(MOVES)], ids=lambda shock: type(shock).__name__)
@pytest.mark.parametrize("seed", some(8, 3))
def test_an_allocation_never_adds_to_the_next_loss_and_the_order_of_accounts_changes_nothing(
    shock: Shock, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    problem = shocked(random_problem(rng, 300), shock, seed)
    policies = (
        capped_pro_rata(problem, CappedProRata()),
        queue(problem, Queue()),
        rap(problem, OPTIMAL),
    )
    order = rng.permutation(300)
    there = permuted(problem, order)
    for allocation in policies:
        answer = found(problem, allocation.seized_units)
        figures = asdict(answer)
        for name in ("expected_deficit", "var", "cvar"):
            assert 0 <= figures[f"{name}_after"] <= figures[f"{name}_before"] < inf
        assert answer.expected_deficit_before <= answer.cvar_before * (1 + 1e-12)
        assert answer.var_after <= answer.cvar_after
        assert found(there, allocation.seized_units[order]) == answer
    assert rap(there, OPTIMAL).seized_units.tolist() == policies[-1].seized_units[order].tolist()


def test_losers_and_accounts_without_a_position_do_not_count() -> None:
    plain = book([1, -5, 3], [1, 2, 1], notional=[20, 1e6, 0])
    alone = book([1], [1], notional=[20])
    for law in PARAMETRIC:
        both = found(HaircutProblem(plain, shock=law)), found(HaircutProblem(alone, shock=law))
        assert both[0].cvar_before == both[1].cvar_before > 0
        assert both[0].expected_deficit_before == both[1].expected_deficit_before
        assert expected_losses(HaircutProblem(plain, shock=law))[0][1:].tolist() == [0, 0]


def test_a_book_that_nobody_can_lose_on_has_losses_of_zero_and_no_leverage() -> None:
    broke = book([1, 2], [-2, -3], notional=[20, 10])
    for shock in (*PARAMETRIC, Scenarios(MOVES)):
        answer = found(HaircutProblem(broke, shock=shock))
        assert (answer.expected_deficit_before, answer.var_after, answer.cvar_after) == (0, 0, 0)
        assert (answer.max_leverage_before, answer.max_leverage_after) == (None, None)
        assert [mass.before for mass in answer.leverage_masses] == [None] * 3
    assert robustness(HaircutProblem(broke), np.zeros(2, np.int64)) is None


def test_leverage_after_is_that_of_the_account_as_it_is_left() -> None:
    """Half of the profit of a is taken: position 20 of 40 on equity 2 of 4. b keeps its cash, c is untouched."""
    problem = HaircutProblem(book([0, 4, 1], [4, 4, 0], notional=[40, 100, 2]), shock=Normal(0.1))
    answer = found(problem, np.array([2, 4, 0]) * UNIT)
    assert (answer.max_leverage_before, answer.max_leverage_after) == (12.5, 10)
    assert [(m.above, m.before, m.after) for m in answer.leverage_masses] == [
        (3, 1, 1),
        (10, 100 / 140, 0),
        (50, 0, 0),
    ]
    assert tuple(mass.above for mass in answer.leverage_masses) == MASSES_ABOVE


def test_where_only_money_is_taken_the_position_stays_and_leverage_rises() -> None:
    """Profits 2 of 4 and 4 of 4 are taken on positions 40 and 100: 40 / 2, 100 / 4, and c has 2 on 1."""
    problem = HaircutProblem(book([0, 4, 1], [4, 4, 0], notional=[40, 100, 2]), shock=Normal(0.1))
    answer = found(problem, np.array([2, 4, 0]) * UNIT, "cash")
    assert (answer.max_leverage_before, answer.max_leverage_after) == (12.5, 25)
    assert [mass.after for mass in answer.leverage_masses] == [1, 1, 0]
    gone = found(problem, np.array([4, 0, 0]) * UNIT, "cash")
    assert gone.max_leverage_after is None
    assert [mass.after for mass in gone.leverage_masses] == [1, 1, 40 / 140]


def test_a_position_left_without_equity_has_no_largest_leverage_but_counts_in_every_mass() -> None:
    """Cash -2, profit 4: all equity, 2, is taken, which is half of the profit, so half of the position stays."""
    problem = HaircutProblem(book([-2, 5], [4, 5], notional=[40, 20]), shock=Normal(0.1))
    answer = found(problem, np.array([2, 0]) * UNIT)
    assert (answer.max_leverage_before, answer.max_leverage_after) == (20, None)
    assert [mass.after for mass in answer.leverage_masses] == [0.5] * 3


def test_one_exposure_takes_the_place_of_the_notional_in_size() -> None:
    """b gives none and has its notional."""
    accounts = book([1, 1], [1, 1], notional=[3, 30])
    same = book([1, 1], [1, 1], notional=[20, 30])
    for law in PARAMETRIC:
        given = HaircutProblem(with_exposure(accounts, [[-20], [np.nan]]), shock=law)
        assert (expected_losses(given)[0] == expected_losses(HaircutProblem(same, shock=law))[0]).all()
