"""`expected-deficit` under `deleverage` against one pass over memory: the selection alone, and with the law's psi.

The selection is `solvers.knapsack` with the keys in hand, which is also what `revenue` with linear retention costs. The
lines with a law in their name include n psi(e / n) on a log scale for each account: special functions, not memory.
"""

from collections.abc import Iterator

import numpy as np

from bench.books import Array, Columns, columns
from bench.timing import Line, compare
from solvers.knapsack import knapsack
from solvers.robustness.laws import Law, Normal, StudentT

PASSES = {20_000: None, 1_000_000: 40.0}
"""Wanted at most at one million; at 20 thousand everything is in the cache and a pass is nearly nothing."""

LAWS: dict[str, Law] = {"normal": Normal(0.1), "student-t": StudentT(3, 0.05)}


def selection_against_a_pass() -> Iterator[Line]:
    """At budgets from 2 % of what can be reached to all but a millionth of it."""
    for n, most in PASSES.items():
        book, buffer = columns(n), np.empty(n)
        caps = book.beta * book.w
        margin = 1 / book.r
        reach = float(caps.sum())

        def one_pass(book: Columns = book, buffer: Array = buffer) -> float:
            return float(np.minimum(book.beta, 0.3 * book.r, out=buffer) @ book.w)

        keys = {name: np.log(book.r) + law.log_expected_loss(margin) for name, law in LAWS.items()}
        for share in (0.02, 0.5, 0.95, 0.999999):
            yield compare(
                f"knapsack, {share:g} of reach",
                n,
                ("cut", lambda keys=keys["normal"], caps=caps, b=reach * share: knapsack(keys, caps, b)),
                ("one pass", one_pass),
                at_most=most,
                note="keys in hand",
            )
        for name, law in LAWS.items():

            def with_law(law: Law = law, r: Array = book.r, caps: Array = caps, b: float = reach / 2) -> object:
                return knapsack(np.log(r) + law.log_expected_loss(1 / r), caps, b)

            yield compare(
                f"keys and knapsack, {name}",
                n,
                ("psi and cut", with_law),
                ("one pass", one_pass),
                repetitions=5,
                note="psi included, no target",
            )
