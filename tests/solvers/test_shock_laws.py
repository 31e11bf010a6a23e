"""The laws of the next shock, against integrals, series, simulation and closed forms they do not use."""

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from math import exp, expm1, inf, log, log1p, nan, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from solvers.errors import ProblemError
from solvers.money import Float64
from solvers.robustness import laws
from solvers.robustness.laws import FAR, Law, Normal, Scenarios, StudentT, TwoPoint
from tests.problems import some
from tests.processes import ROOT

CONTINUOUS: list[Normal | StudentT] = [
    Normal(0.1),
    Normal(0.003),
    Normal(2.0),
    StudentT(1.05, 0.1),
    StudentT(1.5, 0.02),
    StudentT(2.5, 0.05),
    StudentT(3.0, 0.1),
    StudentT(30.0, 1.0),
    StudentT(199.0, 0.1),
    StudentT(201.0, 0.1),
    StudentT(1e4, 0.3),
    StudentT(1e6, 0.1),
]
LAWS: list[Law] = [*CONTINUOUS, TwoPoint(0.2)]

every_law = pytest.mark.parametrize("law", LAWS, ids=str)
every_continuous_law = pytest.mark.parametrize("law", CONTINUOUS, ids=str)
few_or_all = pytest.mark.parametrize("examples", some((25, 100), 1))
margins = st.floats(-1e3, 1e3)


def one(function: Callable[[Float64], Float64], u: float) -> float:
    return float(function(np.array([u]))[0])


def close(value: float, rel: float) -> object:
    """Relative only: pytest's own default also accepts everything within 1e-12, which is most of a tail."""
    return pytest.approx(value, rel=rel, abs=0)


def unit(law: Normal | StudentT) -> float:
    return law.sigma if isinstance(law, Normal) else law.scale


def log_shape(law: Normal | StudentT, t: float) -> float:
    """log(f(t) / f(0)) of the standard density."""
    if isinstance(law, Normal):
        return -t * t / 2
    return -(law.df + 1) / 2 * (log1p(t * t / law.df) if t < 1e150 else 2 * log(t) - log(law.df))


def integral(law: Normal | StudentT, z: float, power: int) -> float:
    """Integral over t > z >= 0 of (t - z)^power f(t) / f(z), by quadrature in log(1 + y (1 + z)), y = t - z.

    It decays in that variable like exp(-(df - power) x), and for the normal law faster.
    """
    degree = 40.0 if isinstance(law, Normal) else law.df - power
    width, top = 1 / (1 + z), min(40 / degree + 8, 700.0)

    def integrand(x: float) -> float:
        y = width * expm1(x)
        return width * exp(x + power * log(y) + log_shape(law, z + y) - log_shape(law, z))

    return sum(quad(integrand, a, a + top / 8, epsabs=0, epsrel=1e-13, limit=200)[0] for a in np.arange(8) * top / 8)


def integrated(law: Normal | StudentT, z: float) -> tuple[float, float]:
    """psi / unit and P(Z < -u) at u = z unit, with the density's own integral as its constant: no gamma function."""
    at_z = exp(log_shape(law, z)) / (2 * integral(law, 0.0, 0))
    return at_z * integral(law, z, 1), at_z * integral(law, z, 0)


@every_continuous_law
def test_expected_loss_and_tail_are_the_integrals_of_the_density(law: Normal | StudentT) -> None:
    for z in (0.0, 1e-6, 0.3, 1.0, 2.5, 4.0, 4.999, 5.0, 5.001, 6.5, 9.0, 14.0, 25.0, 36.0):
        loss, tail = integrated(law, z)
        u = z * unit(law)
        assert one(law.expected_loss, u) == close(unit(law) * loss, 1e-12)
        assert one(law.log_expected_loss, u) == pytest.approx(log(unit(law) * loss), rel=1e-12, abs=1e-12)
        assert one(law.expected_loss, -u) == close(unit(law) * loss + u, 1e-12)
        assert one(law.tail, u) == close(tail, 1e-12)
        assert one(law.tail, -u) == close(1 - tail, 1e-12)


@every_continuous_law
def test_definition_and_continued_fraction_meet(law: Normal | StudentT) -> None:
    below, above = law.expected_loss(unit(law) * FAR * np.array([1 - 1e-15, 1 + 1e-15])).tolist()
    assert below == close(above, 2e-13)


def test_two_degrees_of_freedom_have_an_elementary_expected_loss() -> None:
    """df = 2: F(-z) = (1 - z / sqrt(2 + z^2)) / 2, and its integral from z on is 1 / (sqrt(2 + z^2) + z)."""
    z = np.concatenate([np.linspace(0, 20, 401), np.logspace(1, 150, 200)])
    wanted = 1 / (np.hypot(sqrt(2), z) + z)
    np.testing.assert_allclose(StudentT(2.0, 0.25).expected_loss(z / 4), 0.25 * wanted, rtol=1e-13)
    np.testing.assert_allclose(StudentT(2.0, 1.0).log_expected_loss(z), np.log(wanted), rtol=1e-14, atol=1e-13)


