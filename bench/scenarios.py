"""Least expected deficit and CVaR in contract space, against cvxpy with HiGHS on the plain linear program, and at
exchange size; each solve in its own process.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter, process_time

import cvxpy as cp
import numpy as np
from scipy.sparse import csr_array

from bench.markets import Nature, random_market
from bench.timing import Line, answer, in_a_process, line_of, peak_gigabytes
from solvers.contracts.fairest import Lexicographic, lexicographic
from solvers.contracts.problem import ClosureProblem
from solvers.contracts.scenarios.bound import objective
from solvers.contracts.scenarios.policies import (
    ClosingCVar,
    ClosingExpectedDeficit,
    ScenarioPlan,
    closing_cvar,
    closing_expected_deficit,
    scenario_optimality,
)
from solvers.contracts.scenarios.venue import Venue
from solvers.robustness.laws import Scenarios

SECONDS, GIGABYTES, GAP = 30.0, 2.0, 1e-6
"""What a closing at exchange size may take, and how close it must come."""

PATIENCE = 900.0
"""Seconds that the rival is given."""

BOOK = Nature(load=0.2, gap=0.02, capped=0.2)
MOST_LEVERAGE = 50.0


@dataclass(frozen=True)
class Case:
    """`level`: of CVaR, None for the expected deficit."""

    accounts: int
    markets: int
    scenarios: int
    level: float | None = None
    rival: bool = False

    def __str__(self) -> str:
        what = "expected-deficit" if self.level is None else f"cvar {self.level:g}"
        return f"closing by {what}, {self.markets} markets, {self.scenarios} scenarios"


@dataclass(frozen=True)
class Result:
    """`whole` is the objective in whole lots, `fairest` that of the fairest closing. `processor`: seconds of work."""

    seconds: float
    processor: float
    gigabytes: float
    reached: float
    bound: float
    gap: float
    whole: float
    fairest: float


RIVALS = (Case(2_000, 20, 500), Case(2_000, 20, 500, 0.95))
LARGE = (
    Case(5_000, 20, 500),
    Case(5_000, 160, 500),
    Case(20_000, 160, 500),
    Case(20_000, 160, 500, 0.95),
    Case(20_000, 160, 500, 0.99),
)


def problem(case: Case) -> ClosureProblem:
    """Heavy-tailed accounts, long and short, of gross leverage 1 to 50; moves of Student's t with 3 degrees of freedom,
    common and own parts, 9 % typically.
    """
    found = random_market(1, case.accounts, case.markets, 3, BOOK)
    rng = np.random.default_rng(20251010)
    gross, rows = found.account_notional, found.positions
    leverage = np.exp(rng.uniform(0, np.log(MOST_LEVERAGE), case.accounts))
    equity = np.rint(gross / leverage * 10.0**found.accounts.precision).astype(np.int64)
    solvent = found.account_equity_units > 0
    cash = np.where(solvent, equity - found.account_pnl_units, found.accounts.cash_units)
    exposure = np.zeros((case.accounts, case.markets))
    exposure[rows.account, rows.market] = np.sign(found.lots) * found.position_notional
    common = rng.standard_t(3, (case.scenarios, 1)) * rng.uniform(0.5, 1.5, case.markets) * 0.05
    moves = np.clip(common + rng.standard_t(3, (case.scenarios, case.markets)) * 0.035, -0.95, 3)
    accounts = replace(
        found.accounts, cash_units=cash, exposure=exposure, min_equity_units=np.zeros(case.accounts, np.int64)
    )
    return replace(found, accounts=accounts, shock=Scenarios(moves))


def against_cvxpy() -> Iterator[Line]:
    """2,000 accounts x 20 markets x 500 scenarios, each once."""
    for case in RIVALS:
        ours, theirs = in_a_process(__name__, case, Result), in_a_process(__name__, replace(case, rival=True), Result)
        off = theirs.reached / ours.reached - 1
        done = f"its closing's objective {off:+.0e} of ours" if np.isfinite(off) else f"not done in {PATIENCE:g} s"
        yield line_of(
            str(case), case.accounts, "solve, lots and certificate", "cvxpy with HiGHS",
            [(ours.seconds, theirs.seconds)], at_most=1 / 8,
            note=f"{_figures(ours)}; theirs {theirs.gigabytes:.2g} GB, {done}",
        )  # fmt: skip


def at_exchange_size() -> Iterator[str]:
    """How time grows with accounts and markets, with gap, memory and what whole lots and fairness cost."""
    for case in LARGE:
        found = in_a_process(__name__, case, Result)
        met = found.seconds <= SECONDS and found.gigabytes <= GIGABYTES and found.gap <= GAP
        fact = (
            f"{case}, {case.accounts:,} accounts: {found.seconds:.1f} s ({found.processor:.1f} s of work) with "
            f"lots and certificate, {_figures(found)}; wanted {SECONDS:g} s, {GIGABYTES:g} GB and a gap of {GAP:g}: "
            f"{'met' if met else 'MISSED'}."
        )
        print(fact, flush=True)
        yield fact


def _figures(found: Result) -> str:
    return (
        f"gap {found.gap:.0e}, whole lots {found.whole / found.reached - 1:+.1e}, fairest closing "
        f"{found.fairest / found.reached - 1:+.1%}, {found.gigabytes:.2g} GB"
    )


def _run(case: Case) -> Result:
    found = problem(case)
    _ = found.wealth, found.arcs, found.common_gaps
    started, worked = perf_counter(), process_time()
    if case.level is None:
        closing = closing_expected_deficit(found, ClosingExpectedDeficit())
    else:
        closing = closing_cvar(found, ClosingCVar(level=case.level))
    assert isinstance(closing.plan, ScenarioPlan)
    proof = scenario_optimality(found, closing.plan)
    seconds, processor = perf_counter() - started, process_time() - worked
    gigabytes, reached = peak_gigabytes(), proof.objective
    venue = Venue.of(found)
    if case.rival:
        started = perf_counter()
        reached = _plain(found, venue, closing.plan, case.level)
        seconds, gigabytes = perf_counter() - started, peak_gigabytes()
    fair = lexicographic(found, Lexicographic())
    whole, fairest = (
        objective(venue, venue.losses(lots.astype(np.float64)), case.level) for lots in (closing.lots, fair.lots)
    )
    return Result(seconds, processor, gigabytes, reached, proof.bound, proof.relative_gap, whole, fairest)


def _plain(found: ClosureProblem, venue: Venue, plan: ScenarioPlan, level: float | None) -> float:
    """A variable for the loss of every account in every scenario, in units of the mean equity; the objective of the
    closing that it finds, recomputed. NaN where it is not done in time.
    """
    n, scenarios, arcs = len(venue.rows), len(venue.moves), len(venue.lots)
    mean = float(venue.equity.mean())
    (_, margins), *rest = venue.margins(np.zeros(arcs))
    margins = np.vstack((margins, *(more for _, more in rest))) / mean
    owner = csr_array((np.ones(arcs), (venue.account, np.arange(arcs))), shape=(n, arcs))
    taking = csr_array((venue.lots / plan.need[venue.demand], (venue.demand, np.arange(arcs))))
    slopes = venue.slopes(np.arange(arcs)) * venue.lots[:, None] / mean
    rows = (venue.account[:, None] * scenarios + np.arange(scenarios)).ravel()
    pairs = csr_array((slopes.ravel(), (rows, np.repeat(np.arange(arcs), scenarios))), shape=(n * scenarios, arcs))
    x, losses = cp.Variable(arcs, bounds=[0, 1]), cp.Variable(n * scenarios, bounds=[0, None])
    caps = found.wealth.cap_units[venue.rows] / 10.0**found.accounts.precision
    spend = owner @ csr_array((venue.gap * venue.lots, (np.arange(arcs), np.arange(arcs))), shape=(arcs, arcs))
    limits = [losses >= margins.ravel() + pairs @ x, taking @ x == 1, (spend @ x) / mean <= caps / mean]
    if level is None:
        worst = cp.sum(cp.multiply(np.tile(venue.chances, n), losses))
    else:
        z, over = cp.Variable(), cp.Variable(scenarios, bounds=[0, None])
        sums = csr_array((np.ones(n * scenarios), (np.tile(np.arange(scenarios), n), np.arange(n * scenarios))))
        limits.append(over >= sums @ losses - z)
        worst = z + cp.sum(cp.multiply(venue.chances / (1 - level), over))
    program = cp.Problem(cp.Minimize(worst), limits)
    try:
        program.solve(solver=cp.HIGHS, highs_options={"time_limit": PATIENCE})
    except cp.SolverError:
        return float("nan")
    if program.status != cp.OPTIMAL or x.value is None:
        return float("nan")
    return objective(venue, venue.losses(np.clip(x.value, 0, 1) * venue.lots), level)


if __name__ == "__main__":
    answer(Case, _run)
