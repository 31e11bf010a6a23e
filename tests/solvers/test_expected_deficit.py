"""`expected-deficit` against oracles that share nothing with it: HiGHS, a dual by golden sections, hand derivations."""

from collections.abc import Callable
from dataclasses import replace
from math import exp, fsum, gamma, pi, sqrt
from typing import Any, get_args

import numpy as np
import pytest
from scipy import special
from scipy.optimize import linprog

from solvers.allocation import Allocation
from solvers.errors import InfeasibleBudget, ProblemError
from solvers.money import Float64
from solvers.pro_rata import CappedProRata, ProRata, capped_pro_rata, pro_rata
from solvers.problem import HaircutProblem, Shortfall
from solvers.queue import Queue, queue
from solvers.robustness.expected_deficit import ExpectedDeficit, certify_expected_deficit, expected_deficit
from solvers.robustness.exposures import ExposureModel, losses_after
from solvers.robustness.laws import Normal, Scenarios, Shock, StudentT, TwoPoint
from solvers.verify import Optimality, violations
from solvers.weighted import LeverageProRata, Rap, leverage_pro_rata, rap
from tests.problems import UNIT, book, problem, random_problem, some, units

MODELS: tuple[ExposureModel, ...] = get_args(ExposureModel)
CONTINUOUS: list[Normal | StudentT] = [Normal(0.1), StudentT(3, 0.05)]
RISING = np.array([[-0.5, 0.1], [-0.2, -0.3], [0.1, 0.02], [0.3, -0.2], [0.7, 0.4], [-0.9, 0.6]])


def solved(problem: HaircutProblem, model: ExposureModel) -> tuple[Allocation, Optimality]:
    """An allocation that is feasible to the unit and certified."""
    parameters = ExpectedDeficit(exposure_model=model)
    allocation = expected_deficit(problem, parameters)
    assert not violations(problem, allocation.seized_units)
    certificate = certify_expected_deficit(problem, allocation, parameters)
    assert certificate.relative_gap <= 1e-9
    assert certificate.bound <= certificate.objective
    return allocation, certificate


def everyone(problem: HaircutProblem, allocation: Allocation) -> Float64:
    haircuts = np.zeros(len(problem.book))
    assert allocation.haircuts is not None
    haircuts[problem.winners] = allocation.haircuts
    return haircuts


def shocked(problem: HaircutProblem, shock: Shock, rng: np.random.Generator) -> HaircutProblem:
    if not isinstance(shock, Scenarios):
        return replace(problem, shock=shock)
    shares = rng.uniform(-1, 1, (len(problem.book), shock.moves.shape[1]))
    exposure = problem.book.column("notional").floats[:, None] * shares
    return replace(problem, book=replace(problem.book, exposure=exposure), shock=shock)


def risky_problem(rng: np.random.Generator, n: int) -> HaircutProblem:
    """Leverages from 0 to 100, cash of both signs, floors and caps, in either numeraire."""
    pnl = np.round(rng.lognormal(1, 1.5, n), 2)
    cash = np.round(rng.choice([-0.6, -0.1, 0, 0, 0.5, 3], n) * pnl + rng.choice([0, -3, 1], n) * rng.random(n), 2)
    pnl[rng.random(n) < 0.15] *= -1
    notional = np.round(
        np.maximum(cash + pnl, 0.1) * rng.choice([0, 2, 5, 10, 30, 100], n) * rng.lognormal(0, 0.3, n), 2
    )
    caps = np.where(rng.random(n) < 0.6, 1.0, np.round(rng.random(n), 2))
    floors = np.where(rng.random(n) < 0.7, 0.0, np.round(rng.random(n), 3))
    found = book(
        cash.tolist(), pnl.tolist(), notional=notional.tolist(), max_haircut=caps.tolist(), min_equity=floors.tolist()
    )
    made = HaircutProblem(found, numeraire="equity" if rng.random() < 0.4 else "pnl")
    return replace(made, shortfall=Shortfall(deficit_units=int(made.reachable_units * rng.random())))


# Losses, written down once more ---------------------------------------------------------------------


def psi(law: Normal | StudentT, u: Float64) -> Float64:
    """The closed forms of MODEL 3 as they stand."""
    if isinstance(law, Normal):
        z = u / law.sigma
        return law.sigma * np.exp(-z * z / 2) / sqrt(2 * pi) - u * special.ndtr(-z)
    df, z = law.df, u / law.scale
    density = gamma((df + 1) / 2) / (sqrt(df * pi) * gamma(df / 2)) * (1 + z * z / df) ** (-(df + 1) / 2)
    return law.scale * ((df + z * z) / (df - 1) * density - z * special.stdtr(df, -z))


