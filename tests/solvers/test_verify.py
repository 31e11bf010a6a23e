"""The verifier finds what is wrong, whoever made it, and the certificate cannot be had for nothing."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from solvers import verify
from solvers.allocation import Allocation
from solvers.errors import SolverFailed
from solvers.pro_rata import CappedProRata
from solvers.registry import POLICIES
from solvers.solve import solve
from tests.problems import book, five_accounts, problem, random_problem, units


def test_each_broken_rule_is_found_on_its_account() -> None:
    found = problem(book([0] * 4, [10, 10, 10, -5], max_haircut=[1, 0.1, 1, 1]), 5)
    broken = verify.violations(found, np.array(units(-1, 2, 3, 1)))
    assert [(violation.rule, violation.row) for violation in broken] == [
        ("negative", 0),
        ("over-cap", 1),
        ("not-a-winner", 3),
    ]
    assert [violation.rule for violation in verify.violations(found, np.array(units(1, 1, 2.999999, 0)))] == ["budget"]
    assert verify.violations(found, np.array(units(1, 1, 3, 0))) == []
    assert verify.cap_violation_units(found, np.array(units(-2, 2, 3, 1))) == units(2)[0]


@pytest.mark.parametrize("moved", [1, 10**6])
def test_an_allocation_that_does_not_verify_does_not_leave(moved: int) -> None:
    def careless(*_: object) -> Allocation:
        return Allocation(np.array(units(4.8, 2.4, 0.3, 0, 0)) + np.array([0, 0, 0, 0, moved]))

    with pytest.raises(SolverFailed, match="fails verification"):
        solve(five_accounts(), replace(POLICIES["queue"], solve=careless), None)


def test_moving_money_between_two_accounts_shows_in_the_residual() -> None:
    found = five_accounts()
    eta = Fraction(3, 5)
    assert verify.fairness_optimality(found, np.array(units(4.8, 2.4, 0.3, 0, 0)), eta).kkt_residual == 0
    moved = verify.fairness_optimality(found, np.array(units(4.7, 2.5, 0.3, 0, 0)), eta)
    assert moved.kkt_residual == pytest.approx(0.1 / 4, rel=1e-4)


def test_a_wrong_multiplier_leaves_a_gap() -> None:
    found = five_accounts()
    seized = np.array(units(4.8, 2.4, 0.3, 0, 0))
    assert verify.fairness_optimality(found, seized, Fraction(3, 5)).relative_gap < 1e-15
    for eta in (Fraction(59, 100), Fraction(61, 100)):
        wrong = verify.fairness_optimality(found, seized, eta)
        assert wrong.relative_gap > 1e-2
        assert wrong.kkt_residual == pytest.approx(0.01, rel=1e-3)


def test_no_feasible_allocation_is_below_the_bound() -> None:
    rng = np.random.default_rng(7)
    for _ in range(40):
        found = random_problem(rng, 12)
        solution = solve(found, POLICIES["capped-pro-rata"], CappedProRata())
        bound = solution.certificate.bound
        assert bound is not None
        assert solution.status == "optimal"
        rows = found.winners
        for name in ("queue", "leverage-pro-rata", "rap"):
            allocation = solve(found, POLICIES[name], POLICIES[name].parameters()).allocation
            other = allocation.seized_units[rows].astype(np.float64)
            value = float((other**2 / (2 * found.endowment[rows])).sum()) * 1e-6
            assert value >= bound * (1 - 1e-9) - 1e-6


def test_baselines_and_heuristics_are_feasible_and_claim_no_bound() -> None:
    for name in ("pro-rata", "queue", "leverage-pro-rata", "rap"):
        solution = solve(five_accounts(), POLICIES[name], POLICIES[name].parameters())
        assert solution.status == "feasible"
        assert (solution.certificate.objective, solution.certificate.bound) == (None, None)
