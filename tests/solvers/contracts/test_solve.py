"""A closing end to end: every lot, every unit, every reason."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.contracts.leverage.policy import LeverageDraining
from solvers.contracts.problem import ClosureProblem
from solvers.contracts.registry import CLOSING_POLICIES
from solvers.contracts.solve import ClosureSolution, close, lots_left, smallest_worst_haircut
from solvers.errors import ProblemError, UnclosableMarkets
from solvers.money import Numbers
from solvers.pro_rata import CappedProRata, capped_pro_rata
from solvers.problem import HaircutProblem, Shortfall
from solvers.revenue.retention import Power
from solvers.robustness.laws import Scenarios
from tests.solvers.contracts.markets import NASTY, closing, random_market
from tests.solvers.contracts.shocks import random_moves

PLAIN = replace(NASTY, load=0.1, gap=0.004)


def solved(problem: ClosureProblem, name: str = "lexicographic", **options: object) -> ClosureSolution:
    policy = CLOSING_POLICIES[name]
    parameters, markets = policy.parameters(), len(problem.markets)
    if name == "leverage-draining":
        marks = np.array([float(mark) for mark in problem.markets.marks])
        parameters = LeverageDraining(covariance=np.outer(marks, marks) * (0.005 + 0.01 * np.eye(markets)))
    if name in ("expected-deficit", "cvar"):
        problem = replace(problem, shock=Scenarios(random_moves(markets, 15, markets)))
    if name == "revenue":
        fees = Numbers.parse("fees", [row % 3 for row in range(len(problem.accounts.ids))])
        accounts = replace(problem.accounts, columns={**problem.accounts.columns, "fees": fees})
        problem = replace(problem, accounts=accounts, retention=Power(1, 2))
    return close(problem, policy, parameters, **options)  # type: ignore[arg-type]


@given(
    seed=st.integers(0, 10**6), name=st.sampled_from(sorted(CLOSING_POLICIES)), load=st.sampled_from([0.05, 0.3, 0.9])
)
@settings(max_examples=80, deadline=None, derandomize=True)
def test_lots_costs_and_caps_hold_exactly(seed: int, name: str, load: float) -> None:
    problem = random_market(seed, 20, 5, 3, replace(NASTY, load=load, gap=0.01))
    found = solved(problem, name, partial=True)
    lots, arcs = found.closing.lots, problem.arcs
    assert ((lots >= 0) & (lots <= arcs.lots)).all()
    exact = [Fraction(0)] * len(problem.wealth.book)
    for bearer, demand, closed in zip(arcs.bearer.tolist(), arcs.demand.tolist(), lots.tolist(), strict=True):
        exact[bearer] += problem.gaps[demand] * closed
    assert all(cost <= cap for cost, cap in zip(exact, problem.wealth.cap_units.tolist(), strict=True))
    paid = found.costs.bearer_units.tolist()
    assert all(abs(units - cost) < 1 for units, cost in zip(paid, exact, strict=True))
    assert sum(paid) == sum(found.costs.arc_units.tolist()) == -(-sum(exact).numerator // sum(exact).denominator)
    left = lots_left(problem, lots)
    assert set(found.reasons) == set(np.flatnonzero(left > 0).tolist())
    assert (found.status == "partial") == bool(found.reasons)
    if CLOSING_POLICIES[name].optimality is not None:
        caps = problem.wealth.cap_units.tolist()
        for arc in np.flatnonzero((left[arcs.demand] > 0) & (lots < arcs.lots)).tolist():
            gap = problem.gaps[int(arcs.demand[arc])]
            assert exact[int(arcs.bearer[arc])] + gap > caps[int(arcs.bearer[arc])] or gap == 0
    if not found.reasons and name != "queue":
        assert sum(paid) == problem.wealth.budget_units
        assert not left.any()


@pytest.mark.parametrize("seed", range(25))
def test_one_market_is_capped_pro_rata_to_the_unit(seed: int) -> None:
    """Lots of 1e-8 contracts: far finer than a unit."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    profit, caps = rng.integers(1, 500, n) / 7, np.round(rng.uniform(0.2, 1, n), 3)
    # Every position could bear all of the need, so that nothing but caps and profits decides.
    accounts = {f"a{i}": {"cash": 1, "max_haircut": str(cap)} for i, cap in enumerate(caps.tolist())}
    positions = [(f"a{i}", "BTC", -1000, f"{100 + gain / 1000:.8f}") for i, gain in enumerate(profit.tolist())]
    need = max(float((profit * caps).sum()) * float(rng.uniform(0.1, 0.95)), 0.01)
    problem = closing({"BTC": (100, "1e-8")}, accounts, positions, [("BTC", 10, f"{100 + need / 10:.6f}")])
    wealth = problem.wealth
    same = HaircutProblem(wealth.book, Shortfall(deficit_units=wealth.budget_units))
    wanted = capped_pro_rata(same, CappedProRata()).seized_units
    found = solved(problem)
    assert found.status == "optimal"
    assert np.abs(found.costs.bearer_units - wanted).max() <= 1
    assert int(found.costs.bearer_units.sum()) == wealth.budget_units


