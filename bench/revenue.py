"""Revenue: the three curves against one pass over memory, and the search against a mixed-integer rival.

Inside the kernels: the keys or chords with their logarithms, the selection, and every account's amount. Not inside:
sorting the ids, whole units of the power curve, and the certificate.
"""

from collections.abc import Callable, Iterator
from math import fsum

import numpy as np
from ortools.linear_solver import pywraplp

from bench.books import Array, Columns, columns
from bench.timing import Line, compare
from solvers.money import Int64, total
from solvers.revenue.concave import Losses, greedy
from solvers.revenue.convex import linear, waters
from solvers.revenue.exact import Searched, searched
from solvers.revenue.retention import Exponential, Linear, Power
from solvers.revenue.stakes import Stakes

UNIT = 10**6
PASSES = {20_000: None, 1_000_000: 40.0}
PIECES = 8


def stakes(n: int) -> Stakes:
    """Heavy-tailed accounts, fees that grow with them but less, and three in a hundred who pay none."""
    book = columns(n)
    w = np.maximum((book.w * UNIT).astype(np.int64), 1)
    caps = np.maximum((w * book.beta).astype(np.int64), 1)
    rng = np.random.default_rng(5)
    fees = np.where(rng.random(n) < 0.03, 0.0, rng.lognormal(0, 1, n) * book.w**0.8 / 100)
    return Stakes(np.arange(n), [f"{i:07}" for i in range(n)], caps, w, fees)


def kernels_against_a_pass() -> Iterator[Line]:
    """Amounts of all accounts under each curve, at 2 and 30 % of what can be reached."""
    for n, most in PASSES.items():
        book, buffer = columns(n), np.empty(n)

        def one_pass(book: Columns = book, buffer: Array = buffer) -> float:
            return float(np.minimum(book.beta, 0.3 * book.r, out=buffer) @ book.w)

        for share in (0.02, 0.3):
            for name, kernel in _kernels(stakes(n), share).items():
                yield compare(
                    f"revenue, {name}, {share:g} of reach",
                    n,
                    ("kernel", kernel),
                    ("one pass", one_pass),
                    repetitions=9 if n > 10**5 else 15,
                    at_most=most,
                )


def _kernels(accounts: Stakes, share: float) -> dict[str, Callable[[], object]]:
    caps, amount = accounts.cap_units, int(total(accounts.cap_units) * share)
    endowment, paying = accounts.endowment_units.astype(np.float64), accounts.fees > 0
    payers = accounts.fees[paying], endowment[paying], caps[paying]

    def exponential() -> object:
        vertex, _ = greedy(Losses(Exponential(2.0), accounts.fees, endowment, caps), amount)
        return vertex.amounts(caps)

    return {
        "linear": lambda: linear(Linear(0.7), accounts, amount),
        "power, p = 2": lambda: waters(Power(0.7, 2.0), *payers, amount),
        "power, p = 1.001": lambda: waters(Power(0.7, 1.001), *payers, amount),
        "exponential": exponential,
    }


def search_against_scip() -> Iterator[Line]:
    """`exact` at 200 and 2,000 accounts, its gap and states; at 20 against SCIP on a piecewise model."""
    curve = Exponential(2.0)
    for n in (20, 200, 2_000):
        accounts = stakes(n)
        amount = int(total(accounts.cap_units) * 0.3)
        found: list[Searched] = []

        def ours(accounts: Stakes = accounts, amount: int = amount, found: list[Searched] = found) -> None:
            found[:] = [searched(curve, accounts, amount)]

        def nothing_less(accounts: Stakes = accounts, amount: int = amount) -> object:
            return greedy(Losses.of(curve, accounts), amount)

        ours()
        objective = _churned(accounts, curve, found[0].point.seized_units)
        simple = _churned(accounts, curve, greedy(Losses.of(curve, accounts), amount)[0].amounts(accounts.cap_units))
        gap = (objective - found[0].bound) / objective
        note = (
            f"gap {gap:.0e} after {found[0].states:,} states; the greedy vertex loses {simple / objective - 1:.1e} more"
        )
        if n == 20:
            theirs: list[float] = []

            def scip(accounts: Stakes = accounts, amount: int = amount, theirs: list[float] = theirs) -> None:
                theirs[:] = [piecewise(accounts, curve, amount)]

            scip()
            note += f"; SCIP's least with {PIECES} pieces an account is {theirs[0] / objective - 1:+.1e} of it"
            yield compare("revenue exact", n, ("search", ours), ("SCIP", scip), repetitions=3, note=note)
        else:
            yield compare("revenue exact", n, ("search", ours), ("greedy", nothing_less), repetitions=3, note=note)


def piecewise(accounts: Stakes, curve: Exponential, amount_units: int) -> float:
    """SCIP's least churned fees if each account's concave loss is replaced by `PIECES` chords, which lie below it."""
    solver = pywraplp.Solver.CreateSolver("SCIP")
    scale = float(accounts.cap_units.mean())
    taken, lost = [], []
    rows = zip(accounts.fees.tolist(), accounts.cap_units.tolist(), accounts.endowment_units.tolist(), strict=True)
    for fees, cap, endowment in rows:
        ends = np.linspace(0, cap, PIECES + 1)
        losses = fees * curve.leaves(ends / endowment)
        chosen = [solver.BoolVar("") for _ in range(PIECES)]
        shares = [solver.NumVar(0, 1, "") for _ in range(PIECES)]
        solver.Add(sum(chosen) == 1)
        for piece, share in zip(chosen, shares, strict=True):
            solver.Add(share <= piece)
        taken.append(sum((ends[i] * chosen[i] + (ends[i + 1] - ends[i]) * shares[i]) / scale for i in range(PIECES)))
        lost.append(sum(losses[i] * chosen[i] + (losses[i + 1] - losses[i]) * shares[i] for i in range(PIECES)))
    solver.Add(sum(taken) == amount_units / scale)
    solver.Minimize(sum(lost))
    status = solver.Solve()
    if status != pywraplp.Solver.OPTIMAL:
        raise RuntimeError(f"SCIP ended with status {status}")
    return float(solver.Objective().Value())


def _churned(accounts: Stakes, curve: Exponential, seized_units: Int64) -> float:
    return fsum((accounts.fees * curve.leaves(seized_units / accounts.endowment_units)).tolist())
