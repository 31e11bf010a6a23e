"""Robustness of an allocation under the three exposure models, against sums and integrals of one account at a time."""

from dataclasses import asdict, replace
from itertools import pairwise
from math import fsum, inf
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from solvers.diagnostics.robustness import MODELS, ModelLoss, Robustness
from solvers.money import Int64
from solvers.pro_rata import CappedProRata, capped_pro_rata
from solvers.problem import HaircutProblem, Shortfall
from solvers.queue import Queue, queue
from solvers.robustness.expected_deficit import ExpectedDeficit, expected_deficit
from solvers.robustness.laws import Normal, Scenarios, Shock, StudentT, TwoPoint
from solvers.robustness.losses import ExposureModel
from solvers.robustness.pieces import totals_after
from solvers.weighted import Rap, rap
from tests.problems import UNIT, book, permuted, random_problem, some
from tests.solvers.risky import LEVERED, MOVES, PARAMETRIC, found, losses_after, shocked, with_exposure

SHOCKS: list[Shock] = [*PARAMETRIC, Scenarios(MOVES), Scenarios(MOVES, np.array([1.0, 0, 3, 2, 0.5]))]


def under(answer: Robustness, model: ExposureModel) -> ModelLoss:
    return next(loss for loss in answer.models if loss.exposure_model == model)


def loss_of(equity: float, size: float, endowment: float, h: float, move: float, model: ExposureModel) -> float:
    """What one account loses when the factor moves by `move`, from its balance after the haircut (MODEL 3)."""
    if model == "deleverage":
        return (1 - h) * max(-equity - size * move, 0.0)
    kept = size if model == "cash" else (1 - h) * size
    return max(-(equity - h * endowment) - kept * move, 0.0)


def total_loss(problem: HaircutProblem, seized: Int64, move: Any, model: ExposureModel) -> float:
    """Of the whole book, for a move of one factor or, with exposures, of several."""
    found = problem.book
    notional = found.column("notional").floats.tolist()
    rows = zip(found.equity_units.tolist(), problem.endowment_units.tolist(), seized.tolist(), strict=True)
    losses = []
    for i, (e, w, x) in enumerate(rows):
        gain = notional[i] * move if found.exposure is None else float(found.exposure[i] @ move)
        if e > 0 and (notional[i] if found.exposure is None else found.exposure[i].any()):
            losses.append(loss_of(e / UNIT, gain, w / UNIT, x / w if w else 0.0, 1.0, model))
    return fsum(losses)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("level", some([0.95, 0.3, 0.999], 1))
@pytest.mark.parametrize(
    ("law", "standard", "unit"),
    [(Normal(0.1), stats.norm, 0.1), (StudentT(3, 0.05), stats.t(3), 0.05)],
    ids=["normal", "student-t"],
)
def test_mean_var_and_cvar_are_those_of_the_total_loss_by_numerical_integration(
    law: Shock, standard: Any, unit: float, level: float, model: ExposureModel
) -> None:
    problem = HaircutProblem(LEVERED, Shortfall(deficit_units=7 * UNIT), shock=law)
    seized = rap(problem, Rap()).seized_units
    answer = found(problem, seized, model, level)
    q = unit * float(standard.ppf(1 - level))
    # Where an account's loss begins, before and after: the integrand has a corner there.
    w = np.maximum(problem.endowment_units, 1)
    h, e, n = seized / w, LEVERED.equity_units / UNIT, LEVERED.column("notional").floats
    left = {"deleverage": n, "cash": n, "both": (1 - h) * n}[model]
    after = e if model == "deleverage" else e - seized / UNIT
    held = left > 0
    corners = sorted({*(-after[held] / left[held]).tolist(), q})

    def mean_below(top: float) -> float:
        ends = [-inf, *(c for c in corners if c < top), top]
        return fsum(
            quad(lambda z: total_loss(problem, seized, z, model) * standard.pdf(z / unit) / unit, *piece, epsrel=1e-11)[
                0
            ]
            for piece in pairwise(ends)
        )

    assert answer.expected_deficit_after == pytest.approx(mean_below(max(*corners, 0.0)), rel=1e-8)
    assert answer.var_after == pytest.approx(total_loss(problem, seized, q, model), rel=1e-12)
    assert answer.cvar_after == pytest.approx(mean_below(q) / (1 - level), rel=1e-8)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", some(6, 2))
