"""`expected-deficit` against oracles that share nothing with it: HiGHS, a dual by golden sections, hand derivations."""

from collections.abc import Callable
from dataclasses import replace
from math import exp, fsum, pi, sqrt

import numpy as np
import pytest
from scipy import special
from scipy.optimize import linprog

from solvers.allocation import Allocation
from solvers.errors import InfeasibleBudget
from solvers.money import Float64
from solvers.pro_rata import CappedProRata, ProRata, capped_pro_rata, pro_rata
from solvers.problem import HaircutProblem, Shortfall
from solvers.queue import Queue, queue
from solvers.robustness.expected_deficit import ExpectedDeficit, certify_expected_deficit, expected_deficit
from solvers.robustness.laws import Normal, Scenarios, Shock, StudentT, TwoPoint
from solvers.robustness.losses import ExposureModel
from solvers.weighted import LeverageProRata, Rap, leverage_pro_rata, rap
from tests.problems import UNIT, book, problem, random_problem, some, units
from tests.solvers.deficits import (
    CONTINUOUS,
    MODELS,
    RISING,
    loss,
    psi,
    risky_problem,
    risky_problems,
    solved,
)
from tests.solvers.risky import losses_after, of_book, shocked


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


@pytest.mark.parametrize("law", CONTINUOUS, ids=str)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", some(40, 1))
def test_no_dual_bound_of_golden_sections_is_away_from_the_objective(
    law: Normal | StudentT, model: ExposureModel, seed: int
) -> None:
    rng = np.random.default_rng([seed, MODELS.index(model)])
    made = replace(risky_problem(rng, int(rng.integers(1, 12))), shock=law)
    allocation, certificate = solved(made, model)
    n, e, w, _ = dollars(made)
    x = (of_book(made, allocation) * made.endowment / UNIT)[made.book.equity_units > 0]
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


@pytest.mark.parametrize("count", some((5, 20), 1))
def test_where_all_equity_is_endowment_both_is_deleverage(count: int) -> None:
    rng = np.random.default_rng(11)
    for _ in range(count):
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
    "shock",
    some([Normal(0.1), TwoPoint(0.2), Scenarios(RISING), StudentT(3, 0.05)], 3),
    ids=lambda shock: type(shock).__name__,
)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("count", some((2, 12), 1))
def test_no_policy_beats_it_on_its_own_aim(shock: Shock, model: ExposureModel, count: int) -> None:
    for made in risky_problems(shock, np.random.default_rng(3), count, 12):
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
@pytest.mark.parametrize("count", some((6, 20), 1))
def test_the_certificate_finds_a_gap_where_there_is_one_and_no_bound_above_the_optimum(
    model: ExposureModel, count: int
) -> None:
    rng, gaps = np.random.default_rng(8), 0
    for _ in range(count):
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
                gaps += 1
            assert other.objective >= certificate.objective * (1 - 1e-9) - 10 / UNIT
    assert gaps >= count // 2


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_twenty_thousand_accounts_in_a_thousand_scenarios_are_certified(model: ExposureModel) -> None:
    rng = np.random.default_rng(0)
    moves = Scenarios(rng.normal(0, 0.2, (1000, 2)))
    solved(shocked(random_problem(rng, 20_000), moves, rng), model)


def test_the_normal_density_of_the_example_is_what_it_seems() -> None:
    """psi of these tests at u = 0.1, sigma = 0.1: sigma (pdf(1) - cdf(-1))."""
    assert float(psi(Normal(0.1), np.array([0.1]))[0]) == pytest.approx(
        0.1 * (exp(-0.5) / sqrt(2 * pi) - special.ndtr(-1)), rel=1e-14
    )
