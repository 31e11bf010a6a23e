"""Blends against generic solvers that know nothing of their structure, and the certificate of every answer."""

from dataclasses import replace
from fractions import Fraction
from math import fsum

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from solvers.blend import Blend, BlendWeights, blend, certify_blend
from solvers.knapsack import knapsack
from solvers.money import Float64
from solvers.pro_rata import CappedProRata, capped_pro_rata
from solvers.problem import HaircutProblem
from solvers.revenue.retention import Linear, Power
from solvers.robustness.laws import Normal, Shock, TwoPoint
from tests.blends import EVEN, FAIR, ROBUST, Limits, figures, random_blend, solved, three, value, with_aims
from tests.problems import UNIT, book, problem, some


def rows_of(found: HaircutProblem, limits: Limits) -> tuple[np.ndarray, Float64]:
    """A row a limit, ones for the winners it is for; and the limits in dollars."""
    labels = np.array(found.book.groups or [None] * len(found.book), object)[found.winners]
    members = np.array([labels == name for name in limits], float).reshape(len(limits), len(labels))
    return members, np.array([float(limit) for limit in limits.values()])


def by_generic_solver(
    found: HaircutProblem, weights: BlendWeights, limits: Limits, near: float
) -> tuple[Float64, bool]:
    """Haircuts, and whether the solver stands by them: by HiGHS where all terms are linear, else by Clarabel.

    In units of the mean amount, and of the value that it is to find.
    """
    w, losses, fees, k, p = figures(found)
    caps = found.cap_units[found.winners] / UNIT
    unit = found.amount_units / UNIT / len(w)
    members, most = rows_of(found, limits)
    gain, churn = weights.robustness * losses / w, weights.revenue * fees * k
    if not weights.fairness and p == 1:
        cost = churn / w - gain
        scale = np.abs(cost).max() or 1.0
        lp = linprog(
            cost / scale,
            A_ub=members if len(limits) else None,
            b_ub=most / unit if len(limits) else None,
            A_eq=np.ones((1, len(w))),
            b_eq=[len(w)],
            bounds=np.column_stack((np.zeros(len(w)), caps / unit)),
            method="highs",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        assert lp.status == 0, lp.message
        return np.asarray(lp.x) * unit / w, True
    h = cp.Variable(len(w), nonneg=True)
    cost = weights.fairness * cp.sum(cp.multiply(w / unit / 2, cp.square(h))) - (gain * w / unit) @ h
    cost += cp.sum(cp.multiply(churn / unit, cp.power(h, p) if p != 1 else h))
    constraints = [h <= caps / w, (w / unit) @ h == len(w)]
    if len(limits):
        constraints.append((members * w / unit) @ h <= most / unit)
    program = cp.Problem(cp.Minimize(cost * (unit / near)), constraints)
    for tolerance in (1e-12, 1e-11, 1e-10):
        program.solve(solver=cp.CLARABEL, tol_gap_rel=tolerance, tol_gap_abs=tolerance, tol_feas=tolerance)
        if program.status == cp.OPTIMAL:
            break
    assert program.status in {cp.OPTIMAL, cp.OPTIMAL_INACCURATE}
    return np.asarray(h.value), program.status == cp.OPTIMAL


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("start", some(range(0, 320, 40), 1))
def test_nothing_beats_the_blend_and_a_generic_solver_comes_to_the_same_value(start: int) -> None:
    compared = 0
    for seed in range(start, start + 40):
        found, weights, limits = random_blend(seed)
        found, _, h = solved(found, weights, limits)
        if not found.winners.size or not found.amount_units:
            continue
        best = value(found, weights, h)
        theirs, sure = by_generic_solver(found, weights, limits, best or 1.0)
        rival = value(found, weights, theirs)
        assert best <= rival + 1e-8 * abs(rival), seed
        if sure:
            assert best == pytest.approx(rival, rel=1e-8, abs=1e-15 * found.amount_units), seed
            compared += 1
    assert compared >= 30


@pytest.mark.parametrize("start", some(range(1_001, 1_121, 40), 1))
def test_a_small_blend_of_all_three_under_a_limit_is_what_a_descent_method_finds(start: int) -> None:
    compared = 0
    for seed in range(start, start + 40, 2):
        found, weights, limits = random_blend(seed, 2 + seed % 5)
        found, _, h = solved(found, weights, limits)
        if not found.winners.size or not found.amount_units or not weights.fairness:
            continue
        w, losses, fees, k, p = figures(found)
        members, most = rows_of(found, limits)
        caps, amount = found.cap_units[found.winners] / UNIT / w, found.amount_units / UNIT

        def gradient(h: Float64, figures: tuple = (w, losses, fees, k, p), weights: BlendWeights = weights) -> Float64:
            w, losses, fees, k, p = figures
            slope = weights.fairness * w * h - weights.robustness * losses
            return slope + weights.revenue * fees * k * p * np.maximum(h, 0) ** (p - 1)

        unit = max(abs(value(found, weights, h)), amount)
        answer = minimize(
            lambda h, found=found, weights=weights, unit=unit: value(found, weights, np.maximum(h, 0)) / unit,
            np.clip(caps / 2, 0, 1),
            jac=lambda h, gradient=gradient, unit=unit: gradient(h) / unit,
            bounds=np.column_stack((np.zeros(len(w)), caps)),
            constraints=[
                {"type": "eq", "fun": lambda h, w=w, b=amount: w @ h / b - 1, "jac": lambda h, w=w, b=amount: w / b},
                {"type": "ineq", "fun": lambda h, m=members, w=w, t=most, b=amount: (t - m @ (w * h)) / b},
            ],
            method="SLSQP",
            options={"ftol": 1e-15, "maxiter": 500},
        )
        best = value(found, weights, h)
        if answer.success and abs(w @ answer.x / amount - 1) < 1e-9:
            # It may stop short of the optimum, never beyond it.
            assert best <= value(found, weights, answer.x) + 1e-8 * unit, seed
            compared += best == pytest.approx(value(found, weights, answer.x), rel=1e-8)
    assert compared >= 5


def test_fairness_alone_is_capped_pro_rata_to_the_unit() -> None:
    for seed in range(60):
        found, _, _ = random_blend(seed)
        _, seized, _ = solved(found, FAIR, {})
        assert (seized == capped_pro_rata(found, CappedProRata()).seized_units).all()


def test_fairness_alone_with_limits_that_do_not_bind_is_capped_pro_rata() -> None:
    for seed in range(1, 60, 2):
        found, _, limits = random_blend(seed)
        fair = capped_pro_rata(found, CappedProRata()).seized_units
        roomy = {
            name: f"{sum(x for x, g in zip(fair.tolist(), found.book.groups or (), strict=True) if g == name) + 50}e-6"
            for name in limits
        }
        _, seized, _ = solved(found, FAIR, roomy)
        assert np.abs(seized - fair).max() <= 1


def test_robustness_alone_costs_what_the_knapsack_by_expected_losses_costs() -> None:
    for seed in range(60):
        found, _, _ = random_blend(seed)
        _, _, h = solved(found, ROBUST, {})
        w, losses, *_ = figures(found)
        caps = found.cap_units[found.winners] / UNIT
        with np.errstate(divide="ignore"):
            cut = knapsack(np.log(losses / w), caps, found.amount_units / UNIT)
        left = found.amount_units / UNIT - cut.low.sum()
        tie = cut.high > cut.low
        saved = float((cut.low * losses / w).sum()) + left * float((losses / w)[tie].mean() if tie.any() else 0)
        assert fsum((h * losses).tolist()) == pytest.approx(saved, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("start", some(range(0, 60, 10), 1))
def test_more_weight_on_an_aim_never_harms_it(start: int) -> None:
    for seed in range(start, start + 10):
        found, _, limits = random_blend(seed)
        if not found.winners.size:
            continue
        for aim in ("fairness", "robustness", "revenue"):
            values = []
            for weight in (0.01, 1, 100):
                weights = replace(EVEN, **{aim: weight})
                reduced, _, h = solved(found, weights, limits)
                values.append(value(reduced, replace(BlendWeights(fairness=0), **{aim: 1.0}), h))
            unit = max(map(abs, values))
            assert values[0] >= values[1] - 1e-10 * unit, (seed, aim)
            assert values[1] >= values[2] - 1e-10 * unit, (seed, aim)


def test_a_worse_allocation_has_a_gap_and_one_that_breaks_a_limit_is_no_bargain() -> None:
    found, parameters = three(), Blend(group_limits={"x": "9"})
    best = blend(found, parameters)
    proof = certify_blend(found, best, parameters)
    assert proof is not None
    for haircuts in ([0.5, 0.5, 0.5], [0.3, 0.3, 0.6], [0.2, 0.35, 0.7], [0.9, 0, 0.7]):
        worse = certify_blend(found, replace(best, haircuts=np.array(haircuts)), parameters)
        assert worse is not None
        assert worse.bound <= proof.objective * (1 + 1e-12)
        assert worse.relative_gap > 1e-4
        assert worse.kkt_residual > 1e-3


def test_the_multiplier_is_what_one_more_dollar_costs() -> None:
    found, parameters = three(shock=Normal(0.1), retention=Power(0.5, 2)), Blend(weights=EVEN, group_limits={"x": "9"})

    def objective(amount: int) -> tuple[float, Fraction | None]:
        part = found.reduced(amount)
        proof = certify_blend(part, blend(part, parameters), parameters)
        assert proof is not None
        return proof.objective, proof.multiplier

    (low, _), (_, multiplier), (high, _) = (objective(30 * UNIT + step) for step in (-1000, 0, 1000))
    assert multiplier is not None
    assert (high - low) / 0.002 == pytest.approx(float(multiplier), rel=1e-6)


ACCOUNT = st.tuples(
    st.integers(1, 12) | st.sampled_from([UNIT, 2 * UNIT]) | st.integers(1, 10**15),  # endowment in units
    st.sampled_from([0, 0.1, 1 / 3, 0.5, 1]),  # cap
    st.sampled_from([0, 1, 1e-9, 3.5, 1e9]),  # notional over endowment
    st.sampled_from([0, 0.01, 1, 1, 1e7]),  # fees
    st.sampled_from(["x", "x", "y", None]),
)

WEIGHT = st.sampled_from([0.0, 1.0, 1e-12, 0.3, 1e6])


@pytest.mark.parametrize("examples", some((40, 150), 1))
def test_any_book_gets_a_proven_optimum_within_its_limits(examples: int) -> None:
    @settings(deadline=None, derandomize=True, max_examples=examples, database=None)
    @given(
        st.lists(ACCOUNT, min_size=1, max_size=8),
        st.tuples(WEIGHT, WEIGHT, WEIGHT).filter(any),
        st.sampled_from([Linear(1), Linear(0.3), Power(1, 2), Power(0.5, 1.01), Power(1, 9)]),
        st.sampled_from([Normal(0.2), TwoPoint(0.5)]),
        st.fractions(0, 1, max_denominator=50),
        st.fractions(0, 1, max_denominator=7),
    )
    def holds(
        accounts: list[tuple], weights: tuple, retention: Linear | Power, shock: Shock, share: Fraction, limit: Fraction
    ) -> None:
        pnl, caps, leverage, fees, groups = map(list, zip(*accounts, strict=True))
        money = [f"{amount}e-6" for amount in pnl]
        notional = [round(amount / UNIT * each, 9) for amount, each in zip(pnl, leverage, strict=True)]
        found = with_aims(problem(book([0] * len(pnl), money, max_haircut=caps, notional=notional)), fees, groups)
        found = replace(found, shock=shock, retention=retention).reduced(int(found.reachable_units * share))
        limits = {name: f"{int(sum(pnl) * limit)}e-6" for name in {"x", "y"} & set(groups)}
        fairness, robustness, revenue = weights
        chosen = BlendWeights(fairness=fairness, robustness=robustness, revenue=revenue)
        solved(found, chosen, {})
        solved(found, chosen, limits)

    holds()
