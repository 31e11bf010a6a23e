"""Blends against generic solvers that know nothing of their structure, and on books made to break them."""

from dataclasses import replace
from fractions import Fraction
from math import fsum

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from solvers import verify
from solvers.backends import blend as backend
from solvers.blend import Blend, BlendModel, BlendWeights, blend, certify_blend
from solvers.errors import InfeasibleBudget, ProblemError, SolverFailed
from solvers.groups import group_violations, limit_units
from solvers.knapsack import knapsack
from solvers.money import Float64, Int64
from solvers.pro_rata import CappedProRata, capped_pro_rata
from solvers.problem import Book, HaircutProblem
from solvers.revenue.retention import Exponential, Linear, Power
from solvers.robustness.laws import Normal, Shock, TwoPoint
from solvers.robustness.losses import expected_losses
from tests.blends import random_blend, with_aims
from tests.problems import UNIT, book, problem

Limits = dict[str, str]
FAIR, ROBUST, REVENUE = BlendWeights(), BlendWeights(fairness=0, robustness=1), BlendWeights(fairness=0, revenue=1)
EVEN = BlendWeights(fairness=1, robustness=1, revenue=1)


def solved(found: HaircutProblem, weights: BlendWeights, limits: Limits) -> tuple[HaircutProblem, Int64, Float64]:
    """The problem (with less to take, where the limits ask for that), amounts and haircuts, after all checks."""
    parameters = Blend(weights=weights, group_limits=limits)
    try:
        allocation = blend(found, parameters)
    except InfeasibleBudget as shortage:
        found = found.reduced(shortage.reachable_units)
        allocation = blend(found, parameters)
    seized = allocation.seized_units
    assert not verify.violations(found, seized)
    assert not group_violations(found, seized, limit_units(found, limits))
    assert allocation.haircuts is not None
    wanted = allocation.haircuts * found.endowment[found.winners]
    assert np.abs(seized[found.winners] - wanted).max(initial=0) <= 1 + 1e-9 * wanted.max(initial=0)
    proof = certify_blend(found, allocation, parameters)
    assert proof is not None
    assert proof.relative_gap <= 1e-12
    assert proof.kkt_residual <= 1e-9
    assert proof.objective == pytest.approx(value(found, weights, allocation.haircuts), rel=1e-12, abs=1e-300)
    return found, seized, allocation.haircuts


def figures(found: HaircutProblem) -> tuple[Float64, Float64, Float64, float, float]:
    """Dollars of endowment, expected loss and fees of the winners; k and p."""
    rows = found.winners
    retention = found.retention
    rate = 0.0 if retention is None else retention.rate
    exponent = retention.exponent if isinstance(retention, Power) else 1.0
    fees = found.book.column("fees").floats[rows]
    return found.endowment[rows] / UNIT, expected_losses(found)[0][rows], fees, rate, exponent


def value(found: HaircutProblem, weights: BlendWeights, h: Float64) -> float:
    """The objective, written out."""
    w, losses, fees, k, p = figures(found)
    everybody = expected_losses(found)[0]
    others = np.delete(everybody, found.winners)
    fair = fsum((w * h * h).tolist()) / 2
    risk = fsum([*others.tolist(), *((1 - h) * losses).tolist()])
    return weights.fairness * fair + weights.robustness * risk + weights.revenue * k * fsum((fees * h**p).tolist())


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
@pytest.mark.parametrize("start", range(0, 320, 40))
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


def test_a_small_blend_of_all_three_under_a_limit_is_what_a_descent_method_finds() -> None:
    compared = 0
    for seed in range(1_001, 1_121, 2):
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
    assert compared >= 15


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


def three(limit_of: str | None = "x", **more: object) -> HaircutProblem:
    """10, 20 and 30 to lose, fees 1 each, the first two in group x, and 30 to take."""
    found = problem(book([0] * 3, [10, 20, 30], notional=[100, 100, 100]), 30)
    return with_aims(found, [1, 1, 1], [limit_of, limit_of, None], **more)  # type: ignore[arg-type]


def test_a_limit_moves_its_excess_to_everybody_else_fairly() -> None:
    # Without the limit all lose half; with it the first two lose 9 of 30, and the third the other 21 of 30.
    _, seized, h = solved(three(), FAIR, {"x": "9"})
    assert seized.tolist() == [3 * UNIT, 6 * UNIT, 21 * UNIT]
    assert h == pytest.approx([0.3, 0.3, 0.7], abs=1e-15)


