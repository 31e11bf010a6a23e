"""The search behind `exact`: the true optimum wherever every vertex can be looked at, a true bound where it stops."""

from dataclasses import replace
from math import fsum

import numpy as np
import pytest

from solvers import verify
from solvers.problem import HaircutProblem, Shortfall
from solvers.revenue import exact
from solvers.revenue.certificate import certify_revenue
from solvers.revenue.exact import Searched, searched
from solvers.revenue.retention import Exponential, Linear
from solvers.revenue.revenue import Revenue, revenue
from solvers.revenue.stakes import Stakes
from tests.problems import UNIT, book, problem, random_problem, some
from tests.solvers.test_revenue import paying, random_paying, run

CURVES = [Exponential(1.0), Exponential(50.0), Exponential(1e-6), Exponential(5.0)]


def least_of_all_vertices(found: HaircutProblem) -> float:
    """Churned fees of the best vertex: every set of accounts at their caps, and every account that bears the rest."""
    rows = np.flatnonzero(found.cap_units)
    w, caps, fees = found.endowment[rows], found.cap_units[rows], found.book.column("fees").floats[rows]
    assert found.retention is not None
    sets = ((np.arange(2 ** len(rows))[:, None] >> np.arange(len(rows))) & 1).astype(np.bool_)
    left = found.amount_units - sets @ caps
    costs = sets @ (fees * found.retention.leaves(caps / w))
    least = float(costs[left == 0].min(initial=np.inf))
    for j in range(len(rows)):
        ends = ~sets[:, j] & (left > 0) & (left <= caps[j])
        bearing = costs[ends] + fees[j] * found.retention.leaves(left[ends] / w[j])
        least = min(least, float(bearing.min(initial=np.inf)))
    return least


def accounts(n: int, seed: int, sigma: float) -> Stakes:
    """Heavy-tailed endowments, with fees that grow with them but less."""
    rng = np.random.default_rng(seed)
    w = np.maximum((rng.lognormal(5, sigma, n) * UNIT).astype(np.int64), 1)
    caps = np.maximum((w * np.where(rng.random(n) < 0.5, 1.0, rng.random(n))).astype(np.int64), 1)
    fees = np.where(rng.random(n) < 0.03, 0.0, rng.lognormal(0, 1, n) * (w / UNIT) ** 0.8 / 100)
    return Stakes(np.arange(n), [f"{i:05}" for i in range(n)], caps, w, fees)


def churned(stakes: Stakes, curve: Exponential, found: Searched) -> float:
    return fsum((stakes.fees * curve.leaves(found.point.seized_units / stakes.endowment_units)).tolist())


@pytest.mark.parametrize("curve", CURVES, ids=repr)
@pytest.mark.parametrize("count", some((60, 120), 1))
def test_the_search_finds_the_best_of_all_vertices(curve: Exponential, count: int) -> None:
    improved = 0
    for seed in range(count):
        found = random_paying(seed, 1 + seed % 11, curve)
        if found.amount_units in (0, found.reachable_units):
            continue
        best = least_of_all_vertices(found)
        greedy = certify_revenue(found, revenue(found, Revenue()), Revenue())
        allocation = revenue(found, Revenue(exact=True))
        optimality = certify_revenue(found, allocation, Revenue(exact=True))
        assert verify.violations(found, allocation.seized_units) == []
        assert optimality.objective == pytest.approx(best, rel=1e-9, abs=0), seed
        assert optimality.relative_gap <= 1e-9, seed
        assert greedy.bound <= best * (1 + 1e-12), seed
        assert best <= greedy.objective * (1 + 1e-12), seed
        assert "closed the gap" in allocation.notes[0]
        improved += greedy.objective > best * (1 + 1e-9)
        caps = found.cap_units
        assert np.count_nonzero((allocation.seized_units > 0) & (allocation.seized_units < caps)) <= 1
    assert improved > 0