def normal_series(z: float) -> float:
    """log psi at z >= 15 for sigma = 1: psi / pdf = 1/z^2 - 3/z^4 + 15/z^6 - ..., far before it diverges."""
    term, terms = 1.0, []
    for k in range(1, 40):
        terms.append(term)
        term *= -(2 * k + 1) / z / z
    return -z * z / 2 - log(2 * pi) / 2 - 2 * log(z) + log(sum(terms))


def test_the_normal_law_keeps_twelve_digits_until_underflow_and_its_logarithm_ever_after() -> None:
    for z in np.linspace(15, 37.3, 100).tolist():
        assert one(Normal(1.0).expected_loss, z) == close(exp(normal_series(z)), 1e-12)
    z = np.logspace(log(15) / log(10), 153, 300)
    wanted = [normal_series(value) for value in z.tolist()]
    np.testing.assert_allclose(Normal(1.0).log_expected_loss(z), wanted, rtol=1e-14)
    assert Normal(1.0).expected_loss(np.array([37.5]))[0] > 0


@every_continuous_law
def test_the_logarithm_ranks_margins_whose_expected_loss_underflows(law: Normal | StudentT) -> None:
    u = unit(law) * np.concatenate([-np.logspace(6, -6, 200), np.logspace(-6, 12, 2_000)])
    loss, logarithm = law.expected_loss(u), law.log_expected_loss(u)
    assert np.isfinite(logarithm).all()
    assert (np.diff(logarithm) <= 0).all()
    assert (np.diff(logarithm)[u[1:] > unit(law)] < 0).all()
    seen = loss > 1e-300
    np.testing.assert_allclose(np.log(loss[seen]), logarithm[seen], rtol=1e-14, atol=1e-12)


@pytest.mark.parametrize("law", [Normal(0.1), StudentT(3.0, 0.05), StudentT(5.0, 0.1), StudentT(30.0, 0.1)], ids=str)
def test_expected_loss_and_tail_agree_with_simulation(law: Normal | StudentT) -> None:
    rng, count = np.random.default_rng(20251010), 200_000
    z = rng.standard_normal(count) if isinstance(law, Normal) else rng.standard_t(law.df, count)
    for u in (-0.15, -0.02, 0.0, 0.03, 0.1, 0.2):
        losses = np.maximum(-u - unit(law) * z, 0)
        assert abs(one(law.expected_loss, u) - losses.mean()) < 3 * losses.std() / sqrt(count)
        tail = one(law.tail, u)
        assert abs(tail - (losses > 0).mean()) < 3 * sqrt(tail * (1 - tail) / count)


@every_continuous_law
def test_tail_is_the_slope_of_the_expected_loss(law: Normal | StudentT) -> None:
    z = np.concatenate([-np.logspace(1.5, -2, 40), np.logspace(-2, 1.5, 80)])
    step = 1e-4 / (1 + np.abs(z))
    high, low = ((z + sign * step) * unit(law) for sign in (1, -1))
    slope = (law.expected_loss(low) - law.expected_loss(high)) / (high - low)
    np.testing.assert_allclose(slope, law.tail(z * unit(law)), rtol=3e-7)


@every_law
@few_or_all
def test_short_of_margin_the_loss_is_the_shortage_and_the_loss_with_as_much_to_spare(law: Law, examples: int) -> None:
    @settings(max_examples=examples)
    @given(u=margins)
    def holds(u: float) -> None:
        spare = abs(u)
        assert one(law.expected_loss, -spare) == close(one(law.expected_loss, spare) + spare, 1e-14)
        kink = isinstance(law, TwoPoint) and spare == law.size
        assert kink or one(law.tail, -spare) == close(1 - one(law.tail, spare), 1e-14)

    holds()


@every_law
@few_or_all
def test_expected_loss_is_convex_decreasing_and_above_the_loss_at_rest(law: Law, examples: int) -> None:
    @settings(max_examples=examples)
    @given(a=margins, b=margins)
    def holds(a: float, b: float) -> None:
        low, high = sorted((a, b))
        first, middle, last = law.expected_loss(np.array([low, (low + high) / 2, high])).tolist()
        assert first * (1 + 1e-12) + 1e-300 >= middle >= last * (1 - 1e-12) - 1e-300
        assert middle <= (first + last) / 2 * (1 + 1e-12) + 1e-300
        assert first >= max(-low, 0)
        assert 0 <= one(law.tail, high) <= one(law.tail, low) <= 1

    holds()