def test_a_limit_counts_only_its_own_group_and_ungrouped_accounts_have_none() -> None:
    found = replace(three(), book=replace(three().book, groups=["x", "y", None]))
    _, seized, _ = solved(found, FAIR, {"x": "2", "y": "4"})
    assert seized.tolist() == [2 * UNIT, 4 * UNIT, 24 * UNIT]


def test_a_limit_of_nothing_spares_the_group() -> None:
    for weights in (FAIR, ROBUST, EVEN):
        found = three(shock=Normal(0.1), retention=Power(1, 2))
        _, seized, _ = solved(found, weights, {"x": 0})  # type: ignore[dict-item]
        assert seized.tolist() == [0, 0, 30 * UNIT]


def test_a_limit_is_rounded_down_to_whole_units_and_kept_to_the_unit() -> None:
    _, seized, _ = solved(three(), FAIR, {"x": "9.0000009"})
    assert seized[:2].sum() == 9 * UNIT


def test_limits_out_of_reach_name_the_groups_that_bind_and_what_can_be_taken() -> None:
    found = replace(three(), book=replace(three().book, groups=["x", "y", "z"]))
    with pytest.raises(InfeasibleBudget) as refused:
        blend(found, Blend(group_limits={"x": "1", "y": 20, "z": 8}))
    assert refused.value.reachable_units == 29 * UNIT
    assert refused.value.budget_units == 30 * UNIT
    assert "'x', 'z'" in refused.value.detail
    assert "'y'" not in refused.value.detail
    left = blend(found.reduced(29 * UNIT), Blend(group_limits={"x": "1", "y": 20, "z": 8}))
    assert left.seized_units.tolist() == [UNIT, 20 * UNIT, 8 * UNIT]


def test_at_most_twenty_groups_are_named() -> None:
    found = problem(book([0] * 30, [10] * 30), 200)
    found = with_aims(found, [0] * 30, [f"g{i:02}" for i in range(30)])
    with pytest.raises(InfeasibleBudget, match="'g19' and 10 more bind"):
        blend(found, Blend(group_limits={f"g{i:02}": 1 for i in range(30)}))


def test_a_budget_beyond_the_caps_blames_the_caps() -> None:
    with pytest.raises(InfeasibleBudget, match="caps of all winners"):
        blend(replace(three(), shortfall=problem(three().book, 61).shortfall), Blend(group_limits={"x": 1000}))


