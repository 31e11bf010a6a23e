"""The next shock on a book: losses, diagnostics and `rap` by expected loss, against sums they do not use."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from fractions import Fraction
from itertools import pairwise
from math import exp, fsum, inf
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from app.convert.requests import asked
from app.schemas.requests import AllocationRequest
from app.settings import Settings
from solvers.diagnostics.robustness import LEVEL, MASSES_ABOVE, Robustness, robustness
from solvers.errors import ProblemError
from solvers.money import Float64, Int64
from solvers.pro_rata import CappedProRata, capped_pro_rata
from solvers.problem import Book, HaircutProblem, Shortfall
from solvers.queue import Queue, queue
from solvers.robustness.laws import Normal, Parametric, Scenarios, Shock, StudentT, TwoPoint
from solvers.robustness.losses import expected_losses
from solvers.weighted import Rap, loss_weights, rap
from tests import rational
from tests.books import nasty_books
from tests.problems import UNIT, book, random_problem

Post = Callable[[str, Any], tuple[int, Any]]

PARAMETRIC: list[Parametric] = [Normal(0.1), StudentT(3, 0.05), StudentT(1.5, 0.02), TwoPoint(0.3)]
MOVES = np.array([[-0.4, 0.1], [-0.1, -0.2], [0.05, 0.02], [0.3, -0.1], [0.6, 0.4]])
OPTIMAL = Rap(risk="optimal")


def with_exposure(found: Book, exposure: Any) -> Book:
    return replace(found, exposure=np.array(exposure, np.float64))


def shocked(problem: HaircutProblem, shock: Shock, seed: int = 0) -> HaircutProblem:
    """The problem before a shock; scenarios get exposures of the size of the notional and either sign."""
    if not isinstance(shock, Scenarios):
        return replace(problem, shock=shock)
    factors = shock.moves.shape[1]
    shares = np.random.default_rng(seed).uniform(-1, 1, (len(problem.book), factors))
    exposure = problem.book.column("notional").floats[:, None] * shares
    return replace(problem, book=replace(problem.book, exposure=exposure), shock=shock)


def found(problem: HaircutProblem, seized: Int64 | None = None) -> Robustness:
    answer = robustness(problem, np.zeros(len(problem.book), np.int64) if seized is None else seized)
    assert answer is not None
    return answer


def total_loss(problem: HaircutProblem, kept: Float64, move: float) -> float:
    """sum (1 - h) max(-e - n Z, 0) over accounts with e > 0, one at a time."""
    notional = problem.book.column("notional").floats.tolist()
    accounts = zip(problem.book.equity_units.tolist(), notional, kept.tolist(), strict=True)
    return fsum(part * max(-e / UNIT - n * move, 0.0) for e, n, part in accounts if e > 0)


def left(problem: HaircutProblem, seized: Int64) -> Float64:
    w = problem.endowment_units
    return np.where(w > 0, 1 - seized / np.maximum(w, 1), 1.0)


LEVERED = book(
    [1, 2, 10, -1, 5, 0, 3],
    [3, 1, -4, 9, 2, -6, 0],
    notional=[40, 75, 30, 100, 0, 12, 31.5],
    max_haircut=[1, 1, 1, 0.9, 1, 1, 1],
)
"""Leverages 10, 25, 5, 12.5, 0, a loser, 10.5."""


@pytest.mark.parametrize(
    ("law", "standard", "unit"),
    [(Normal(0.1), stats.norm, 0.1), (StudentT(3, 0.05), stats.t(3), 0.05), (StudentT(30, 0.2), stats.t(30), 0.2)],
    ids=str,
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
@pytest.mark.parametrize("seed", range(8))
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


def permuted(problem: HaircutProblem, order: Int64) -> HaircutProblem:
    was = problem.book
    columns = {
        name: replace(column, raw=[column.raw[i] for i in order], floats=column.floats[order])
        for name, column in (*was.columns.items(), ("max_haircut", was.max_haircut))
    }
    caps = columns.pop("max_haircut")
    there = Book(
        [was.ids[i] for i in order],
        was.cash_units[order],
        was.pnl_units[order],
        caps,
        was.min_equity_units[order],
        columns,
        was.precision,
        None if was.exposure is None else was.exposure[order],
    )
    return replace(problem, book=there)


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


def counter_example(policy: Callable[[HaircutProblem], Int64]) -> float:
    accounts = book([0, 0], [1, 1], notional=[5, 10])
    problem = HaircutProblem(accounts, Shortfall(deficit_units=UNIT), shock=Normal(0.1))
    return found(problem, policy(problem)).expected_deficit_after


def test_the_rule_that_the_paper_calls_optimal_among_water_fillings_is_not() -> None:
    """MODEL 3: w = e = 1, leverage 5 and 10, sigma 0.1, B = 1."""

    def by_squares(problem: HaircutProblem) -> Int64:
        a, b = (loss_weights(problem) ** 2).tolist()
        tau = min(1 / b, 1 / (a + b))
        return np.array([round(UNIT * (1 - min(tau * b, 1))), round(UNIT * min(tau * b, 1))])

    def knapsack(problem: HaircutProblem) -> Int64:
        losses = expected_losses(problem)[0]
        return np.array([0, UNIT]) if losses[1] > losses[0] else np.array([UNIT, 0])

    assert counter_example(lambda problem: rap(problem, OPTIMAL).seized_units) == pytest.approx(0.00808, abs=5e-6)
    assert counter_example(by_squares) == pytest.approx(0.00445, abs=5e-6)
    assert counter_example(knapsack) == pytest.approx(0.00425, abs=5e-6)


def test_weights_are_leverage_times_the_expected_loss_at_its_inverse() -> None:
    problem = HaircutProblem(LEVERED, shock=Normal(0.1))
    rows = problem.winners
    leverage = LEVERED.column("notional").floats[rows] / (LEVERED.equity_units[rows] / UNIT)
    z = np.divide(10, leverage, out=np.full(len(rows), inf), where=leverage > 0)
    psi = 0.1 * stats.norm.pdf(z) - np.where(leverage > 0, z / 10, 0) * stats.norm.cdf(-z)
    expected = leverage * psi
    assert loss_weights(problem) == pytest.approx(expected / expected.max(), rel=1e-11)
    assert loss_weights(problem)[leverage == 0].tolist() == [0]


def test_weights_below_the_smallest_double_keep_their_proportions() -> None:
    """Margins of 50 and 50.01 sigma, where psi is near 1e-547, and of 500, whose ratio to it is no double."""
    accounts = book([0, 0, 0, 0], [1, 1, 1, 1], notional=[2, 2 / 1.0002, 0.2, 0])
    problem = HaircutProblem(accounts, Shortfall(deficit_units=UNIT), shock=Normal(0.01))
    assert not expected_losses(problem)[0].any()
    first, second, *rest = loss_weights(problem).tolist()
    # psi(z) ~ f(z) / z^2, so the ratio is near exp(-(50.01^2 - 50^2) / 2) = exp(-0.50005).
    assert first == 1
    assert second == pytest.approx(exp(-0.50005) / 1.0002**3, rel=1e-5)
    assert rest == [0, 0]
    calm = rap(problem, OPTIMAL)
    assert calm.seized_units[0] / calm.seized_units[1] == pytest.approx(1 / second, rel=1e-5)
    assert not calm.notes


def test_where_nobody_can_lose_the_budget_is_spread_capped_pro_rata_and_a_note_says_so() -> None:
    accounts = book([0, 0], [1, 3], notional=[2, 3])
    allocation = rap(HaircutProblem(accounts, Shortfall(deficit_units=UNIT), shock=TwoPoint(0.01)), OPTIMAL)
    assert allocation.seized_units.tolist() == [UNIT // 4, 3 * UNIT // 4]
    assert "expected loss" in allocation.notes[0]


@pytest.mark.parametrize(
    "shock",
    [
        {"law": "normal", "sigma": 0.2},
        {"law": "normal", "sigma": 0.001},
        {"law": "student-t", "df": 3, "scale": 0.1},
        {"law": "two-point", "size": 0.5},
        {"law": "scenarios", "moves": [[-0.6], [0.2], [0.9]], "weights": [1, 5, 2]},
    ],
    ids=lambda shock: f"{shock['law']} {list(shock.values())[1]}",
)
def test_rap_by_expected_loss_equals_rational_arithmetic_with_its_weights_to_the_unit(shock: Any) -> None:
    solved = 0
    for request in nasty_books(120):
        made = request | {
            "policy": {"name": "rap", "risk": "optimal"},
            "options": {**request["options"], "shock": shock},
        }
        for account in made["snapshot"]["accounts"]:
            account["exposure"] = account["notional"]
        problem = asked(json.dumps(made).encode(), AllocationRequest, Settings())[0].problem
        wanted = rational.read_book(request)
        if wanted.budget > wanted.reachable:
            continue
        weights = dict(zip(wanted.winners, map(Fraction, loss_weights(problem).tolist()), strict=True))
        rates = {i: wanted.endowment[i] * weight for i, weight in weights.items()}
        seized = rap(problem, OPTIMAL).seized_units.tolist()
        assert dict(zip(problem.book.ids, seized, strict=True)) == rational.water_fill(wanted, rates, wanted.budget)
        solved += 1
    assert solved > 60


def test_what_a_shock_needs_is_refused_by_name() -> None:
    levered = book([1, 1, -9, 1], [1, 1, 1, 1], notional=[3, 4, 5, 0])
    nan = np.nan
    cases: list[tuple[Any, Shock, list[int]]] = [
        (None, Scenarios(MOVES), [0, 1]),
        ([[1, 2], [3, nan], [nan, nan], [nan, nan]], Scenarios(MOVES), [1]),
        ([[1], [2], [3], [4]], Scenarios(MOVES), []),
        ([[1, 2]] * 4, Normal(0.1), []),
    ]
    for exposure, shock, rows in cases:
        accounts = levered if exposure is None else with_exposure(levered, exposure)
        with pytest.raises(ProblemError) as refused:
            HaircutProblem(accounts, shock=shock)
        assert (refused.value.field, list(refused.value.faults)) == ("exposure", rows)
    sound = HaircutProblem(with_exposure(levered, [[1, 2], [3, 4], [nan, nan], [nan, nan]]), shock=Scenarios(MOVES))
    assert expected_losses(sound)[0][2:].tolist() == [0, 0]
    with pytest.raises(ProblemError) as refused:
        rap(HaircutProblem(levered), OPTIMAL)
    assert refused.value.field == "shock"


@pytest.mark.parametrize("size", [1e60, 1e-60])
@pytest.mark.parametrize("unit", [1e60, 1e-300, 5e-324])
def test_numbers_at_the_ends_of_the_range_stay_finite(size: float, unit: float) -> None:
    accounts = book([0, 1e-6, 9e12], [1, 0, 0], notional=[size, size, size])
    signed = with_exposure(accounts, [[size], [-size], [size]])
    shocks: list[Shock] = [Normal(unit), StudentT(1.0001, unit), StudentT(1e300, unit), TwoPoint(unit)]
    for shock in (*shocks, Scenarios(np.array([[unit], [-unit]]))):
        problem = HaircutProblem(signed, Shortfall(deficit_units=UNIT // 2), shock=shock)
        figures = asdict(found(problem, rap(problem, OPTIMAL).seized_units))
        assert all(0 <= value < inf for value in figures.values() if isinstance(value, float))


# Over HTTP ----------------------------------------------------------------------------------------

ROWS: list[dict[str, Any]] = [
    {"id": "ann", "cash": 0, "pnl": 1, "notional": 5},
    {"id": "bob", "cash": 0, "pnl": 1, "notional": 10},
    {"id": "cyd", "cash": 1, "pnl": 0},
    {"id": "dee", "cash": 0, "pnl": -1, "notional": 3},
]
LONG = [row | ({"exposure": [row["notional"], 0]} if "notional" in row else {}) for row in ROWS]
SCENARIOS = {"law": "scenarios", "moves": [[-0.3, 0], [0.1, 0.2]]}


def request(shock: Any, rows: Any = ROWS, policy: Any = None) -> dict[str, Any]:
    return {
        "snapshot": {"accounts": rows},
        "policy": policy or {"name": "rap", "risk": "optimal"},
        "options": {"shock": shock},
    }


@pytest.mark.parametrize(
    ("shock", "rows", "before", "after"),
    [
        ({"law": "normal", "sigma": 0.1}, ROWS, "0.087561", "0.008079"),
        ({"law": "student-t", "df": 3, "scale": 0.05}, ROWS, "0.056238", "0.013377"),
        ({"law": "two-point", "size": 0.25}, ROWS, "0.875000", "0.214286"),
        (SCENARIOS, LONG, "1.250000", "0.400000"),
    ],
    ids=["normal", "student-t", "two-point", "scenarios"],
)
def test_every_law_works_over_http(post: Post, shock: Any, rows: Any, before: str, after: str) -> None:
    status, answer = post("/v1/allocations", request(shock, rows))
    assert status == 200, answer
    found = answer["diagnostics"]["robustness"]
    assert (found["expected_deficit_before"], found["expected_deficit_after"]) == (before, after)
    assert found["exposure_model"] == "deleverage"
    assert found["level"] == 0.95
    assert found["max_leverage_before"] == 10
    columns = {name: [row.get(name) for row in rows] for name in {key for row in rows for key in row}}
    columns["notional"] = [row.get("notional", 0) for row in rows]
    status, in_columns = post("/v1/allocations", request(shock, columns))
    assert in_columns["diagnostics"] == answer["diagnostics"]
    seized = [{"id": row["id"], "seized": row["seized"]} for row in answer["allocations"]]
    checked = {key: value for key, value in request(shock, rows).items() if key != "policy"} | {"allocation": seized}
    status, verified = post("/v1/verifications", checked)
    assert verified["diagnostics"]["robustness"] == found


def test_without_a_shock_there_is_no_robustness_and_no_rap_by_expected_loss(post: Post) -> None:
    status, answer = post("/v1/allocations", request(None, policy={"name": "queue"}))
    assert (status, answer["diagnostics"]["robustness"]) == (200, None)
    status, problem = post("/v1/allocations", request(None))
    assert (status, problem["errors"][0]["pointer"]) == (422, "/options/shock")
    several = request(None) | {"policies": [{"name": "rap", "risk": "optimal"}, {"name": "rap"}]}
    del several["policy"]
    status, compared = post("/v1/comparisons", several)
    assert (status, [result.get("status") for result in compared["results"]]) == (200, [None, "feasible"])
    assert compared["results"][0]["problem"]["errors"][0]["pointer"] == "/options/shock"


@pytest.mark.parametrize(
    ("shock", "exposures", "pointer", "account"),
    [
        (SCENARIOS, [None, [1, 2], None, None], "/snapshot/accounts/0/exposure", "ann"),
        (SCENARIOS, [[1, 2], 3, None, None], "/snapshot/accounts/1/exposure", "bob"),
        (SCENARIOS, [[1, 2], [1, 2], [1], None], "/snapshot/accounts/2/exposure", "cyd"),
        (SCENARIOS, [[1, 2], [1, 2], None, [1, 2, 3]], "/snapshot/accounts/3/exposure", "dee"),
        (SCENARIOS, [[1, 2], ["1e61", 2], None, None], "/snapshot/accounts/1/exposure", "bob"),
        (SCENARIOS, [[1, 2], [1, 1e-61], None, None], "/snapshot/accounts/1/exposure", "bob"),
        ({"law": "normal", "sigma": 0.1}, [1, [1, 2], None, None], "/snapshot/accounts/1/exposure", "bob"),
    ],
)
def test_exposures_that_do_not_fit_the_shock_are_refused_by_name(
    post: Post, shock: Any, exposures: list[Any], pointer: str, account: str
) -> None:
    rows = [row | {"exposure": exposure} for row, exposure in zip(ROWS, exposures, strict=True)]
    status, problem = post("/v1/allocations", request(shock, rows))
    assert status == 422
    assert [(error["pointer"], error["account"]) for error in problem["errors"]] == [(pointer, account)]


def test_the_id_tells_shocks_apart_and_not_the_spelling_of_their_numbers(client: Any) -> None:
    def sent(shock: str) -> bytes:
        raw = json.dumps(request("here", LONG, {"name": "queue"})).replace('"here"', shock)
        answer = client.post("/v1/allocations", content=raw, headers={"content-type": "application/json"})
        assert answer.status_code == 200, answer.text
        content: bytes = answer.content
        return content

    def scenarios(*moves: str, more: str = "") -> str:
        return f'{{"law": "scenarios", "moves": [{", ".join(moves)}]{more}}}'

    groups = [
        [scenarios("[0.1, 0]"), scenarios("[1e-1, -0.0]"), scenarios("[0.10, 0]", more=', "weights": null')],
        [scenarios("[0.1, 0.1]")],
        [scenarios("[0.1, 0]", "[0.1, 0]")],
        [scenarios("[0.1, 0]", "[0.1, 0]", more=f', "weights": [{w}, 2]') for w in ("1", "1.0", "1e0")],
        ["null"],
    ]
    answers = [{sent(spelling) for spelling in group} for group in groups]
    assert [len(group) for group in answers] == [1] * len(groups)
    assert len({json.loads(*group)["id"] for group in answers}) == len(groups)


def test_more_scenario_losses_than_the_service_allows_are_refused() -> None:
    from fastapi.testclient import TestClient  # noqa: PLC0415

    from app.main import create_app  # noqa: PLC0415

    with TestClient(create_app(Settings(max_scenario_losses=4 * 16 * 2))) as small:
        for shock, status in ((SCENARIOS, 200), (SCENARIOS | {"moves": [[0.1, 0.2]] * 17}, 413)):
            assert small.post("/v1/allocations", json=request(shock, LONG)).status_code == status


def test_rap_optimal_does_not_depend_on_the_scale_of_money(post: Post) -> None:
    """The axiom that rap claims, for the risk that needs a shock."""
    rng = np.random.default_rng(11)
    cash, pnl, notional = (np.round(rng.lognormal(3, 1.5, 25), 2) for _ in range(3))
    deficit = round(float(pnl.sum()) * 0.4, 2)

    def seized(factor: int) -> list[int]:
        rows = [
            {"id": f"a{i}", "cash": f"{c * factor:.2f}", "pnl": f"{p * factor:.2f}", "notional": f"{n * factor:.2f}"}
            for i, (c, p, n) in enumerate(zip(cash.tolist(), pnl.tolist(), notional.tolist(), strict=True))
        ]
        body = {
            "snapshot": {"accounts": rows},
            "shortfall": {"deficit": f"{deficit * factor:.2f}"},
            "policy": {"name": "rap", "risk": "optimal"},
            "options": {"shock": {"law": "student-t", "df": 3, "scale": 0.2}},
        }
        status, answer = post("/v1/allocations", body)
        assert status == 200
        return [int(account["seized"].replace(".", "")) for account in answer["allocations"]]

    small, large = seized(1), seized(100)
    assert all(abs(b - 100 * a) <= 101 for a, b in zip(small, large, strict=True))
    assert sum(large) == 100 * sum(small)
