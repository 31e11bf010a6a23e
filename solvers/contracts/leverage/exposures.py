"""The accounts whose positions may be closed, and how much their equity moves as they are.

    s_i^2 = (q_i - x_i)' S (q_i - x_i),   q signed lots, x what is closed of them, S the covariance of a lot's value

Positions that may not be closed stay, and count in s. By account and arc, with y = signed lots left on its n arcs:
s^2 = y' S_nn y + 2 c' y + k, where c and k come from the positions that stay.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from solvers.contracts.leverage.sums import sums
from solvers.contracts.network import Network
from solvers.contracts.problem import ClosureProblem
from solvers.money import Float64, Int64

_BLOCK = 2**20
"""Products of positions and covariances held at a time: 8 MB."""

_THIN = 1e-6
_SLACK = 1e-9
"""A cap that is no more than this share above what all closes of its bearer cost may bind."""


@dataclass(frozen=True)
class Group:
    """N accounts with n arcs each. Lots are shares of the arc's lots here, so that all is in currency.

    accounts, arcs    N rows of `Exposures`; n x N arcs
    within            n x n x N, covariances of the whole positions on the arcs, signs included
    across            n x N, their covariances with all that stays
    staying           N, the variance of what stays
    """

    accounts: Int64
    arcs: Int64
    within: Float64
    across: Float64
    staying: Float64

    @cached_property
    def gross(self) -> Float64:
        """N: the largest deviation the positions could add up to, if they moved together."""
        own = np.sqrt(np.einsum("iik->ik", self.within)).sum(axis=0)
        found: Float64 = own + np.sqrt(np.maximum(self.staying, 0.0))
        return found

    def moments(self, left: Float64) -> tuple[Float64, Float64]:
        """s^2 and its half gradient in `left`, the shares n x N that are left of the arcs' positions."""
        half = np.add.reduce(self.within * left, axis=1) + self.across
        variance = np.add.reduce(left * (half + self.across), axis=0) + self.staying
        return np.maximum(variance, 0.0), half


@dataclass(frozen=True)
class Exposures:
    """N accounts, A arcs, m demands; arcs in the order of account ids, then of symbols.

    rows, demands    the arcs' and the demands' places among those of the problem
    equity     N, in currency
    account, demand, most    A: the ends of an arc and the lots it has
    cost       A, in currency a lot;  cap: N, in currency, infinite where all can be closed below it
    need       m, lots to be closed, no more than can be
    deviation  m, of the value of a lot, in currency
    groups     the accounts by their number of arcs
    """

    rows: Int64
    demands: Int64
    equity: Float64
    account: Int64
    demand: Int64
    most: Float64
    cost: Float64
    cap: Float64
    need: Float64
    deviation: Float64
    groups: tuple[Group, ...]

    @classmethod
    def of(
        cls, problem: ClosureProblem, covariance: Float64, rows: Int64, closed: Float64, need: Float64
    ) -> "Exposures":
        """Some arcs, when lots are closed on the others already.

        covariance    of the values of a lot, M x M
        rows          places of the arcs that may be closed now, ascending
        closed        lots of each arc of the problem; those of `rows` do not count
        need          lots that these arcs are to close, of each demand of the problem
        """
        arcs, unit = problem.arcs, 10.0**-problem.accounts.precision
        before = closed.copy()
        before[rows] = 0.0
        owner = problem.positions.account[arcs.position]
        accounts, account = _in_order(owner[rows])
        demands, demand = np.unique(arcs.demand[rows], return_inverse=True)
        most = arcs.lots[rows].astype(np.float64)
        cost = problem.gap_floats[demands[demand]] * unit
        paid = sums(owner, before * problem.gap_floats[arcs.demand] * unit, len(problem.accounts.ids))[accounts]
        cap = problem.wealth.cap_units[accounts] * unit - paid
        spent = sums(account, cost * most, len(accounts))
        binds = (spent > 0) & (spent > cap * (1 - _SLACK))
        cap = np.where(binds, np.maximum(cap, spent * 1e-12), np.inf)
        left = problem.lots.astype(np.float64)
        left[arcs.position] -= np.sign(left[arcs.position]) * before
        groups = _groups(problem, covariance, rows, accounts, account, left)
        deviation = np.sqrt(covariance.diagonal())[[problem.demands[place].market for place in demands]]
        equity = problem.account_equity_units[accounts] / 10.0**problem.accounts.precision
        return cls(rows, demands, equity, account, demand, most, cost, cap, need[demands], deviation, groups)


