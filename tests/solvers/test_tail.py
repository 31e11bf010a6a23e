"""The tail of a law: CVaR as an expected loss."""

from dataclasses import replace
from math import fsum

import numpy as np
import pytest

from solvers.diagnostics.robustness import LEVEL, MODELS, robustness
from solvers.errors import ProblemError
from solvers.robustness.expected_deficit import certify, minimise
from solvers.robustness.exposures import Positions
from solvers.robustness.laws import Normal, Parametric, StudentT, TwoPoint
from solvers.robustness.tail import Tail
from tests.problems import book, problem, random_problem, some

LAWS: list[Parametric] = [Normal(0.1), StudentT(3, 0.05), StudentT(1.5, 0.02), TwoPoint(0.3)]


@pytest.mark.parametrize("law", LAWS, ids=str)
@pytest.mark.parametrize("level", [0, 0.3, 0.5, 0.95, 0.999])
def test_it_is_convex_and_falls_by_its_tail(law: Parametric, level: float) -> None:
    tail = Tail(law, level)
    u = np.linspace(-1, 3, 4001)
    losses, slopes = tail.expected_loss(u), -tail.tail(u)
    assert (np.diff(slopes) >= -1e-15).all()
    assert (np.diff(losses) >= slopes[:-1] * np.diff(u) - 1e-13).all()
    assert (np.diff(losses) <= slopes[1:] * np.diff(u) + 1e-13).all()
    held = losses > 0
    assert tail.log_expected_loss(u)[held] == pytest.approx(np.log(losses[held]), abs=1e-12)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_summed_over_a_book_it_is_the_cvar_of_the_sum(law: Parametric) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        made = replace(random_problem(rng, 15), shock=law)
        told = robustness(made, np.zeros(15, np.int64))
        assert told is not None
        positions = Positions.of(made)
        losses = positions.losses(Tail(law, LEVEL), "deleverage", np.zeros(len(positions.rows)))
        assert fsum(losses.tolist()) == pytest.approx(told.cvar_before, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("law", [Normal(0.1), StudentT(3, 0.05)], ids=str)
def test_it_is_the_mean_of_the_worst_outcomes(law: Normal | StudentT) -> None:
    moves = np.array([law.ppf(0.05 * (place + 0.5) / 5000) for place in range(5000)])
    for u in (0.0, 0.05, 0.2):
        simulated = np.maximum(-u - moves, 0).mean()
        assert Tail(law, 0.95).expected_loss(np.array([u]))[0] == pytest.approx(simulated, rel=0.03)


@pytest.mark.parametrize("law", LAWS, ids=str)
@pytest.mark.parametrize("model", ["deleverage", "cash", "both"])
@pytest.mark.parametrize("count", some((2, 10), 1))
def test_cvar_of_a_law_is_minimised_to_a_certificate(law: Parametric, model: str, count: int) -> None:
    rng = np.random.default_rng(2)
    for _ in range(count):
        made = replace(random_problem(rng, 12), shock=law)
        for level in (0.2, 0.95):
            tail = Tail(law, level)
            allocation = minimise(made, tail, model)  # type: ignore[arg-type]
            assert certify(made, allocation, tail, model).relative_gap <= 1e-9  # type: ignore[arg-type]


def test_below_its_margin_accounts_are_all_alike_and_give_the_same_fraction() -> None:
    """Equity 1 on positions of 40 and 20: both under water in the whole tail of sigma 0.1, at any haircut."""
    made = replace(problem(book([0, 0], [1, 1], notional=[40, 20]), 1), shock=Normal(0.1))
    assert minimise(made, Tail(Normal(0.1), 0.95), "cash").seized_units.tolist() == [500_000, 500_000]


def test_refuses_a_level_outside_of_zero_and_one() -> None:
    for level in (-0.1, 1.0):
        with pytest.raises(ProblemError, match="level"):
            Tail(Normal(0.1), level)


@pytest.mark.parametrize("law", some([Normal(0.1), StudentT(1.0001, 1.0), StudentT(3, 0.05)], 2), ids=str)
@pytest.mark.parametrize("level", some([1e-17, 0, 1e-320, 1e-200, 1e-9], 1))
def test_the_worst_of_all_cases_is_all_of_them(law: Parametric, level: float) -> None:
    """1 - 1e-17 is 1 in doubles; the quantile of 1e-17 is a gain, by which nobody fails."""
    made = replace(random_problem(np.random.default_rng(1), 15), shock=law)
    for model in MODELS:
        told = robustness(made, minimise(made, Tail(law, level), model).seized_units, model, level)
        assert told is not None
        assert told.var_after == 0
        assert told.cvar_after == pytest.approx(told.expected_deficit_after, rel=1e-8)


def test_the_margin_has_the_digits_of_levels_near_nothing() -> None:
    tail = Tail(Normal(0.1), 1e-17)
    assert tail.margin == pytest.approx(0.1 * -8.493793224109599, rel=1e-12)