def loss(law: Normal | StudentT, model: str, n: Float64, e: Float64, w: Float64, x: Float64) -> Float64:
    h = np.divide(x, w, out=np.zeros_like(x), where=w > 0)
    if model == "deleverage":
        return (1 - h) * n * psi(law, e / n)
    if model == "cash":
        return n * psi(law, (e - x) / n)
    kept = np.maximum(1 - h, 1e-15) * n
    return kept * psi(law, (e - x) / kept)


def dollars(problem: HaircutProblem) -> tuple[Float64, Float64, Float64, Float64]:
    """n, e, w and caps of accounts with e > 0."""
    rows = problem.book.equity_units > 0
    columns = (problem.book.equity_units, problem.endowment_units, problem.cap_units)
    return problem.book.column("notional").floats[rows], *(column[rows] / UNIT for column in columns)


def dual_by_golden_sections(problem: HaircutProblem, law: Normal | StudentT, model: str) -> float:
    """max over mu of mu B + sum_i min over x of f_i(x) - mu x: a lower bound, whatever a section finds."""
    n, e, w, caps = dollars(problem)
    amount, free = problem.amount_units / UNIT, fsum(caps[n == 0].tolist())
    n, e, w, caps = (column[n > 0, None] for column in (n, e, w, caps))
    low, high = -float((n / np.maximum(w, 1e-9)).max(initial=0.0)) - 1, 1.0
    golden, best = (sqrt(5) - 1) / 2, -np.inf
    for _ in range(14):
        prices = np.linspace(low, high, 41)

        def value(x: Float64, prices: Float64 = prices) -> Float64:
            return loss(law, model, n, e, np.broadcast_to(w, x.shape), x) - prices * x

        a, b = np.zeros((len(n), 41)), np.broadcast_to(caps, (len(n), 41)).copy()
        least = np.minimum(value(a), value(b))
        for _ in range(80):
            c, d = b - golden * (b - a), a + golden * (b - a)
            at_c, at_d = value(c), value(d)
            least = np.minimum(least, np.minimum(at_c, at_d))
            a, b = np.where(at_c < at_d, a, c), np.where(at_c < at_d, d, b)
        duals = prices * amount + least.sum(axis=0) - np.maximum(prices, 0) * free
        place = int(duals.argmax())
        best = max(best, float(duals[place]))
        low, high = prices[max(place - 1, 0)], prices[min(place + 1, 40)]
    return best


def least_by_highs(problem: HaircutProblem, scenarios: Scenarios, exposure: Float64, model: str) -> float:
    """min sum p_s u_is over u_is >= A_is + B_is x_i, u >= 0, as one linear program."""
    rows = problem.book.equity_units > 0
    if not rows.any():
        return 0.0
    _, e, w, caps = dollars(problem)
    margins = -e[:, None] - exposure[rows] @ scenarios.moves.T
    count, size = margins.shape
    beta = np.divide(1, w, out=np.zeros(count), where=w > 0)[:, None]
    slopes = {
        "deleverage": -np.maximum(margins, 0) * beta,
        "cash": np.ones_like(margins) * (w > 0)[:, None],
        "both": ((w - e)[:, None] - margins) * beta,
    }[model]
    start = np.maximum(margins, 0) if model == "deleverage" else margins
    costs = np.concatenate((np.zeros(count), np.tile(scenarios.probabilities, count)))
    left = np.zeros((count * size, count + count * size))
    for i in range(count):
        left[i * size : (i + 1) * size, i] = slopes[i]
    left[:, count:] = -np.eye(count * size)
    budget = np.concatenate((np.ones(count), np.zeros(count * size)))[None]
    bounds = [(0, cap) for cap in caps.tolist()] + [(0, None)] * (count * size)
    found = linprog(costs, left, -start.ravel(), budget, [problem.amount_units / UNIT], bounds, method="highs")
    assert found.status == 0
    return float(found.fun)