@pytest.mark.parametrize("count", some((75, 150), 1))
def test_a_search_cut_short_still_tells_the_truth(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    stopped = 0
    for widths, states in (((1,), 10**6), ((2, 5), 10**6), ((300,), 40)):
        monkeypatch.setattr(exact, "WIDTHS", widths)
        monkeypatch.setattr(exact, "STATES", states)
        for seed in range(count):
            found = random_paying(seed, 2 + seed % 10, CURVES[seed % 4])
            if found.amount_units in (0, found.reachable_units):
                continue
            best = least_of_all_vertices(found)
            allocation = revenue(found, Revenue(exact=True))
            optimality = certify_revenue(found, allocation, Revenue(exact=True))
            assert verify.violations(found, allocation.seized_units) == []
            assert optimality.bound <= best * (1 + 1e-12), (widths, seed)
            assert best <= optimality.objective * (1 + 1e-12), (widths, seed)
            plain = certify_revenue(found, revenue(found, Revenue()), Revenue())
            assert optimality.objective <= plain.objective
            if "stopped at its limit" in allocation.notes[0]:
                stopped += 1
            else:
                assert optimality.relative_gap <= 1e-9
    assert stopped > count * 20 // 150


@pytest.mark.parametrize("sigma", some([0.5, 2.5], 1))
def test_two_thousand_accounts_are_closed(sigma: float) -> None:
    curve, stakes = Exponential(1.0), accounts(2_000, 1, sigma)
    amount = int(stakes.cap_units.sum()) // 10
    found = searched(curve, stakes, amount)
    assert found.point.seized_units.sum() == amount
    objective = churned(stakes, curve, found)
    assert 0 < objective - found.bound <= 1e-9 * objective


def test_the_search_answers_the_same_whatever_the_scale_of_money() -> None:
    curve, stakes = Exponential(3.0), accounts(150, 4, 2.0)
    amount = int(stakes.cap_units.sum()) // 3
    once = searched(curve, stakes, amount)
    scaled = Stakes(stakes.rows, stakes.ids, stakes.cap_units * 8, stakes.endowment_units * 8, stakes.fees * 4)
    again = searched(curve, scaled, amount * 8)
    assert again.point.seized_units.tolist() == (once.point.seized_units * 8).tolist()


def test_equal_accounts_are_one_to_the_search() -> None:
    # Two hundred alike: whole ones and one fraction, in as many states as there are counts of them.
    found = paying(problem(book([0] * 200, [10] * 200), 1_234.5), [1] * 200, Exponential(2.0))
    allocation = revenue(found, Revenue(exact=True))
    optimality = certify_revenue(found, allocation, Revenue(exact=True))
    assert sorted(allocation.seized_units.tolist()) == sorted([0] * 76 + [4_500_000] + [10 * UNIT] * 123)
    assert optimality.relative_gap <= 1e-9


def test_exact_changes_nothing_for_the_convex_curves() -> None:
    found = random_paying(7, 20, Linear(0.7))
    plain, searching = (revenue(found, Revenue(exact=exact)) for exact in (False, True))
    assert plain.seized_units.tolist() == searching.seized_units.tolist()
    assert searching.bound is None


def test_a_book_without_fees_needs_no_search() -> None:
    rng = np.random.default_rng(5)
    base = random_problem(rng, 30)
    found = paying(base, [0] * 30, Exponential(1.0))
    optimality = certify_revenue(found, revenue(found, Revenue(exact=True)), Revenue(exact=True))
    assert optimality.objective == optimality.bound == 0


@pytest.mark.parametrize("search", [False, True])
@pytest.mark.parametrize("caps", [[2**63 - 1], [2**62, 2**62 - 1], [3 * 2**60] * 2])
def test_caps_that_fill_64_bits_are_taken_without_a_wrap(caps: list[int], search: bool) -> None:
    """A cap and what is left to take add up to more than an int64 holds; once that went round for ever."""
    huge = replace(book([0] * len(caps), [0] * len(caps)), pnl_units=np.array(caps))
    amount = sum(caps) - max(caps) // 10
    found = paying(HaircutProblem(huge, Shortfall(deficit_units=amount)), [5] * len(caps), Exponential(3.0))
    allocation, _ = run(found, exact=search)
    assert sum(allocation.seized_units.tolist()) == amount