@given(u=st.floats(-3, 3), k=st.integers(-20, 20))
def test_margins_and_moves_scale_together(u: float, k: int) -> None:
    s = 2.0**k
    for law, scaled in (
        (Normal(0.1), Normal(0.1 * s)),
        (StudentT(3.0, 0.1), StudentT(3.0, 0.1 * s)),
        (TwoPoint(0.1), TwoPoint(0.1 * s)),
    ):
        assert one(scaled.expected_loss, u * s) == s * one(law.expected_loss, u)
        assert one(scaled.tail, u * s) == one(law.tail, u)


def test_limits() -> None:
    assert one(Normal(0.1).expected_loss, 0.0) == close(0.1 / sqrt(2 * pi), 1e-15)
    u = np.linspace(-1, 3, 101)
    np.testing.assert_allclose(StudentT(1e12, 0.1).expected_loss(u), Normal(0.1).expected_loss(u), rtol=1e-6)
    for law in LAWS:
        edges = np.array([-inf, -1.7e308, -1e30, 1e30, 1.7e308, inf])
        loss, logarithm, tail = law.expected_loss(edges), law.log_expected_loss(edges), law.tail(edges)
        assert loss[:3].tolist() == [inf, 1.7e308, 1e30]
        assert (loss[3], logarithm[5]) == (pytest.approx(0, abs=0.9), -inf)
        assert loss[4] <= loss[3]
        assert tail[[0, 1, 5]].tolist() == [1, 1, 0]
        assert not np.isnan([loss, logarithm, tail]).any()
        assert law.expected_loss(np.empty(0)).shape == (0,)
        assert law.expected_loss(np.ones((2, 3))).shape == (2, 3)


def test_an_account_does_not_see_its_neighbours() -> None:
    u = np.random.default_rng(5).uniform(-1, 2, 1_001)
    order = np.random.default_rng(6).permutation(len(u))
    for law in LAWS:
        for function in (law.expected_loss, law.log_expected_loss, law.tail):
            assert (function(u)[order] == function(u[order])).all()


@every_continuous_law
def test_quantiles_invert_the_tail(law: Normal | StudentT) -> None:
    for p in (1e-100, 1e-20, 1e-9, 0.001, 0.05, 0.25, 0.4999):
        u = -law.ppf(p)
        assert one(law.tail, u) == close(p, 1e-12)
        assert p < 1e-9 or law.ppf(1 - p) == close(u, 1e-6)
    assert (law.ppf(0.0), law.ppf(0.5), law.ppf(1.0)) == (-inf, 0, inf)


def test_two_points_by_hand() -> None:
    law, u = TwoPoint(0.2), np.array([-1.0, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3])
    np.testing.assert_allclose(law.expected_loss(u), [1.0, 0.2, 0.15, 0.1, 0.05, 0.0, 0.0], rtol=1e-15)
    assert law.tail(u).tolist() == [1.0, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0]
    assert law.log_expected_loss(u)[[0, 5, 6]].tolist() == [0.0, -inf, -inf]
    assert [law.ppf(p) for p in (0.0, 0.05, 0.5, 0.51, 1.0)] == [-0.2, -0.2, -0.2, 0.2, 0.2]


def total_losses(law: Scenarios, equity: Float64, exposure: Float64) -> Float64:
    """S dollars, the venue's loss in each scenario."""
    totals = np.zeros(len(law.moves))
    for _, margins in law.margins(equity, exposure):
        totals += np.maximum(margins, 0, out=margins).sum(axis=0)
    return totals


def test_scenarios_by_hand() -> None:
    """A crash of 10 % and a rally of 5 %: the long loses in the first, the short in the second, the hedged never."""
    law = Scenarios(np.array([[-0.10, -0.2], [0.05, 0.1]]), np.array([1.0, 3.0]))
    equity = np.array([4.0, 4.0, 1.0])
    exposure = np.array([[100.0, 0.0], [-100.0, 0.0], [100.0, -50.0]])
    np.testing.assert_allclose(law.expected_shortfall(equity, exposure), [6 / 4, 1 * 3 / 4, 0], rtol=1e-14)
    np.testing.assert_allclose(total_losses(law, equity, exposure), [6, 1], rtol=1e-14)
    assert law.probabilities.tolist() == [0.25, 0.75]
    assert Scenarios(law.moves).probabilities.tolist() == [0.5, 0.5]
    assert Scenarios(law.moves, np.array([1.5e308, 1.5e308])).probabilities.tolist() == [0.5, 0.5]


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(-100, 100)), max_size=20), st.floats(0.01, 2))
def test_scenarios_that_are_two_points_are_the_two_point_law(rows: list[tuple[float, float]], size: float) -> None:
    equity, exposure = np.array(rows).reshape(-1, 2).T
    rest = np.maximum(np.abs(exposure), 1e-9)
    wanted = rest * TwoPoint(size).expected_loss(equity / rest)
    found = Scenarios(np.array([[-size], [size]])).expected_shortfall(equity, exposure[:, None])
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("equity", [0.3, 0.7, 1.1, 1e9 / 3])
def test_equity_that_a_move_consumes_exactly_is_no_loss_whatever_the_last_digits(equity: float) -> None:
    """n = 10 e and a move of 10 %, where -e + 0.1 n may round to either side of nothing."""
    law, exposure = Scenarios(np.array([[-0.1]])), np.array([[equity * 10], [equity * 10 * (1 + 1e-12)]])
    (_, margins), *_ = law.margins(np.array([equity, equity]), exposure)
    assert margins[0, 0] == 0 < margins[1, 0]
    assert TwoPoint(0.1).expected_loss(np.array([equity / (equity * 10)]))[0] == 0