@pytest.mark.parametrize(
    ("parameters", "field", "detail", "more"),
    [
        (Blend(weights=BlendWeights(fairness=0)), "weights", "at least one", {}),
        (Blend(weights=BlendWeights(robustness=float("nan"))), "weights", "finite", {}),
        (Blend(weights=BlendWeights(fairness=-1, revenue=1)), "weights", "not negative", {}),
        (Blend(weights=ROBUST), "shock", "next shock", {}),
        (Blend(weights=REVENUE), "retention", "is needed", {}),
        (Blend(weights=REVENUE), "retention", "linear or power", {"retention": Exponential(1)}),
        (Blend(group_limits={"x": "-0.1"}), "group_limits", "'x': must not be negative", {}),
        (Blend(group_limits={"nobody": 1}), "group_limits", "no account is in the group 'nobody'", {}),
        (Blend(group_limits={"x": "many"}), "group_limits", "not a decimal number", {}),
        (Blend(group_limits={"x": float("inf")}), "group_limits", "finite", {}),
        (Blend(group_limits={"x": 1e300}), "group_limits", "too large", {}),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(parameters: Blend, field: str, detail: str, more: dict) -> None:
    with pytest.raises(ProblemError, match=detail) as refused:
        blend(three(**more), parameters)
    assert refused.value.field == field


def test_limits_of_a_book_without_groups_are_refused() -> None:
    with pytest.raises(ProblemError, match="no account is in the group 'x'"):
        blend(problem(book([0], [1]), 1), Blend(group_limits={"x": 1}))


def test_fees_and_losses_are_not_asked_for_by_fairness() -> None:
    assert blend(problem(book([0], [10]), 4), Blend()).seized_units.tolist() == [4 * UNIT]


@pytest.mark.parametrize("retention", [Linear(1), Power(1, 2), Power(1, 1.7), Power(1, 4)])
@pytest.mark.parametrize("weights", [FAIR, ROBUST, REVENUE, EVEN], ids=["fair", "robust", "revenue", "even"])
def test_equal_accounts_lose_equally_whatever_the_weights(weights: BlendWeights, retention: Linear | Power) -> None:
    found = problem(book([5] * 6, [10] * 6, notional=[100] * 6), 30)
    found = with_aims(found, [2] * 6, ["x", "x", "y", "y", None, None], TwoPoint(0.5), retention)
    assert solved(found, weights, {})[1].tolist() == [5 * UNIT] * 6
    bound = [2 * UNIT] * 2 + [int(6.5 * UNIT)] * 4
    assert solved(found, weights, {"x": "4"})[1].tolist() == bound


def test_who_brings_no_fees_pays_first_and_fairly() -> None:
    for retention in (Linear(0.5), Power(0.5, 2), Power(0.5, 3)):
        found = with_aims(problem(book([0] * 4, [10, 30, 20, 20]), 20), [0, 0, 3, 4], None, None, retention)
        assert solved(found, REVENUE, {})[1].tolist() == [5 * UNIT, 15 * UNIT, 0, 0]


def test_losses_too_small_for_doubles_are_told_apart_where_nothing_else_counts() -> None:
    # Margins of 50 and 60 standard deviations: both psi underflow to 0.
    found = problem(book([0, 0], [50, 60], notional=[10, 10]), 20)
    found = with_aims(found, [0, 0], None, Normal(0.1))
    assert expected_losses(found)[0].tolist() == [0, 0]
    assert blend(found, Blend(weights=ROBUST)).seized_units.tolist() == [20 * UNIT, 0]


@pytest.mark.parametrize("weights", [FAIR, ROBUST, REVENUE, EVEN, BlendWeights(fairness=1e-9, robustness=1)])
@pytest.mark.parametrize("retention", [Linear(0.5), Power(0.5, 2), Power(0.5, 1.3), Power(0.5, 6)])
def test_dust_beside_a_giant(weights: BlendWeights, retention: Linear | Power) -> None:
    pnl = ["0.000000001", "0.000001", "0.000003", 1, 10**3, 10**12]
    found = problem(book([0] * 6, pnl, notional=[1e-9, 1, 1e3, 1, 1e9, 1e12]), 10**11)
    found = with_aims(found, [0, 1e-9, 1, 1e6, 1, 1e12], ["x", "x", "x", "y", "y", None], Normal(0.2), retention)
    for limits in ({}, {"x": "0.000002"}, {"x": "0.000001", "y": "700.1"}):
        solved(found, weights, limits)


def test_one_account_takes_it_all_and_nothing_is_nothing() -> None:
    for weights in (FAIR, ROBUST, REVENUE, EVEN):
        for amount in (0, "0.000001", 4, 10):
            found = problem(book([0], [10], notional=[70]), amount)
            found = with_aims(found, [3], ["x"], Normal(0.1), Power(0.5, 1.5))
            for limits in ({}, {"x": "10"}):
                assert solved(found, weights, limits)[1].sum() == found.budget_units


def test_a_book_without_winners_takes_nothing() -> None:
    found = with_aims(problem(book([0], [-10], notional=[70]), 0), [3], ["x"], Normal(0.1), Linear(0.5))
    for weights in (FAIR, ROBUST, REVENUE, EVEN):
        assert solved(found, weights, {"x": "1"})[1].tolist() == [0]


def shuffled(found: HaircutProblem, order: Int64) -> HaircutProblem:
    given = found.book
    columns = {
        name: replace(column, raw=[column.raw[i] for i in order], floats=column.floats[order])
        for name, column in given.columns.items()
    }
    caps = replace(given.max_haircut, raw=[given.max_haircut.raw[i] for i in order])
    mixed = Book(
        [given.ids[i] for i in order],
        given.cash_units[order],
        given.pnl_units[order],
        replace(caps, floats=given.max_haircut.floats[order]),
        given.min_equity_units[order],
        columns,
        given.precision,
        groups=None if given.groups is None else [given.groups[i] for i in order],
    )
    return replace(found, book=mixed)


def test_the_order_of_rows_changes_nobodys_amount() -> None:
    for seed in range(0, 120, 3):
        found, weights, limits = random_blend(seed)
        order = np.random.default_rng(seed).permutation(len(found.book))
        found, seized, h = solved(found, weights, limits)
        mixed, mixed_seized, mixed_h = solved(shuffled(found, order), weights, limits)
        assert (mixed_seized == seized[order]).all(), seed
        proofs = [
            certify_blend(one, blend(one, Blend(weights=weights, group_limits=limits)), Blend(weights=weights))
            for one in (found, mixed)
        ]
        assert proofs[0] == proofs[1]
        assert sorted(h.tolist()) == sorted(mixed_h.tolist())


def test_only_the_proportions_of_weights_matter() -> None:
    for seed in range(0, 80, 2):
        found, weights, limits = random_blend(seed)
        large = BlendWeights(
            fairness=weights.fairness * 2**40, robustness=weights.robustness * 2**40, revenue=weights.revenue * 2**40
        )
        assert (solved(found, weights, limits)[1] == solved(found, large, limits)[1]).all()


def test_more_weight_on_an_aim_never_harms_it() -> None:
    for seed in range(60):
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


def test_one_model_is_compiled_once_for_one_set_of_weights_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    found, limits = three(shock=Normal(0.1), retention=Power(0.5, 3)), {"x": "9"}
    compiled, construct = [], cp.Problem._construct_chain

    def counted(self: cp.Problem, *arguments: object, **named: object) -> object:
        compiled.append(self)
        return construct(self, *arguments, **named)

    monkeypatch.setattr(cp.Problem, "_construct_chain", counted)
    model, sets = BlendModel(found, limits), [EVEN, replace(EVEN, robustness=3.0), replace(EVEN, fairness=1e-3)]
    answers = [model.solve(weights) for weights in sets]
    assert len(compiled) == 1
    for weights, answer in zip(sets, answers, strict=True):
        assert answer.libraries == ("cvxpy", "clarabel")
        assert (answer.seized_units == blend(found, Blend(weights=weights, group_limits=limits)).seized_units).all()
    assert len(compiled) == 4


def test_a_solver_that_fails_is_told_and_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found, parameters = three(), Blend(group_limits={"x": "9"})
    wanted = blend(found, parameters).seized_units

    def fail(*_: object) -> None:
        raise SolverFailed("Clarabel ended with status unknown")

    monkeypatch.setattr(backend.GroupModel, "binding", fail)
    allocation = blend(found, parameters)
    assert (allocation.seized_units == wanted).all()
    assert "did not finish" in allocation.notes[0]


def test_a_wrong_word_of_the_solver_on_who_binds_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(1, 80, 2):
        found, weights, limits = random_blend(seed)
        found, seized, _ = solved(found, weights, limits)
        for word in (False, True):
            with monkeypatch.context() as patch:
                patch.setattr(
                    backend.GroupModel, "binding", lambda _, __, ___, most, word=word: np.full(len(most), word)
                )
                assert (solved(found, weights, limits)[1] == seized).all(), seed


ACCOUNT = st.tuples(
    st.integers(1, 12) | st.sampled_from([UNIT, 2 * UNIT]) | st.integers(1, 10**15),  # endowment in units
    st.sampled_from([0, 0.1, 1 / 3, 0.5, 1]),  # cap
    st.sampled_from([0, 1, 1e-9, 3.5, 1e9]),  # notional over endowment
    st.sampled_from([0, 0.01, 1, 1, 1e7]),  # fees
    st.sampled_from(["x", "x", "y", None]),
)
WEIGHT = st.sampled_from([0.0, 1.0, 1e-12, 0.3, 1e6])


@settings(deadline=None, derandomize=True, max_examples=150, database=None)
@given(
    st.lists(ACCOUNT, min_size=1, max_size=8),
    st.tuples(WEIGHT, WEIGHT, WEIGHT).filter(any),
    st.sampled_from([Linear(1), Linear(0.3), Power(1, 2), Power(0.5, 1.01), Power(1, 9)]),
    st.sampled_from([Normal(0.2), TwoPoint(0.5)]),
    st.fractions(0, 1, max_denominator=50),
    st.fractions(0, 1, max_denominator=7),
)
def test_any_book_gets_a_proven_optimum_within_its_limits(
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