# Optimality -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", CONTINUOUS, ids=str)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", some(40, 12))
def test_no_dual_bound_of_golden_sections_is_away_from_the_objective(
    law: Normal | StudentT, model: ExposureModel, seed: int
) -> None:
    rng = np.random.default_rng([seed, MODELS.index(model)])
    made = replace(risky_problem(rng, int(rng.integers(1, 12))), shock=law)
    allocation, certificate = solved(made, model)
    n, e, w, _ = dollars(made)
    x = (everyone(made, allocation) * made.endowment / UNIT)[made.book.equity_units > 0]
    held = n > 0
    total = fsum(loss(law, model, n[held], e[held], w[held], x[held]).tolist())
    assert certificate.objective == pytest.approx(total, rel=1e-8, abs=1e-12)
    bound = dual_by_golden_sections(made, law, model)
    assert total == pytest.approx(bound, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", some(60, 15))
def test_highs_finds_nothing_better_in_scenarios_or_two_points(model: ExposureModel, seed: int) -> None:
    rng = np.random.default_rng([seed, MODELS.index(model)])
    base = risky_problem(rng, int(rng.integers(1, 9)))
    weights = rng.random(6) * rng.integers(0, 2, 6) if seed % 2 else None
    weights = None if weights is None or not weights.any() else weights
    scenarios = Scenarios(RISING * rng.choice([0.3, 1]), weights)
    made = shocked(base, scenarios, rng)
    assert made.book.exposure is not None
    _, certificate = solved(made, model)
    wanted = least_by_highs(made, scenarios, made.book.exposure, model)
    assert certificate.objective == pytest.approx(wanted, rel=1e-8, abs=1e-9)

    size = float(rng.choice([0.02, 0.1, 0.4]))
    _, certificate = solved(replace(base, shock=TwoPoint(size)), model)
    moves = Scenarios(np.array([[-size], [size]]))
    wanted = least_by_highs(base, moves, base.book.column("notional").floats[:, None], model)
    assert certificate.objective == pytest.approx(wanted, rel=1e-8, abs=1e-9)


def test_models_example_of_two_levered_accounts() -> None:
    """MODEL 3: w = e = 1, leverages 5 and 10, sigma 0.1, B = 1: 0.00425, and 0.00808 by rap with weight rho."""
    made = replace(problem(book([0, 0], [1, 1], notional=[5, 10]), 1), shock=Normal(0.1))
    allocation, certificate = solved(made, "deleverage")
    assert allocation.seized_units.tolist() == units(0, 1)
    assert certificate.objective == pytest.approx(0.00425, abs=5e-6)
    by_rap = rap(made, Rap(risk="optimal")).seized_units / UNIT
    assert fsum(losses_after(made, "deleverage", by_rap).tolist()) == pytest.approx(0.00808, abs=5e-6)


def test_cash_and_deleverage_tilt_in_opposite_directions_and_both_lies_where_its_derivation_says() -> None:
    """Two accounts of equity 2 of which 1 is profit, n = 10 and 20, B = 1.

    deleverage takes from the levered one alone. cash makes margins equal, (2 - x_1)/10 = (2 - x_2)/20 = 1/10: all from
    the safer one. both: n_i psi(u_i) + P(Z < -u_i) / k_i is the same for both, u_i = (1 + 1/k_i)/n_i, k_i = 1 - h_i.
    """
    made = replace(problem(book([1, 1], [1, 1], notional=[10, 20]), 1), shock=Normal(0.1))
    assert solved(made, "deleverage")[0].seized_units.tolist() == units(0, 1)
    assert solved(made, "cash")[0].seized_units.tolist() == units(1, 0)

    def falls(n: float, kept: float) -> float:
        u = np.array([(1 + 1 / kept) / n])
        return float((n * psi(Normal(0.1), u) + special.ndtr(-u / 0.1) / kept)[0])

    low, high = 0.0, 1.0  # the haircut of the second
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if falls(20, 1 - middle) > falls(10, middle) else (low, middle)
    assert 0.5 < low < 1
    allocation, certificate = solved(made, "both")
    assert allocation.haircuts is not None
    assert allocation.haircuts.tolist() == pytest.approx([1 - low, low], rel=1e-9)
    assert allocation.multiplier is not None
    assert float(allocation.multiplier) == pytest.approx(-falls(20, 1 - low), rel=1e-9)
    assert certificate.kkt_residual < 1e-12


def test_cash_makes_margins_equal_where_it_takes() -> None:
    made = replace(problem(book([0, 0, 0], [4, 4, 4], notional=[10, 20, 100]), 3), shock=StudentT(4, 0.05))
    allocation, _ = solved(made, "cash")
    # 4 - x_1 = 10 t, 4 - x_2 = 20 t, x_1 + x_2 = 3: t = 1/6 and x = 7/3, 2/3; the third is at 4/100 < t.
    assert allocation.seized_units.tolist() == units(7 / 3, 2 / 3, 0)


def test_where_all_equity_is_endowment_both_is_deleverage() -> None:
    rng = np.random.default_rng(11)
    for _ in range(20):
        base = replace(risky_problem(rng, 10), numeraire="equity")
        made = replace(base, shortfall=Shortfall(deficit_units=base.reachable_units // 3), shock=Normal(0.1))
        pair = [solved(made, model)[0].seized_units for model in ("deleverage", "both")]
        assert np.abs(pair[0] - pair[1]).max() <= 1 + made.amount_units * 1e-9


def policies() -> list[tuple[str, Callable[[HaircutProblem], Allocation]]]:
    return [
        ("pro-rata", lambda made: pro_rata(made, ProRata())),
        ("capped-pro-rata", lambda made: capped_pro_rata(made, CappedProRata())),
        ("leverage-pro-rata", lambda made: leverage_pro_rata(made, LeverageProRata())),
        ("queue", lambda made: queue(made, Queue(score="pnl"))),
        ("size", lambda made: queue(made, Queue(score="size"))),
        *((f"rap {risk}", lambda made, risk=risk: rap(made, Rap(risk=risk))) for risk in ("linear", "optimal")),
        *((m, lambda made, m=m: expected_deficit(made, ExpectedDeficit(exposure_model=m))) for m in MODELS),
    ]


@pytest.mark.parametrize(
    "shock", [*CONTINUOUS, TwoPoint(0.2), Scenarios(RISING)], ids=lambda shock: type(shock).__name__
)
@pytest.mark.parametrize("model", MODELS)
def test_no_policy_beats_it_on_its_own_aim(shock: Shock, model: ExposureModel) -> None:
    rng = np.random.default_rng(3)
    for trial in range(12):
        base = risky_problem(rng, 12) if trial % 2 else random_problem(rng, 12)
        made = shocked(base, shock, rng)
        _, certificate = solved(made, model)
        for name, policy in policies():
            try:
                seized = policy(made).seized_units
            except InfeasibleBudget:
                continue
            haircuts = np.divide(seized, made.endowment, out=np.zeros(12), where=made.endowment > 0)
            rival = fsum(losses_after(made, model, haircuts).tolist())
            assert rival >= certificate.objective * (1 - 1e-9) - 12 / UNIT, name


@pytest.mark.parametrize("model", MODELS)
def test_the_certificate_finds_a_gap_where_there_is_one_and_no_bound_above_the_optimum(model: ExposureModel) -> None:
    rng = np.random.default_rng(8)
    for _ in range(20):
        made = replace(risky_problem(rng, 10), shock=Normal(0.1))
        if made.amount_units == 0:
            continue
        best, certificate = solved(made, model)
        fair = capped_pro_rata(made, CappedProRata())
        parameters = ExpectedDeficit(exposure_model=model)
        for multiplier in (best.multiplier, None):
            other = certify_expected_deficit(made, replace(fair, multiplier=multiplier), parameters)
            assert other.bound <= certificate.objective * (1 + 1e-9) + 1e-9
            if other.objective > certificate.objective * (1 + 1e-6):
                assert other.relative_gap > 1e-7
        assert other.objective >= certificate.objective * (1 - 1e-9) - 10 / UNIT


# Ties, order, scale ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shock", [*CONTINUOUS, TwoPoint(0.2), Scenarios(RISING)], ids=lambda shock: type(shock).__name__
)
@pytest.mark.parametrize("model", MODELS)
def test_amounts_do_not_depend_on_the_order_of_rows(shock: Shock, model: ExposureModel) -> None:
    rng = np.random.default_rng(4)
    for trial in range(10):
        made = shocked(risky_problem(rng, 14) if trial % 2 else random_problem(rng, 14), shock, rng)
        order, found = rng.permutation(14), made.book
        moved = replace(
            found,
            ids=[found.ids[i] for i in order],
            cash_units=found.cash_units[order],
            pnl_units=found.pnl_units[order],
            max_haircut=_reordered(found.max_haircut, order),
            min_equity_units=found.min_equity_units[order],
            columns={name: _reordered(column, order) for name, column in found.columns.items()},
            exposure=None if found.exposure is None else found.exposure[order],
        )
        first = expected_deficit(made, ExpectedDeficit(exposure_model=model))
        again = expected_deficit(replace(made, book=moved), ExpectedDeficit(exposure_model=model))
        assert (first.seized_units[order] == again.seized_units).all()
        assert first.multiplier == again.multiplier


def _reordered(column: Any, order: Any) -> Any:
    return replace(column, raw=[column.raw[i] for i in order], floats=column.floats[order])


@pytest.mark.parametrize("model", MODELS)
def test_amounts_do_not_depend_on_the_unit_of_money(model: ExposureModel) -> None:
    """Dollars with six decimals, and cents with four, are the same units."""
    rng = np.random.default_rng(6)
    cash, pnl = rng.integers(0, 500, 12) / 100, rng.integers(1, 900, 12) / 100
    notional = rng.integers(0, 9000, 12) / 100
    made = replace(problem(book(cash.tolist(), pnl.tolist(), notional=notional.tolist()), 9.5), shock=Normal(0.1))
    cents = book(
        (cash * 100).round().tolist(), (pnl * 100).round().tolist(), notional=(notional * 100).round().tolist()
    )
    other = replace(
        made,
        book=replace(
            cents, precision=4, cash_units=made.book.cash_units, pnl_units=made.book.pnl_units,
            min_equity_units=made.book.min_equity_units,
        ),
    )  # fmt: skip
    pair = [solved(each, model)[0].seized_units for each in (made, other)]
    assert np.abs(pair[0] - pair[1]).max() <= 1


@pytest.mark.parametrize("shock", [*CONTINUOUS, TwoPoint(0.2), TwoPoint(0.05), Normal(1e-3)], ids=str)
@pytest.mark.parametrize("model", MODELS)
def test_equal_accounts_give_equal_amounts_and_accounts_alike_but_for_size_equal_haircuts(
    shock: Shock, model: ExposureModel
) -> None:
    sizes = [1, 2, 2, 5, 40, 1]
    levered = book([0.5 * s for s in sizes], sizes, notional=[12 * s for s in sizes])
    made = replace(problem(levered, 17), shock=shock)
    seized = solved(made, model)[0].seized_units
    assert np.abs(seized - np.array(sizes) * UNIT * 17 / 51).max() <= 1


@pytest.mark.parametrize("model", MODELS)
def test_splitting_an_account_of_a_tie_changes_nothing_for_anybody(model: ExposureModel) -> None:
    whole = book([1, 1, 1], [2, 4, 3], notional=[30, 50, 40], ids=["a", "b", "c"])
    parts = book([1, 0.25, 0.75, 1], [2, 1, 3, 3], notional=[30, 12.5, 37.5, 40], ids=["a", "b", "b2", "c"])
    for shock in (Normal(0.1), TwoPoint(0.2)):
        one = solved(replace(problem(whole, 5), shock=shock), model)[0].seized_units
        two = solved(replace(problem(parts, 5), shock=shock), model)[0].seized_units
        assert np.abs(one - [two[0], two[1] + two[2], two[3]]).max() <= 2


def test_losses_below_the_smallest_double_still_rank_accounts() -> None:
    """sigma 0.001 and leverages 2 and 4: every psi is zero in doubles, and the logarithms are not."""
    made = replace(problem(book([0, 0, 0], [5, 5, 5], notional=[10, 20, 15]), 6), shock=Normal(1e-3))
    assert not losses_after(made, "deleverage", np.zeros(3)).any()
    assert solved(made, "deleverage")[0].seized_units.tolist() == units(0, 5, 1)
    assert solved(made, "both")[0].seized_units.tolist() == units(0, 5, 1)
    # cash: (5 - x_1)/10 = (5 - x_3)/15 = (5 - x_2)/20 = t, 45 t = 9.
    assert solved(made, "cash")[0].seized_units.tolist() == units(3, 1, 2)


def test_accounts_without_a_position_come_first_under_cash_and_last_under_deleverage() -> None:
    made = replace(problem(book([0, 0, 0], [5, 5, 5], notional=[0, 20, 30]), 4), shock=Normal(0.1))
    assert solved(made, "cash")[0].seized_units.tolist() == units(4, 0, 0)
    assert solved(made, "deleverage")[0].seized_units.tolist() == units(0, 0, 4)
    assert solved(made, "both")[0].seized_units.tolist() == units(0, 0, 4)


@pytest.mark.parametrize("model", MODELS)
def test_where_nobody_can_lose_it_is_capped_pro_rata(model: ExposureModel) -> None:
    harmless = Scenarios(np.array([[0.001], [-0.002]]))
    found = replace(book([1, 9, 2], [3, 1, 2], notional=[4, 4, 4]), exposure=np.full((3, 1), 4.0))
    made = replace(problem(found, 3), shock=harmless)
    fair = capped_pro_rata(made, CappedProRata()).seized_units
    assert np.abs(solved(made, model)[0].seized_units - fair).max() <= 1


def test_negative_cash_is_closed_only_until_risk_rises() -> None:
    """e = 2 of w = 4, n = 20, sigma = 0.2: taking under `both` leaves less of a position and a thinner margin.

    Its risk is least strictly inside; beyond that point others, whom the shock cannot hit, are taken first.
    """
    law = Normal(0.2)
    taken = np.linspace(0, 1.999, 200_000)
    risk = loss(law, "both", np.full(200_000, 20.0), np.full(200_000, 2.0), np.full(200_000, 4.0), taken)
    least = float(taken[risk.argmin()])
    assert 0.1 < least < 1.9
    made = replace(problem(book([-2, 0], [4, 30], notional=[20, 0]), 20), shock=law)
    allocation, _ = solved(made, "both")
    assert allocation.multiplier == 0
    assert allocation.seized_units[0] / UNIT == pytest.approx(least, abs=1e-4)
    allocation, _ = solved(replace(made, shortfall=Shortfall(deficit_units=31_500_000)), "both")
    assert allocation.seized_units.tolist() == units(1.5, 30)
    assert allocation.multiplier is not None
    assert allocation.multiplier > 0


# Degenerate books -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shock", [*CONTINUOUS, TwoPoint(0.2), Scenarios(RISING[:, :1])], ids=lambda s: type(s).__name__
)
@pytest.mark.parametrize("model", MODELS)
def test_budgets_that_leave_no_choice_and_books_of_few_accounts(shock: Shock, model: ExposureModel) -> None:
    rng = np.random.default_rng(9)
    found = book([1, 1, -1, 0], [5, 3, 4, -2], notional=[40, 0, 60, 10], max_haircut=[1, 1, 1, 1])
    for budget in (0, 11, 1e-6, 10.999999):
        solved(shocked(problem(found, budget), shock, rng), model)
    all_of_it = solved(shocked(problem(found, 11), shock, rng), model)[0]
    assert all_of_it.seized_units.tolist() == units(5, 3, 3, 0)
    losers = shocked(problem(book([1], [-2], notional=[3]), 0), shock, rng)
    assert solved(losers, model)[0].seized_units.tolist() == [0]
    alone = shocked(problem(book([1], [2], notional=[30]), 0.7), shock, rng)
    assert solved(alone, model)[0].seized_units.tolist() == units(0.7)
    dust = shocked(problem(book([0, 0, 0], [1e-6, 1e12, 3], notional=[1e-5, 3e12, 90]), 7e11), shock, rng)
    assert solved(dust, model)[0].seized_units.sum() == dust.amount_units


def test_losers_count_for_nothing_and_accounts_that_cannot_be_touched_as_a_constant() -> None:
    found = book([0, 3, 1], [2, -1, -4], notional=[20, 30, 50])
    made = replace(problem(found, 1), shock=Normal(0.1))
    _, certificate = solved(made, "cash")
    wanted = loss(
        Normal(0.1), "cash", np.array([20.0, 30.0]), np.array([2.0, 2.0]), np.array([2.0, 0]), np.array([1.0, 0])
    )
    assert certificate.objective == pytest.approx(fsum(wanted.tolist()), rel=1e-12)


def test_refuses_what_it_cannot_do() -> None:
    found = book([0, 0], [1, 2], notional=[5, 5])
    with pytest.raises(ProblemError, match="next shock"):
        expected_deficit(problem(found, 1), ExpectedDeficit())
    with pytest.raises(InfeasibleBudget):
        expected_deficit(replace(problem(found, 4), shock=Normal(0.1)), ExpectedDeficit())


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_twenty_thousand_accounts_in_a_thousand_scenarios_are_certified(model: ExposureModel) -> None:
    rng = np.random.default_rng(0)
    moves = Scenarios(rng.normal(0, 0.2, (1000, 2)))
    solved(shocked(random_problem(rng, 20_000), moves, rng), model)


def test_the_normal_density_of_the_example_is_what_it_seems() -> None:
    """psi of this file at u = 0.1, sigma = 0.1: sigma (pdf(1) - cdf(-1))."""
    assert float(psi(Normal(0.1), np.array([0.1]))[0]) == pytest.approx(
        0.1 * (exp(-0.5) / sqrt(2 * pi) - special.ndtr(-1)), rel=1e-14
    )
