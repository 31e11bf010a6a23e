"""The knapsack cut against sorting, on keys with ties and infinities."""

from fractions import Fraction

import numpy as np
import pytest

from solvers.knapsack import knapsack


def critical(keys: list[float], caps: list[int], amount: int) -> float:
    """The highest key whose accounts, with those above it, reach the amount, by sorting."""
    for key in sorted(set(keys), reverse=True):
        if sum(cap for k, cap in zip(keys, caps, strict=True) if k >= key) >= amount:
            return key
    raise AssertionError


@pytest.mark.parametrize("seed", range(300))
def test_the_cut_is_where_sorting_puts_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    keys = rng.choice([-np.inf, np.inf, *rng.normal(size=int(rng.integers(1, 12)))], n)
    caps = rng.integers(0, 4, n)
    for amount in {0, int(caps.sum()), int(rng.integers(0, int(caps.sum()) + 1))}:
        cut = knapsack(keys, caps.astype(np.float64), amount)
        key = critical(keys.tolist(), caps.tolist(), amount)
        assert cut.key == key
        assert (cut.low == np.where(keys > key, caps, 0)).all()
        assert (cut.high == np.where(keys >= key, caps, 0)).all()
        assert cut.low.sum() <= amount <= cut.high.sum()


@pytest.mark.parametrize("values", [1, 2, 3, 50, 100_000])
@pytest.mark.parametrize("share", [0, 1e-9, 0.1, 0.5, 0.999, 1])
def test_large_books_are_cut_where_sorting_puts_it_however_many_keys_are_equal(values: int, share: float) -> None:
    rng = np.random.default_rng(values)
    keys = rng.choice(rng.normal(size=values), 30_000, p=rng.dirichlet(np.full(values, 0.3)))
    caps = rng.integers(0, 2**44, 30_000)
    amount = int(Fraction(share) * int(caps.sum()))
    cut = knapsack(keys, caps, amount)
    above, through = (int(caps[chosen].sum()) for chosen in (keys > cut.key, keys >= cut.key))
    assert above < amount <= through or (amount == 0 and cut.key == keys.max())
    assert (cut.high == np.where(keys >= cut.key, caps, 0)).all()


def test_sums_beyond_the_digits_of_doubles_are_exact_for_whole_units() -> None:
    keys = np.array([3.0, 2.0, 1.0])
    caps = np.array([2**60, 1, 5])
    assert knapsack(keys, caps, 2**60).key == 3
    assert knapsack(keys, caps, 2**60 + 1).key == 2
    assert knapsack(keys, caps, 2**60 + 2).key == 1


def test_neighbours_within_a_trillionth_are_one_tie_also_in_a_chain() -> None:
    keys = np.array([1 + 3e-12, 1 + 8e-13, 1.0, 1 - 9e-13, 1 - 1.8e-12, 0.9])
    cut = knapsack(keys, np.ones(6), 2)
    assert cut.low.tolist() == [1, 0, 0, 0, 0, 0]
    assert cut.high.tolist() == [1, 1, 1, 1, 1, 0]
    wide = knapsack(1e6 * keys, np.ones(6), 2)
    assert (wide.low == cut.low).all()
    assert (wide.high == cut.high).all()
    chain = 1 + 5e-13 * np.arange(20_000)
    assert knapsack(chain, np.ones(20_000), 7).low.sum() == 0


@pytest.mark.parametrize("seed", range(20))
def test_the_cut_does_not_depend_on_the_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 20_000
    keys, caps = rng.choice(rng.normal(size=300), n), rng.integers(0, 2**48, n)
    amount = int(caps[keys > np.median(keys)].sum())
    order = rng.permutation(n)
    cut, other = knapsack(keys, caps, amount), knapsack(keys[order], caps[order], amount)
    assert cut.key == other.key
    assert (cut.high[order] == other.high).all()


def test_without_accounts_there_is_nothing_to_cut() -> None:
    cut = knapsack(np.zeros(0), np.zeros(0), 0)
    assert (cut.low.size, cut.high.size, cut.key) == (0, 0, -np.inf)