def test_in_scenarios_they_are_those_of_the_total_losses_one_account_at_a_time(seed: int, model: ExposureModel) -> None:
    rng = np.random.default_rng(seed)
    law = Scenarios(rng.standard_t(3, (20, 2)) * 0.2, rng.random(20))
    problem = shocked(random_problem(rng, 30), law, seed)
    seized = queue(problem, Queue()).seized_units
    losses = np.array([total_loss(problem, seized, move, model) for move in law.moves])
    h = seized / np.maximum(problem.endowment_units, 1)
    assert totals_after(problem, model, h) == pytest.approx(losses, rel=1e-12, abs=1e-9)
    answer = found(problem, seized, model, 0.8)
    mean = fsum((law.probabilities * losses).tolist())
    assert answer.expected_deficit_after == pytest.approx(mean, rel=1e-12)
    assert fsum(losses_after(problem, model, h).tolist()) == pytest.approx(mean, rel=1e-12)
    excess = [z + fsum((law.probabilities * np.maximum(losses - z, 0)).tolist()) / (1 - 0.8) for z in losses]
    assert answer.cvar_after == pytest.approx(min(excess), rel=1e-12)
    ordered = np.argsort(losses)
    reached = np.cumsum(law.probabilities[ordered]) >= 0.8
    assert answer.var_after == pytest.approx(losses[ordered[reached]][0], rel=1e-12)


