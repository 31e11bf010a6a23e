"""The level against one pass over memory, and the whole exact filling against generic solvers."""

from collections.abc import Iterator

import cvxpy as cp
import numpy as np

from bench.books import Array, Columns, columns
from bench.timing import Line, compare
from solvers.level import level
from solvers.water_filling import Rates, fill

UNIT = 10**6
PASSES = {20_000: 20.0, 1_000_000: 10.0, 10_000_000: 10.0}


def level_against_a_pass() -> Iterator[Line]:
    """At budgets from 2 % of what can be reached to all but a millionth of it; equal and leverage weights."""
    for n, most in PASSES.items():
        book = columns(n)
        buffer = np.empty(n)
        for what, r in (("equal", np.ones(n)), ("leverage", book.r)):
            caps, rates = book.beta * book.w, book.w * r
            reach = float(caps.sum())
            for share in (0.02, 0.5, 0.95, 0.999, 0.999999):
                tau = level(caps, rates, reach * share)

                def one_pass(r: Array = r, tau: float = tau, book: Columns = book, buffer: Array = buffer) -> float:
                    return float(np.minimum(book.beta, tau * r, out=buffer) @ book.w)

                yield compare(
                    f"level, {what} weights, {share:g} of reach",
                    n,
                    ("level", lambda caps=caps, rates=rates, b=reach * share: level(caps, rates, b)),
                    ("one pass", one_pass),
                    repetitions=5 if n > UNIT else 15,
                    at_most=most,
                    note=f"budget met to {abs(one_pass() / (reach * share) - 1):.0e}",
                )


def haircuts_against_generic_solvers() -> Iterator[Line]:
    """Haircuts of 20 thousand accounts, in doubles on both sides, against cvxpy scaled to mean-one units."""
    n = 20_000
    book = columns(n)
    w = np.maximum((book.w * UNIT).astype(np.int64), 1)
    caps = (w * book.beta).astype(np.int64)
    budget = int(caps.sum() * 0.3)
    exact = fill(caps, Rates.of(w), budget, [f"{i:05}" for i in range(n)])
    wanted = np.minimum(float(exact.level), caps / w)
    scale = float(w.mean())
    weights, reach = w / scale, caps / scale

    def ours() -> Array:
        return np.minimum(level(reach, weights, budget / scale) * weights, reach) / weights

    for name, solver, least in (("cvxpy's default", None, 100.0), ("cvxpy with Clarabel", cp.CLARABEL, 250.0)):
        found: list[Array] = []

        def generic(solver: str | None = solver, found: list[Array] = found) -> None:
            x = cp.Variable(n, bounds=[np.zeros(n), reach / weights])
            objective = cp.Minimize(cp.sum(cp.multiply(weights / 2, cp.square(x))))
            program = cp.Problem(objective, [weights @ x == budget / scale])
            program.solve(solver=solver)
            found[:] = [np.asarray(x.value)]

        generic()
        off = float(np.abs(ours() - wanted).max()), float(np.abs(found[0] - wanted).max())
        yield compare(
            f"haircuts against {name}",
            n,
            ("ours", ours),
            (name, generic),
            repetitions=5,
            at_most=1 / least,
            note=f"largest error of a haircut: ours {off[0]:.1e}, theirs {off[1]:.1e}",
        )


def whole_units_against_a_pass() -> Iterator[Line]:
    """The exact filling in whole units that the service answers with."""
    for n in (20_000, 1_000_000):
        book = columns(n)
        w = np.maximum((book.w * UNIT).astype(np.int64), 1)
        caps = (w * book.beta).astype(np.int64)
        ids = [f"{i:07}" for i in range(n)]
        budget, buffer = int(caps.sum() * 0.3), np.empty(n)
        yield compare(
            "whole units",
            n,
            ("fill", lambda caps=caps, w=w, b=budget, ids=ids: fill(caps, Rates.of(w), b, ids)),
            ("one pass", lambda book=book, buffer=buffer: np.minimum(book.beta, 0.3 * book.r, out=buffer) @ book.w),
        )
