"""Mixtures of two points: what they beat, against a fine grid of mixtures."""

import numpy as np
import pytest

from solvers.mixtures import beaten

TOLERANCE = 1e-9


def test_a_mixture_beats_what_neither_point_does() -> None:
    corners, ranges = np.array([[0.0, 1.0], [1.0, 0.0]]), np.ones(2)
    assert beaten(corners, np.array([0.6, 0.6]), ranges, TOLERANCE) == (True, pytest.approx(0.1))
    assert beaten(corners, np.array([0.4, 0.6]), ranges, TOLERANCE) == (False, 0)
    assert beaten(corners, np.array([0.4, 0.7]), ranges, TOLERANCE)[0]
    assert not beaten(corners, np.array([0.4, 0.5]), ranges, TOLERANCE)[0]


def test_as_good_in_one_and_better_in_the_other_is_enough() -> None:
    assert beaten(np.array([[0.0, 1.0]]), np.array([0.0, 2.0]), np.ones(2), TOLERANCE) == (True, 0)
    assert not beaten(np.array([[0.0, 1.0]]), np.array([0.0, 1.0]), np.ones(2), TOLERANCE)[0]


@pytest.mark.parametrize("measures", [2, 3])
def test_no_mixture_of_a_fine_grid_is_farther_ahead(measures: int) -> None:
    rng = np.random.default_rng(measures)
    for _ in range(60):
        points, ranges = rng.random((5, measures)), rng.random(measures) + 0.5
        cost = rng.random(measures) * 1.2
        shares = np.linspace(0, 1, 400)[:, None]
        ahead = np.concatenate(
            [(cost - (1 - shares) * one - shares * other) / ranges for one in points for other in points]
        )
        dominated, distance = beaten(points, cost, ranges, TOLERANCE)
        best = max(float(ahead.min(axis=1).max()), 0.0)
        assert best - 1e-12 <= distance <= best + 0.01
        assert dominated == (distance > 0)
