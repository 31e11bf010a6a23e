"""Contract space: least worst haircut, fairest closing and the whole answer, against generic solvers of the least
worst haircut.
"""

from collections.abc import Callable, Iterator
from copy import copy
from functools import partial
from time import perf_counter

import cvxpy
import highspy
import numpy as np
from ortools.linear_solver import pywraplp
from scipy.sparse import csr_array

from bench.markets import Nature, random_market
from bench.timing import Line, compare
from solvers.contracts.certificate import worst_haircut_optimality
from solvers.contracts.fairest import Lexicographic
from solvers.contracts.lexicographic import lexicographic_plan, min_max_plan
from solvers.contracts.network import Network
from solvers.contracts.problem import ClosureProblem
from solvers.contracts.registry import CLOSING_POLICIES
from solvers.contracts.solve import ClosureSolution, close

ACCOUNTS, PER_ACCOUNT = 20_000, 3
MARKETS = (20, 160)
CRASH = Nature(load=0.2, gap=0.02, capped=0.2, shorts=1.0)
"""The bankrupt were long, and everybody else is short."""
_FEASIBLE = "primal_feasibility_tolerance: 1e-9 dual_feasibility_tolerance: 1e-9"


def flows_against_linear_programs() -> Iterator[Line]:
    """min t, sum of a demand's y = need, sum of a bearer's y <= min(cap, t w), 0 <= y <= u, in mean amounts."""
    for markets in MARKETS:
        read = random_market(1, ACCOUNTS, markets, PER_ACCOUNT, CRASH)
        problem = copy(read)
        network = _closable(Network.of(problem))
        level = worst_haircut_optimality(problem, min_max_plan(problem)).objective
        rivals: dict[str, Callable[[Network], float]] = {"GLOP": glop, "HiGHS": highs, "cvxpy's default": by_cvxpy}
        found, seconds = {}, {}
        for name, rival in rivals.items():
            started = perf_counter()
            found[name] = rival(network)
            seconds[name] = perf_counter() - started
        best = min(seconds, key=seconds.__getitem__)
        others = ", ".join(
            f"{name} {seconds[name]:.3g} s, off by {abs(found[name] / level - 1):.0e}" for name in rivals
        )
        theirs = best, partial(rivals[best], network)

        def whole(read: ClosureProblem = read) -> ClosureSolution:
            """Arcs and gaps as well: a copy has not worked them out yet."""
            return close(copy(read), CLOSING_POLICIES["lexicographic"], Lexicographic())

        note = f"own gap {whole().certificate.relative_gap:.0e}"
        yield compare(
            f"least worst haircut, {markets} markets", ACCOUNTS, ("flows", partial(min_max_plan, problem)), theirs,
            repetitions=3, at_most=1 / 25, note=others,
        )  # fmt: skip
        yield compare(
            f"fairest closing, {markets} markets", ACCOUNTS, ("flows", partial(lexicographic_plan, problem)), theirs,
            repetitions=3, note=note,
        )  # fmt: skip
        yield compare(
            f"whole lexicographic answer, {markets} markets", ACCOUNTS, ("close", whole), theirs,
            repetitions=3, at_most=1 / 10, note=f"lots, costs, verification and certificate; {note}",
        )  # fmt: skip


def _closable(network: Network) -> Network:
    carried = network.flow(network.cap)
    if not carried.brings(float(network.need.sum())):
        raise RuntimeError("the benchmark's book cannot be closed: the linear program would be infeasible")
    return network


def _scaled(network: Network) -> tuple[Network, float]:
    scale = float(network.need.sum()) / max(len(network.weight), 1)
    return Network(
        network.rows, network.holders, network.weight / scale, network.cap / scale, network.bearer, network.demand,
        network.most / scale, network.need / scale,
    ), scale  # fmt: skip


def glop(network: Network) -> float:
    network, _ = _scaled(network)
    solver = pywraplp.Solver.CreateSolver("GLOP")
    solver.SetSolverSpecificParametersAsString(_FEASIBLE)
    worst = solver.NumVar(0, 1, "t")
    below = [solver.Constraint(-solver.infinity(), 0) for _ in network.weight]
    capped = [solver.Constraint(-solver.infinity(), cap) for cap in network.cap.tolist()]
    needs = [solver.Constraint(need, need) for need in network.need.tolist()]
    for row, weight in zip(below, network.weight.tolist(), strict=True):
        row.SetCoefficient(worst, -weight)
    arcs = zip(network.bearer.tolist(), network.demand.tolist(), network.most.tolist(), strict=True)
    for bearer, demand, most in arcs:
        amount = solver.NumVar(0, most, "")
        for row in (below[bearer], capped[bearer], needs[demand]):
            row.SetCoefficient(amount, 1)
    solver.Minimize(worst)
    assert solver.Solve() == pywraplp.Solver.OPTIMAL
    return float(worst.solution_value())


def highs(network: Network) -> float:
    network, _ = _scaled(network)
    n, m, a = len(network.weight), len(network.need), len(network.most)
    rows = np.concatenate((network.bearer, network.bearer + n, network.demand + 2 * n, np.arange(n)))
    columns = np.concatenate((np.tile(np.arange(a), 3), np.full(n, a)))
    values = np.concatenate((np.ones(3 * a), -network.weight))
    matrix = csr_array((values, (rows, columns)), shape=(2 * n + m, a + 1)).tocsc()
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = a + 1, 2 * n + m
    model.col_cost_ = np.append(np.zeros(a), 1.0)
    model.col_lower_, model.col_upper_ = np.zeros(a + 1), np.append(network.most, 1.0)
    model.row_lower_ = np.concatenate((np.full(2 * n, -highspy.kHighsInf), network.need))
    model.row_upper_ = np.concatenate((np.zeros(n), network.cap, network.need))
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    solver = highspy.Highs()
    solver.silent()
    solver.passModel(model)
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(solver.getObjectiveValue())


def by_cvxpy(network: Network) -> float:
    network, _ = _scaled(network)
    n, m, a = len(network.weight), len(network.need), len(network.most)
    of_bearer = csr_array((np.ones(a), (network.bearer, np.arange(a))), shape=(n, a))
    of_demand = csr_array((np.ones(a), (network.demand, np.arange(a))), shape=(m, a))
    amount, worst = cvxpy.Variable(a, bounds=[np.zeros(a), network.most]), cvxpy.Variable(bounds=[0, 1])
    paid = of_bearer @ amount
    limits = [paid <= worst * network.weight, paid <= network.cap, of_demand @ amount == network.need]
    return float(cvxpy.Problem(cvxpy.Minimize(worst), limits).solve())
