"""The fairest point of a box."""

import numpy as np
import pytest

from solvers.between import fairest, settle


@pytest.mark.parametrize("seed", range(200))
def test_all_accounts_strictly_inside_have_the_same_haircut_and_the_others_are_on_the_right_side(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    w = rng.lognormal(0, 5, n)
    low = np.where(rng.random(n) < 0.5, 0, rng.random(n)) * w
    high = np.where(rng.random(n) < 0.2, low, low + rng.random(n) * (w - low))
    amount = low.sum() + rng.choice([0, 1, rng.random()]) * (high - low).sum()
    x, eta = fairest(w, low, high, amount)
    assert x.sum() == pytest.approx(amount, rel=1e-14)
    assert ((low <= x) & (x <= high)).all()
    h = x / w
    assert (h[x > low] <= eta * (1 + 1e-12)).all()
    assert (h[(x < high) & (low < high)] >= eta * (1 - 1e-12)).all()
    order = rng.permutation(n)
    again, _ = fairest(w[order], low[order], high[order], amount)
    assert (again == x[order]).all()


def test_it_beats_random_points_of_the_box_on_every_convex_measure() -> None:
    rng = np.random.default_rng(5)
    w, low, high = rng.lognormal(0, 1, 6), np.zeros(6), rng.random(6)
    high *= w
    x, _ = fairest(w, low, high, 0.4 * high.sum())
    for _ in range(500):
        i, j = rng.permutation(6)[:2]
        moved = x.copy()
        step = rng.random() * min(x[i] - low[i], high[j] - x[j])
        moved[i] -= step
        moved[j] += step
        for power in (1.5, 2, 4):
            assert w @ (moved / w) ** power >= w @ (x / w) ** power - 1e-12


def test_from_different_starts_the_same_step_for_each_unit_of_weight() -> None:
    x, eta = settle(np.array([10.0, 1.0]), np.array([5.0, 1.0]), np.zeros(2), np.array([20.0, 9.0]), 17)
    assert eta == 1
    assert x.tolist() == [15, 2]


def test_a_large_start_costs_the_amount_no_digits() -> None:
    x, _ = settle(np.array([1e12, 1e12]), np.array([3.0, 1.0]) * 1e11, np.zeros(2), np.full(2, 1e12), 0.001)
    assert x.sum() == 0.001