def test_many_scenarios_of_a_normal_move_approach_the_normal_law() -> None:
    moves = 0.1 * np.random.default_rng(8).standard_normal((100_000, 1))
    u = np.array([-0.1, 0.0, 0.1, 0.2])
    found = Scenarios(moves).expected_shortfall(u, np.ones((4, 1)))
    np.testing.assert_allclose(found, Normal(0.1).expected_loss(u), rtol=0.02)


@pytest.mark.parametrize(("accounts", "scenarios", "factors"), [(257, 40, 3), (5, 700, 1), (1, 1, 1), (0, 9, 2)])
def test_blocks_of_any_size_give_the_same_losses(
    monkeypatch: pytest.MonkeyPatch, accounts: int, scenarios: int, factors: int
) -> None:
    rng = np.random.default_rng(9)
    law = Scenarios(rng.normal(size=(scenarios, factors)), rng.random(scenarios))
    equity, exposure = rng.exponential(size=accounts), rng.normal(size=(accounts, factors))
    losses = np.maximum(-equity[:, None] - exposure @ law.moves.T, 0)
    order, whole = rng.permutation(accounts), law.expected_shortfall(equity, exposure)
    for block in (1, 64, 1_000, 10**6):
        monkeypatch.setattr(laws, "BLOCK", block)
        expected, totals = law.expected_shortfall(equity, exposure), total_losses(law, equity, exposure)
        np.testing.assert_allclose(expected, losses @ law.probabilities, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(totals, losses.sum(axis=0), rtol=1e-12, atol=1e-15)
        assert (expected == whole).all()
        assert (law.expected_shortfall(equity[order], exposure[order]) == whole[order]).all()
        assert totals @ law.probabilities == close(expected.sum(), 1e-12)


def test_an_exchange_of_accounts_and_scenarios_takes_little_memory() -> None:
    rng = np.random.default_rng(10)
    law, equity = Scenarios(rng.normal(size=(1_000, 1))), rng.exponential(size=20_000)
    exposure = rng.normal(size=(20_000, 1))
    tracemalloc.start()
    law.expected_shortfall(equity, exposure)
    total_losses(law, equity, exposure)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * 2**20


MOVES = np.array([[-0.1], [0.02]])


@pytest.mark.parametrize(
    ("make", "field"),
    [
        *[(lambda bad=bad: Normal(bad), "sigma") for bad in (0.0, -0.1, nan, inf)],
        *[(lambda bad=bad: StudentT(bad, 0.1), "df") for bad in (1.0, 0.5, -3.0, nan, inf)],
        *[(lambda bad=bad: StudentT(3.0, bad), "scale") for bad in (0.0, -0.1, nan, inf)],
        *[(lambda bad=bad: TwoPoint(bad), "size") for bad in (0.0, -0.1, nan, inf)],
        *[
            (lambda bad=bad: Scenarios(bad), "moves")
            for bad in (MOVES[0], np.empty((0, 1)), np.empty((2, 0)), np.array([[nan], [0.0]]), np.array([[inf]]))
        ],
        *[
            (lambda bad=bad: Scenarios(MOVES, np.array(bad)), "weights")
            for bad in ([1.0], [1.0] * 3, [[0.5], [0.5]], [1.0, -0.1], [0.0, 0.0], [nan, 1.0], [inf, 1.0])
        ],
        (lambda: Scenarios(MOVES).expected_shortfall(np.ones(3), np.ones((3, 2))), "exposure"),
        (lambda: total_losses(Scenarios(MOVES), np.ones(3), np.ones((2, 1))), "exposure"),
        (lambda: total_losses(Scenarios(MOVES), np.ones(3), np.ones(3)), "exposure"),
    ],
)
def test_what_has_no_meaning_is_refused_by_name(make: Callable[[], object], field: str) -> None:
    with pytest.raises(ProblemError) as refused:
        make()
    assert refused.value.field == field


def test_the_laws_load_scipy_special_only_when_asked() -> None:
    code = "import sys, solvers.robustness.laws; sys.exit('scipy.special' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
