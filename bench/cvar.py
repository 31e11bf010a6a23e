"""`cvar` at exchange size, and against cvxpy with HiGHS on the plain linear program; each solve in its own process."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Literal, get_args

import cvxpy as cp
import numpy as np

from bench.timing import Line, answer, in_a_process, line_of, peak_gigabytes
from solvers.money import Numbers
from solvers.problem import Book, HaircutProblem, Shortfall
from solvers.robustness.cvar import CVar, certify_cvar, cvar
from solvers.robustness.laws import Scenarios
from solvers.robustness.losses import ExposureModel
from solvers.robustness.pieces import Pieces, totals_after
from solvers.robustness.worst import at_risk

UNIT = 10**6
TIMES_FASTER = 8
SECONDS, GIGABYTES, GAP = 30.0, 2.0, 1e-6
"""What a solve of 20 thousand accounts by a thousand scenarios may take, and how close it must come."""


Rival = Literal["pairs", "matrix"]
"""The plain program with a variable for the loss of every account in every scenario, or, which `deleverage` alone
allows, with losses as a matrix product."""


@dataclass(frozen=True)
class Case:
    accounts: int
    scenarios: int
    factors: int = 5
    level: float = 0.95
    model: ExposureModel = "deleverage"
    rival: Rival | None = None

    def __str__(self) -> str:
        return f"cvar {self.level:g}, {self.model}, {self.scenarios:,} scenarios, {self.factors} factors"


@dataclass(frozen=True)
class Result:
    """`cvar` is that of the answer, over all scenarios; `equal_shares` that of the same share of every cap."""

    seconds: float
    gigabytes: float
    cvar: float
    bound: float
    gap: float
    equal_shares: float


RIVALS = Case(2_000, 500)
LARGE = (
    Case(20_000, 1_000),
    Case(20_000, 1_000, level=0.5),
    Case(20_000, 1_000, level=0.99),
    Case(20_000, 1_000, factors=1),
    Case(20_000, 1_000, model="cash"),
    Case(20_000, 1_000, model="both"),
    Case(20_000, 1_000, level=0.5, model="both"),
)


def problem(case: Case) -> HaircutProblem:
    """Heavy-tailed accounts, long and short, of leverage 1 to 50; moves of Student's t with 3 degrees of freedom.

    Common and own parts give each factor a typical daily move of 9 %; a sixth of all account-scenario pairs lose.
    """
    rng, n, f = np.random.default_rng(20251010), case.accounts, case.factors
    pnl, cash = (np.round(rng.lognormal(7, 2, n), 2) for _ in range(2))
    pnl[rng.random(n) < 0.3] *= -1
    cash[rng.random(n) < 0.1] *= -0.5
    notional = np.round(np.maximum(cash + pnl, 0) * np.exp(rng.uniform(0, np.log(50), n)), 2)
    exposure = notional[:, None] * rng.dirichlet(np.full(f, 0.5), n) * rng.choice([-1, 1], (n, f))
    common = rng.standard_t(3, (case.scenarios, 1)) * rng.uniform(0.5, 1.5, f) * 0.08
    moves = np.clip(common + rng.standard_t(3, (case.scenarios, f)) * 0.06, -0.95, 3)
    caps = np.where(rng.random(n) < 0.5, 1.0, np.round(rng.random(n), 2))
    book = Book(
        [f"{i:06}" for i in range(n)],
        np.rint(cash * UNIT).astype(np.int64),
        np.rint(pnl * UNIT).astype(np.int64),
        Numbers.parse("max_haircut", caps.tolist()),
        np.zeros(n, np.int64),
        {"notional": Numbers.parse("notional", notional.tolist())},
        exposure=exposure,
    )
    found = HaircutProblem(book, shock=Scenarios(moves))
    return replace(found, shortfall=Shortfall(deficit_units=found.reachable_units * 3 // 10))


def against_cvxpy() -> Iterator[Line]:
    """2,000 accounts x 500 scenarios, each rival once."""
    ours = in_a_process(__name__, RIVALS, Result)
    for rival in get_args(Rival):
        theirs = in_a_process(__name__, replace(RIVALS, rival=rival), Result)
        off = theirs.cvar / ours.cvar - 1
        note = f"{_figures(ours)}; theirs {theirs.gigabytes:.2g} GB, its haircuts' CVaR {off:+.0e} of ours"
        yield line_of(
            str(RIVALS), RIVALS.accounts, "solve and certificate", f"cvxpy with HiGHS, {rival}",
            [(ours.seconds, theirs.seconds)], at_most=1 / TIMES_FASTER, note=note,
        )  # fmt: skip


def at_exchange_size() -> Iterator[str]:
    """20 thousand accounts x 1,000 scenarios: seconds, memory, gap, bound and the CVaR of equal shares."""
    for case in LARGE:
        found = in_a_process(__name__, case, Result)
        met = found.seconds <= SECONDS and found.gigabytes <= GIGABYTES and found.gap <= GAP
        fact = (
            f"{case}, {case.accounts:,} accounts: {found.seconds:.1f} s with the certificate, {_figures(found)}; "
            f"wanted {SECONDS:g} s, {GIGABYTES:g} GB and a gap of {GAP:g}: {'met' if met else 'MISSED'}."
        )
        print(fact, flush=True)
        yield fact


def _figures(found: Result) -> str:
    return (
        f"gap {found.gap:.0e}, CVaR {found.cvar:.10g}, bound {found.bound:.10g}, equal shares {found.equal_shares:.4g},"
        f" {found.gigabytes:.2g} GB"
    )


def _run(case: Case) -> Result:
    """Time includes what a service pays at its first solve, but the import of HiGHS alone."""
    found = problem(case)
    parameters = CVar(level=case.level, exposure_model=case.model)
    started = perf_counter()
    if case.rival:
        haircuts, bound = _plain(found, parameters, case.rival)
        seconds = perf_counter() - started
    else:
        allocation = cvar(found, parameters)
        certificate = certify_cvar(found, allocation, parameters)
        seconds, bound = perf_counter() - started, certificate.bound
        haircuts = np.zeros(case.accounts)
        haircuts[found.winners] = allocation.haircuts
    equal = found.cap_units / np.maximum(found.endowment_units, 1) * (found.amount_units / found.reachable_units)
    reached, simple = (_cvar(found, parameters, each) for each in (haircuts, equal))
    return Result(seconds, peak_gigabytes(), reached, bound, abs(reached - bound) / reached, simple)


def _cvar(found: HaircutProblem, parameters: CVar, haircuts: np.ndarray) -> float:
    assert isinstance(found.shock, Scenarios)
    losses = totals_after(found, parameters.exposure_model, haircuts)
    return at_risk(losses, found.shock.probabilities, parameters.level)[1]


def _plain(found: HaircutProblem, parameters: CVar, rival: Rival) -> tuple[np.ndarray, float]:
    """Rockafellar-Uryasev under `deleverage` as one would write it down, in units of the mean amount."""
    pieces, n = Pieces.of(found), len(found.book)
    assert isinstance(found.shock, Scenarios)
    losses = np.zeros((n, len(found.shock.moves)))
    w, caps, mean = found.endowment / UNIT, found.cap_units / UNIT, found.amount_units / UNIT / n
    for some, margins in pieces.blocks():
        losses[pieces.rows[some]] = np.maximum(margins, 0) / mean
    h = cp.Variable(n, bounds=[np.zeros(n), np.divide(caps, w, out=np.zeros(n), where=w > 0)])
    most = losses.sum(axis=0).max()
    z, u = (cp.Variable(shape, bounds=[0, most]) for shape in (1, losses.shape[1]))
    limits = [cp.sum(cp.multiply(w / mean, h)) == n]
    if rival == "matrix":
        limits.append(u >= losses.T @ (1 - h) - z)
    else:
        after = cp.Variable(losses.shape, bounds=[np.zeros_like(losses), losses])
        limits += [after >= cp.multiply(losses, cp.reshape(1 - h, (n, 1), order="C")), u >= cp.sum(after, axis=0) - z]
    worst = cp.sum(z) + cp.sum(cp.multiply(found.shock.probabilities / (1 - parameters.level), u))
    program = cp.Problem(cp.Minimize(worst), limits)
    program.solve(solver=cp.HIGHS)
    return np.asarray(h.value), float(program.value) * mean


if __name__ == "__main__":
    answer(Case, _run)
