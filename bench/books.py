"""Heavy-tailed columns of any size, the same every time."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    """Endowments w, cap fractions beta and leverages r of n accounts."""

    w: Array
    beta: Array
    r: Array


def columns(n: int) -> Columns:
    rng = np.random.default_rng(20251010)
    w = rng.lognormal(5, 2.5, n)
    beta = np.where(rng.random(n) < 0.5, 1.0, rng.random(n))
    return Columns(w, beta, rng.lognormal(0, 2, n))