@pytest.mark.parametrize("shock", SHOCKS, ids=lambda shock: type(shock).__name__)
@pytest.mark.parametrize("seed", some(4, 1))
def test_the_table_of_models_is_the_same_whichever_is_named_and_for_any_order_of_accounts(
    shock: Shock, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    problem = shocked(random_problem(rng, 120), shock, seed)
    order = rng.permutation(120)
    there = permuted(problem, order)
    for allocation in (capped_pro_rata(problem, CappedProRata()), queue(problem, Queue()), rap(problem, Rap())):
        seized = allocation.seized_units
        plain = found(problem, seized)
        assert [loss.exposure_model for loss in plain.models] == list(MODELS)
        for model in MODELS:
            answer = found(problem, seized, model)
            assert answer.exposure_model == model
            assert answer.models == plain.models
            named = under(answer, model)
            assert (answer.expected_deficit_after, answer.cvar_after) == (
                named.expected_deficit_after,
                named.cvar_after,
            )
            assert (answer.cvar_before, answer.var_before) == (plain.cvar_before, plain.var_before)
            assert all(0 <= value < inf for value in _floats(asdict(replace(answer, expected_deficit_regret=None))))
            again = found(there, seized[order], model)
            assert replace(again, expected_deficit_regret=None) == replace(answer, expected_deficit_regret=None)
            assert again.expected_deficit_regret == pytest.approx(
                answer.expected_deficit_regret, abs=1e-9 * max(answer.expected_deficit_after, 1)
            )


def _floats(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [each for part in value.values() for each in _floats(part)]
    if isinstance(value, tuple | list):
        return [each for part in value for each in _floats(part)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize("shock", SHOCKS, ids=lambda shock: type(shock).__name__)
def test_money_alone_never_helps_and_closing_as_well_is_never_worse(shock: Shock) -> None:
    """Cash at or above 0: taking money adds to a loss, and `both` loses at most (1 - h) of what there was to lose."""
    problem = shocked(random_problem(np.random.default_rng(9), 200), shock)
    rich = replace(problem.book, cash_units=np.maximum(problem.book.cash_units, 0))
    problem = replace(problem, book=rich)
    answer = found(problem, capped_pro_rata(problem, CappedProRata()).seized_units)
    deleverage, cash, both = (under(answer, model) for model in MODELS)
    slack = 1 + 1e-12
    assert answer.expected_deficit_before <= cash.expected_deficit_after * slack
    assert answer.cvar_before <= cash.cvar_after * slack
    assert both.expected_deficit_after <= deleverage.expected_deficit_after * slack
    assert deleverage.expected_deficit_after <= answer.expected_deficit_before * slack


def test_two_scenarios_are_the_two_point_law_under_every_model_and_level() -> None:
    problem = random_problem(np.random.default_rng(2), 30)
    seized = capped_pro_rata(problem, CappedProRata()).seized_units
    notional = problem.book.column("notional").floats[:, None]
    by_law = replace(problem, shock=TwoPoint(0.25))
    scenarios = Scenarios(np.array([[-0.25], [0.25]]))
    in_scenarios = replace(problem, book=replace(problem.book, exposure=notional), shock=scenarios)
    for level in (0.1, 0.5, 0.6, 0.99):
        one, other = (found(each, seized, "cash", level) for each in (by_law, in_scenarios))
        assert (one.models, one.var_after, one.cvar_before) == (other.models, other.var_after, other.cvar_before)


# Regret -------------------------------------------------------------------------------------------


def test_the_regret_of_the_rule_that_the_paper_calls_optimal_is_what_the_model_says() -> None:
    """MODEL 3: w = e = 1, leverage 5 and 10, sigma 0.1, B = 1: 0.00808 where 0.00425 can be reached."""
    accounts = book([0, 0], [1, 1], notional=[5, 10])
    problem = HaircutProblem(accounts, Shortfall(deficit_units=UNIT), shock=Normal(0.1))
    answer = found(problem, rap(problem, Rap(risk="optimal")).seized_units)
    assert answer.expected_deficit_regret == pytest.approx(0.00808 - 0.00425, abs=1e-5)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("shock", [Normal(0.1), TwoPoint(0.3), Scenarios(MOVES)], ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("seed", some(4, 1))
def test_no_policy_has_a_negative_regret_and_the_optimum_has_none(
    shock: Shock, model: ExposureModel, seed: int
) -> None:
    problem = shocked(random_problem(np.random.default_rng(seed), 40), shock, seed)
    best = expected_deficit(problem, ExpectedDeficit(exposure_model=model))
    policies = (
        best,
        capped_pro_rata(problem, CappedProRata()),
        queue(problem, Queue()),
        rap(problem, Rap()),
        rap(problem, Rap(risk="optimal")),
    )
    for allocation in policies:
        answer = found(problem, allocation.seized_units, model)
        assert answer.expected_deficit_regret is not None
        # Rounding moves every account by less than a unit, and its position by as much of it.
        w, n = problem.endowment[problem.winners], problem.book.column("notional").floats[problem.winners]
        rounding = 1e-9 * answer.expected_deficit_after + fsum((1 / UNIT + n / w).tolist())
        assert answer.expected_deficit_regret >= -rounding
        if allocation is best:
            assert answer.expected_deficit_regret <= rounding


def test_the_regret_is_against_the_same_total_and_none_where_that_is_not_to_be_had() -> None:
    accounts = with_exposure(book([1, 1, -9], [4, 2, 1], notional=[30, 40, 0]), [[30], [-40], [0]])
    problem = HaircutProblem(accounts, Shortfall(deficit_units=3 * UNIT), shock=Scenarios(np.array([[-0.5], [0.4]])))
    assert found(problem, np.array([0, UNIT, 0])).expected_deficit_regret == pytest.approx(0, abs=1e-9)
    assert found(problem, np.array([UNIT, 0, 0])).expected_deficit_regret == pytest.approx(
        (13 / 2) / 2 - 10 / 2 / 4, abs=1e-9
    )
    for beyond in ([4 * UNIT, 2 * UNIT + 1, 0], [4 * UNIT + 1, 0, 0], [-1, 0, 0], [0, 0, 1]):
        assert found(problem, np.array(beyond)).expected_deficit_regret is None