@pytest.mark.parametrize("name", ["lexicographic", "min-max"])
@pytest.mark.parametrize("seed", range(10))
def test_the_worst_haircut_is_not_below_its_bound_and_near_it_in_fine_lots(seed: int, name: str) -> None:
    problem = random_market(seed, 200, 4, 2, replace(PLAIN, position=1e6, capped=0, ties=0))
    certificate = solved(problem, name, partial=True).certificate
    assert certificate.worst_haircut is not None
    assert certificate.worst_haircut_bound is not None
    assert certificate.worst_haircut >= certificate.worst_haircut_bound * (1 - 1e-9)
    assert certificate.worst_haircut <= certificate.worst_haircut_bound * 1.02


def test_no_baseline_has_a_smaller_worst_haircut_than_the_fairest_by_more_than_lots_allow() -> None:
    compared = 0
    for seed in range(40):
        problem = random_market(seed, 30, 4, 2, replace(PLAIN, position=1e5))
        try:
            ours = solved(problem).certificate
            theirs = [solved(problem, name).certificate for name in ("contracts-pro-rata", "queue")]
        except UnclosableMarkets:
            continue
        compared += 1
        assert all(one.worst_haircut_bound == pytest.approx(ours.worst_haircut_bound, rel=1e-9) for one in theirs)
        assert min(one.worst_haircut for one in theirs) >= ours.worst_haircut_bound * (1 - 1e-6)  # type: ignore[operator, type-var]
    assert compared >= 10


REASONS = [
    ({"ann": 0}, [("ann", "A", 5, 90)], "no opposite holders"),
    ({"ann": 0}, [("ann", "A", -3, 110)], "no opposite holders"),
    ({"ann": 50}, [("ann", "A", -9, 95)], "only unprofitable holders remain"),
    ({"ann": 0, "bob": 90}, [("ann", "A", -3, 110), ("bob", "A", -9, 95)], "only unprofitable holders remain"),
    ({"ann": {"cash": 0, "max_haircut": "0.01"}}, [("ann", "A", -9, 110)], "caps"),
    ({"ann": {"cash": 0, "max_haircut": 0}}, [("ann", "A", -9, 110)], "caps"),
    ({"ann": {"cash": 0, "min_equity": 90}}, [("ann", "A", -9, 110)], "caps"),
    ({"ann": {"cash": 0, "max_haircut": 0}, "bob": 90}, [("ann", "A", -3, 110), ("bob", "A", -9, 95)], "caps"),
]


