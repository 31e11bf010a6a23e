"""The same program by HiGHS' dual simplex: for small ones whose caps leave no interior, where prices have no centre.

columns  x of the arcs, l of the pairs; for CVaR z and over_s
rows     l - slope . x >= u a pair, E x = 1 a demand, cost . x <= 1 an account, and over_s - sum l + z >= constant_s
"""

import numpy as np
import scipy

from solvers.backends import highs
from solvers.backends.deadline import Deadline
from solvers.contracts.scenarios.multipliers import Proof
from solvers.contracts.scenarios.program import Program
from solvers.money import Float64, Int64
from solvers.robustness.worst import admissible


def size(program: Program) -> int:
    """Pairs and arcs."""
    return sum(len(block.margin) + block.arcs.size for block in program.blocks)


def vertex(program: Program, deadline: Deadline) -> tuple[Float64, Proof]:
    """x of the arcs, and what bounds it. Raises SolverFailed or SolverTimeout."""
    blocks, weights = program.blocks, program.weights
    dollars = float(np.mean(np.concatenate([block.scale for block in blocks])))
    arcs, accounts = len(program.choice.arcs), sum(len(block.arcs) for block in blocks)
    pairs, T = sum(len(block.margin) for block in blocks), len(weights) if program.tail else 0
    open_ = np.flatnonzero(program.choice.need > 0)
    place = np.zeros(len(program.choice.need), np.int64)
    place[open_] = pairs + np.arange(len(open_))
    caps, tails = pairs + len(open_), pairs + len(open_) + accounts
    entries: list[tuple[Int64, Int64, Float64]] = []
    costs, low = np.zeros(arcs + pairs + (1 + T if T else 0)), np.full(tails + T, -np.inf)
    high = np.full(tails + T, np.inf)
    low[pairs:caps] = high[pairs:caps] = 1.0
    high[caps:tails] = 1.0
    pair, account = 0, 0
    for block in blocks:
        n, j = block.arcs.shape
        rows = pair + np.arange(len(block.margin))
        costs[block.arcs.ravel()] = block.linear.ravel() / dollars
        for slot, slope in enumerate(block.slope):
            entries.append((rows, block.arcs[block.owner, slot], -slope / dollars))
        entries.append((rows, arcs + rows, np.ones(len(rows))))
        low[rows] = block.margin / dollars
        entries.append((place[block.demand].ravel(), block.arcs.ravel(), block.part.ravel()))
        entries.append((np.repeat(caps + account + np.arange(n), j), block.arcs.ravel(), block.cost.ravel()))
        if T:
            entries.append((tails + block.scenario, arcs + rows, -np.ones(len(rows))))
        else:
            costs[arcs + rows] = weights[block.scenario]
        pair, account = pair + len(rows), account + n
    if T:
        every = np.arange(T)
        costs[arcs + pairs] = 1.0
        costs[arcs + pairs + 1 :] = weights
        entries.append((tails + every, np.full(T, arcs + pairs), np.ones(T)))
        entries.append((tails + every, arcs + pairs + 1 + every, np.ones(T)))
        low[tails:] = program.constant / dollars
    at_row, at_column, values = (np.concatenate([entry[part] for entry in entries]) for part in range(3))
    matrix = scipy.sparse.csc_array((values, (at_row, at_column)), shape=(len(low), len(costs)))
    places = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)
    upper = np.where(np.arange(len(costs)) < arcs, 1.0, np.inf)
    found = highs.minimise(
        highs.Program(costs, upper, low, high, *places, matrix.data),
        np.full(len(costs), highs.LOWER),
        np.full(len(low), highs.BASIC),
        deadline,
    )
    y = np.maximum(found.prices[:pairs], 0.0)
    price = np.zeros(len(place))
    price[open_] = found.prices[pairs:caps] * dollars
    q = admissible(found.prices[tails:], weights, 0.0) if T else weights
    ends = np.cumsum([len(block.margin) for block in blocks])[:-1]
    none = np.zeros(len(program.venue.rows))
    return np.clip(found.x[:arcs], 0, 1), Proof(price, q, np.split(y, ends), none)
