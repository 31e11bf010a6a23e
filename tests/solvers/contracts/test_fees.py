"""Closing for revenue against generic programs, and its proof."""

from dataclasses import replace
from typing import Any

import cvxpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from solvers.contracts.fees import revenue_optimality, revenue_plan
from solvers.contracts.network import Network
from solvers.contracts.problem import ClosureProblem
from solvers.errors import ProblemError
from solvers.money import Float64, Numbers
from solvers.revenue.retention import Exponential, Linear, Power, Retention
from tests.problems import some
from tests.solvers.contracts.fairest import Bipartite
from tests.solvers.contracts.markets import NASTY, by_name, closing, random_market, shuffled

CURVES: list[Retention] = [Linear(1), Linear(0.3), Power(1, 2), Power(0.5, 1.2), Power(1, 6)]
BOOK = replace(NASTY, load=0.15, gap=0.005)


def paying(seed: int, curve: Retention, accounts: int = 15, *, zero: float = 0.2) -> ClosureProblem:
    """A random book with fees, some of them nothing and some of them equal."""
    problem = random_market(seed, accounts, 4, 2, BOOK)
    rng = np.random.default_rng([7, seed])
    fees = np.where(rng.random(accounts) < zero, 0.0, np.round(rng.lognormal(0, 2, accounts), 1))
    columns = {**problem.accounts.columns, "fees": Numbers.parse("fees", fees.tolist())}
    return replace(problem, accounts=replace(problem.accounts, columns=columns), retention=curve)


def lost(problem: ClosureProblem, paid: Float64) -> float:
    wealth = problem.wealth
    winners = wealth.winners
    fees = problem.accounts.columns["fees"].floats[winners]
    curve: Any = problem.retention
    return float((fees * curve.leaves(paid[winners] / wealth.endowment[winners])).sum())


def fewest_lost(book: Bipartite, fees: Float64, curve: Retention) -> float:
    """The plain program with a variable an arc, by HiGHS (linear) or Clarabel (power)."""
    scale = float(sum(book.need)) / len(book.need)
    most = np.array([[float(one) / scale for one in row] for row in book.most])
    w, cap, need = (np.array([float(one) / scale for one in part]) for part in (book.weight, book.cap, book.need))
    if isinstance(curve, Linear):
        n, m = most.shape
        of_bearer, of_demand = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
        cost = np.repeat(fees * curve.rate / w, m)
        bounds = list(zip(np.zeros(n * m), most.ravel(), strict=True))
        found = linprog(cost, A_ub=of_bearer, b_ub=cap, A_eq=of_demand, b_eq=need, bounds=bounds, method="highs-ds")
        assert found.status == 0
        return float(found.fun)
    assert isinstance(curve, Power)
    y = cvxpy.Variable(most.shape, nonneg=True)
    x = cvxpy.sum(y, axis=1)
    costly = np.flatnonzero(fees)
    haircut = cvxpy.multiply(1 / w[costly], x[costly])
    objective = (fees[costly] * curve.rate) @ cvxpy.power(haircut, curve.exponent)
    model = cvxpy.Problem(cvxpy.Minimize(objective), [y <= most, x <= cap, cvxpy.sum(y, axis=0) == need])
    model.solve(solver=cvxpy.CLARABEL)
    assert model.status == "optimal", model.status
    return float(model.value)


@pytest.mark.parametrize("curve", CURVES, ids=str)
@pytest.mark.parametrize("seed", some(40, 2))
def test_no_generic_program_loses_fewer_fees(curve: Retention, seed: int) -> None:
    problem, book = next(
        (problem, book)
        for again in range(200)
        for problem in [paying(200 * seed + again, curve)]
        for book in [Bipartite.of(problem)]
        if book.need and book.closable()
    )
    plan = revenue_plan(problem)
    fees = problem.accounts.columns["fees"].floats
    proof = revenue_optimality(problem, plan)
    theirs = fewest_lost(book, fees[book.bearers], curve)
    assert proof.relative_gap <= 1e-9
    # Clarabel's own accuracy is relative to the fees at stake: where it is lower than the proven bound, it is off.
    accuracy = (1e-7 if isinstance(curve, Linear) else 1e-6) * fees.sum()
    assert proof.objective == pytest.approx(theirs, rel=1e-7, abs=accuracy)
    paid = np.bincount(problem.arcs.bearer, plan.amounts, len(problem.wealth.book))
    assert lost(problem, paid) == pytest.approx(proof.objective, rel=1e-9, abs=1e-12)


@given(seed=st.integers(0, 10**6), curve=st.sampled_from(CURVES))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_plans_prove_themselves(seed: int, curve: Retention) -> None:
    problem = paying(seed, curve, 30)
    plan, network = revenue_plan(problem), Network.of(problem)
    proof = revenue_optimality(problem, plan)
    assert proof.relative_gap <= 1e-9 or proof.objective - proof.bound <= 1e-12
    amounts = plan.amounts[network.rows]
    assert ((amounts >= 0) & (amounts <= network.most)).all()
    assert (network.paid(amounts) <= network.cap * (1 + 1e-12)).all()


@pytest.mark.parametrize("curve", CURVES, ids=str)
def test_amounts_do_not_depend_on_the_order_of_rows(curve: Retention) -> None:
    for seed in range(4):
        problem = paying(seed, curve, 30)
        ours, theirs = (by_name(one, revenue_plan(one).amounts) for one in (problem, shuffled(problem, 3)))
        assert ours == theirs


def test_the_customer_without_fees_pays_first_as_far_as_its_positions_reach() -> None:
    """By hand: bob pays no fees and has 20 of profit, but only 4 shorts at a gap of 2; ann pays the other 2."""
    problem = closing(
        {"A": (100, 1)},
        {"ann": {"cash": 0, "fees": 5}, "bob": {"cash": 0, "fees": 0}},
        [("ann", "A", -10, 103), ("bob", "A", -4, 105)],
        [("A", 5, 102)],
        retention=Linear(1),
    )
    plan = revenue_plan(problem)
    assert by_name(problem, plan.amounts) == pytest.approx({("ann", "A"): 2e6, ("bob", "A"): 8e6})
    assert revenue_optimality(problem, plan).objective == pytest.approx(5 * 2 / 30)


@pytest.mark.parametrize("curve", [None, Exponential(3)])
def test_a_retention_it_cannot_minimise_is_refused_by_name(curve: Retention | None) -> None:
    with pytest.raises(ProblemError) as refused:
        revenue_plan(replace(paying(1, Linear(1)), retention=curve))
    assert refused.value.field == "retention"
