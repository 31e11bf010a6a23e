"""The level in doubles: on heavy tails, near capacity, and with 1e-9 and 1e12 side by side."""

import numpy as np
import pytest

from solvers.level import level

SHARES = (1e-12, 0.1, 0.5, 0.9, 0.999, 1 - 1e-9, 1 - 1e-13)


@pytest.mark.parametrize("spread", [0, 1, 10, 20])
def test_the_budget_is_met_however_the_rates_are_spread(spread: int) -> None:
    rng = np.random.default_rng(spread)
    for n in (1, 2, 7, 60, 20_000):
        caps, rates = np.exp(rng.normal(0, spread, n)), np.exp(rng.normal(0, spread, n))
        caps[rng.random(n) < 0.1] = 0
        for share in SHARES:
            budget = float(caps.sum()) * share
            if 0 < budget < float(caps.sum()):
                tau = level(caps, rates, budget)
                assert float(np.minimum(caps, tau * rates).sum()) == pytest.approx(budget, rel=1e-12, abs=0)


def test_an_amount_far_below_one_giant_cap_loses_no_digit() -> None:
    caps, rates = np.array([1e18, 1.0, 1.0]), np.array([1e-3, 1.0, 3.0])
    tau = level(caps, rates, 2.5)
    assert float(np.minimum(caps, tau * rates).sum()) == pytest.approx(2.5, rel=1e-14, abs=0)