@pytest.mark.parametrize(("accounts", "positions", "reason"), REASONS)
def test_what_cannot_be_closed_says_why(
    accounts: dict[str, object], positions: list[tuple[str, str, int, int]], reason: str
) -> None:
    problem = closing({"A": (100, 1)}, accounts, positions, [("A", 5, 102)])
    with pytest.raises(UnclosableMarkets) as refused:
        solved(problem)
    assert refused.value.demands == {0: reason}
    found = solved(problem, partial=True)
    assert (found.status, found.reasons) == ("partial", {0: reason})


@pytest.mark.parametrize("name", ["lexicographic", "min-max", "contracts-pro-rata", "queue"])
@pytest.mark.parametrize(("price", "severity"), [(100, 1), (102, 0)], ids=["no gap", "severity 0"])
def test_where_closing_is_free_only_equity_is_in_the_way(name: str, price: int, severity: int) -> None:
    """ann has 3 contracts and equity; bob has a loss and no equity: his cannot be closed, though it would be free."""
    held = [("ann", "A", -3, 95), ("bob", "A", -9, 95)]
    problem = closing({"A": (100, 1)}, {"ann": 50, "bob": 45}, held, [("A", 5, price)], severity=severity)
    with pytest.raises(UnclosableMarkets) as refused:
        solved(problem, name)
    assert refused.value.demands == {0: "only holders without equity remain"}
    assert (refused.value.budget_units, refused.value.reachable_units) == (0, 0)
    assert "options.on_infeasible = partial" in refused.value.detail
    found = solved(problem, name, partial=True)
    assert (found.reasons, found.closing.lots.tolist()) == ({0: "only holders without equity remain"}, [3])


def test_the_smallest_worst_haircut_is_the_bound_of_the_certificate_and_there_where_all_can_be_closed() -> None:
    seen = {True: 0, False: 0}
    for seed in range(60):
        problem = random_market(seed, 15, 3, 2, replace(NASTY, load=0.3, gap=0.05, position=1e4, free=0.2))
        certificate = solved(problem, "min-max", partial=True).certificate
        least, reasons = smallest_worst_haircut(problem), solved(problem, "min-max", partial=True).reasons
        closable = set(reasons.values()) <= {"whole lots"}
        seen[closable] += 1
        assert (least is not None) == (closable and problem.wealth.winners.size > 0)
        if not reasons:
            assert least == certificate.worst_haircut_bound
    assert min(seen.values()) >= 5


def test_the_largest_severity_sent_back_is_within_reach_and_a_hundredth_more_is_not() -> None:
    sent_back = 0
    for seed in range(60):
        problem = random_market(seed, 15, 3, 2, replace(NASTY, load=0.3, gap=0.2, position=1e4, free=0.2))
        severity = refusal(problem)
        if severity is None:
            continue
        assert severity < problem.wealth.severity
        found = solved(replace(problem, shortfall=Shortfall(severity=severity)))
        assert set(found.reasons.values()) <= {"whole lots"}
        more = min(severity * Fraction(101, 100), Fraction(1))
        if severity:
            sent_back += 1
            assert refusal(replace(problem, shortfall=Shortfall(severity=more))) is not None
    assert sent_back >= 10


def refusal(problem: ClosureProblem) -> Fraction | None:
    """The severity that a refusal names."""
    try:
        solved(problem)
    except UnclosableMarkets as refused:
        return refused.severity
    return None


def test_a_fund_that_covers_all_makes_closing_free() -> None:
    problem = closing(
        {"A": (100, 1)}, {"ann": 0, "bob": 0}, [("ann", "A", -6, 110), ("bob", "A", -3, 110)], [("A", 3, 102)], fund=6
    )
    found = solved(problem)
    assert found.closing.lots.tolist() == [2, 1]
    assert not found.costs.bearer_units.any()
    assert found.status == "optimal"


def test_a_search_in_lots_is_for_policies_that_minimise_something() -> None:
    problem = random_market(1, 10, 2, 2, PLAIN)
    with pytest.raises(ProblemError, match="integer"):
        solved(problem, "queue", integer="exact")
