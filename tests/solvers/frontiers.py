"""Random books for frontiers, and points as rows of costs."""

from collections.abc import Sequence

import numpy as np
import pytest

from solvers.frontier import Point
from solvers.problem import HaircutProblem
from tests.blends import random_blend
from tests.problems import some

for_every_seed = pytest.mark.parametrize("seed", some((2, 4, 7, 9), 1))


def random_book(seed: int) -> HaircutProblem:
    found, _, _ = random_blend(seed, 40)
    return found.reduced(int(found.reachable_units * 0.3))


def costs(points: Sequence[Point]) -> np.ndarray:
    """A row a point, less is better."""
    return np.array([[-v if name == "revenue_kept" else v for name, v in point.measures.items()] for point in points])