def of_lots(problem: ClosureProblem, covariance: Float64) -> Float64:
    """The covariance of the values of a lot, M x M, in currency squared."""
    sizes = np.array([float(size) for size in problem.markets.lots])
    found: Float64 = covariance * sizes[:, None] * sizes
    return found


@dataclass(frozen=True)
class Needs:
    """Lots of each demand: `wanted`, as much as can be closed of all together, and `planned`, with room to move.

    Where all that bearers may pay is just enough, the plan closes this part less: 1e-6. Whole lots make up for it.
    """

    wanted: Float64
    planned: Float64

    @classmethod
    def of(cls, problem: ClosureProblem) -> "Needs":
        # Late, since a flow loads a library that closings without caps can do without.
        from solvers.contracts.lexicographic import reachable  # noqa: PLC0415

        arcs, gaps = problem.arcs, problem.gap_floats
        held = sums(arcs.demand, arcs.lots, len(problem.demands))
        wanted = np.minimum([float(one.lots) for one in problem.demands], held)
        network = Network.of(problem)
        if not bool((network.paid(network.most) > network.cap * (1 - _SLACK)).any()):
            return cls(wanted, wanted)
        within = reachable(network.needing(wanted * gaps)).need
        short = ~problem.free & (within < wanted * gaps * (1 - _SLACK))
        wanted[short] = within[short] / gaps[short]
        planned = wanted.copy()
        for _ in range(len(planned)):
            carried = network.needing(planned * (1 + _THIN) * gaps).flow(network.cap)
            tight = ~carried.found.demands & ~problem.free & (planned == wanted)
            if carried.brings(float((planned * (1 + _THIN) * gaps).sum())) or not tight.any():
                break
            planned[tight] *= 1 - 2 * _THIN
        return cls(wanted, planned)


def _in_order(owner: Int64) -> tuple[Int64, Int64]:
    """The distinct owners in the order they come, and each one's place among them."""
    distinct, first, place = np.unique(owner, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return distinct[order], rank[place]


def _groups(
    problem: ClosureProblem, S: Float64, rows: Int64, accounts: Int64, account: Int64, left: Float64
) -> tuple[Group, ...]:
    position = problem.arcs.position[rows]
    market, lots = problem.positions.market[position], left[position]
    across, staying = _staying(problem, S, position, accounts, account, left)
    counts = np.bincount(account, minlength=len(accounts))
    first = np.cumsum(counts) - counts
    groups = []
    for n in np.unique(counts).tolist():
        members = np.flatnonzero(counts == n)
        arcs = first[members] + np.arange(n)[:, None]
        at, own = market[arcs], lots[arcs]
        within = S[at[:, None], at[None]] * own[:, None] * own[None]
        groups.append(Group(members, arcs, within, across[arcs] * own, staying[members]))
    return tuple(groups)


def _staying(
    problem: ClosureProblem, S: Float64, position: Int64, accounts: Int64, account: Int64, left: Float64
) -> tuple[Float64, Float64]:
    """Of each arc the covariance of one lot with what stays, of each account the variance of that."""
    stay = left.copy()
    stay[position] = 0.0
    place = np.full(len(problem.accounts.ids), -1)
    place[accounts] = np.arange(len(accounts))
    owner = place[problem.positions.account]
    kept = np.flatnonzero((stay != 0) & (owner >= 0))
    across, variance = np.zeros(len(position)), np.zeros(len(accounts))
    holders, holder = np.unique(owner[kept], return_inverse=True)
    table = csr_array((stay[kept], (holder, problem.positions.market[kept])), shape=(len(holders), len(S)))
    at = np.full(len(accounts), -1)
    at[holders] = np.arange(len(holders))
    height = max(1, _BLOCK // len(S))
    for start in range(0, len(holders), height):
        some: Any = table[start : start + height]
        moves = some @ S
        variance[holders[start : start + height]] = np.asarray((some * moves).sum(axis=1)).ravel()
        arcs = np.flatnonzero((at[account] >= start) & (at[account] < start + height))
        across[arcs] = moves[at[account[arcs]] - start, problem.positions.market[position[arcs]]]
    return across, variance
