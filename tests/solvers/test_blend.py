"""Blends by hand: weights and limits on groups, what is refused, and books made to break them."""

from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest

from solvers.backends import blend as backend
from solvers.blend import Blend, BlendModel, BlendWeights, blend, certify_blend
from solvers.errors import InfeasibleBudget, ProblemError, SolverFailed
from solvers.revenue.retention import Exponential, Linear, Power
from solvers.robustness.laws import Normal, TwoPoint
from solvers.robustness.losses import expected_losses
from tests.blends import EVEN, FAIR, REVENUE, ROBUST, random_blend, solved, three, with_aims
from tests.problems import UNIT, book, permuted, problem, some


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
        (Blend(group_limits={"nobody": 1}), "group_limits", "'nobody': no account is in this group", {}),
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
    with pytest.raises(ProblemError, match="'x': no account is in this group"):
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
@pytest.mark.parametrize("retention", some([Linear(0.5), Power(0.5, 2), Power(0.5, 1.3), Power(0.5, 6)], 2))
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


@pytest.mark.parametrize("start", some(range(0, 120, 30), 1))
def test_the_order_of_rows_changes_nobodys_amount(start: int) -> None:
    for seed in range(start, start + 30, 3):
        found, weights, limits = random_blend(seed)
        order = np.random.default_rng(seed).permutation(len(found.book))
        found, seized, h = solved(found, weights, limits)
        mixed, mixed_seized, mixed_h = solved(permuted(found, order), weights, limits)
        assert (mixed_seized == seized[order]).all(), seed
        parameters = Blend(weights=weights, group_limits=limits)
        proofs = [certify_blend(one, blend(one, parameters), parameters) for one in (found, mixed)]
        assert proofs[0] == proofs[1]
        assert sorted(h.tolist()) == sorted(mixed_h.tolist())


def test_only_the_proportions_of_weights_matter() -> None:
    for seed in range(0, 80, 2):
        found, weights, limits = random_blend(seed)
        large = BlendWeights(
            fairness=weights.fairness * 2**40, robustness=weights.robustness * 2**40, revenue=weights.revenue * 2**40
        )
        assert (solved(found, weights, limits)[1] == solved(found, large, limits)[1]).all()


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


@pytest.mark.parametrize("start", some(range(1, 80, 20), 1))
def test_a_wrong_word_of_the_solver_on_who_binds_is_found_out(monkeypatch: pytest.MonkeyPatch, start: int) -> None:
    for seed in range(start, start + 20, 2):
        found, weights, limits = random_blend(seed)
        found, seized, _ = solved(found, weights, limits)
        for word in (False, True):
            with monkeypatch.context() as patch:
                patch.setattr(
                    backend.GroupModel, "binding", lambda _, __, ___, most, word=word: np.full(len(most), word)
                )
                assert (solved(found, weights, limits)[1] == seized).all(), seed
