"""Maximum flows from bearers to demands by ortools' push-relabel, with the minimum cut nearest to the source.

Where the cut alone is asked for, what it leaves on the source's side are the smallest demands D that minimise

    sum_i min(supply_i, what i could bring to demands outside D) + needs of D

so that a demand is in D if it gets more than its need however the others lie, and outside if it cannot get more. That
decides most of them, and leaves a small flow for the rest.
"""

from dataclasses import dataclass
from importlib import import_module
from math import inf
from typing import Any

import numpy as np

from solvers.errors import SolverError, SolverFailed
from solvers.money import Bool, Int64

STATUSES: dict[str, type[SolverError] | None] = {
    "OPTIMAL": None,
    "POSSIBLE_OVERFLOW": SolverFailed,  # capacities of a cut beyond 64 bits
    "BAD_INPUT": SolverFailed,
    "BAD_RESULT": SolverFailed,
}
"""Every status that SimpleMaxFlow knows, to what it means here."""

_WORTH = 0.95
"""Demands are looked at again as long as that left no more than this part of the arcs."""


@dataclass(frozen=True)
class Cut:
    """A minimum cut, through which `total` flows: `bearers` and `demands` on the source's side of it."""

    total: int
    bearers: Bool
    demands: Bool


@dataclass(frozen=True)
class Flow(Cut):
    """A flow, one an arc, less than zero where it goes back, and its minimum cut."""

    flows: Int64


def max_flow(
    supply: Int64, bearer: Int64, demand: Int64, capacity: Int64, need: Int64, back: Int64 | None = None
) -> Flow:
    """The most that n bearers can bring to m demands over A arcs.

    supply     n, what each bearer has;  need: m, what each demand takes
    bearer, demand, capacity    A, an arc's ends and the most it carries
    back       A, the most that may go the other way: what an earlier flow brought, when this one augments it
    All capacities whole, not negative, and of sum below 2^63 at each node. The same arcs in the same order give the
    same flow. Raises SolverFailed by STATUSES.
    """
    library: Any = import_module("ortools.graph.python.max_flow")
    solver = library.SimpleMaxFlow()
    n, m = len(supply), len(need)
    source, sink = n + m, n + m + 1
    given = np.zeros(0, np.int64) if back is None else back
    again = np.flatnonzero(given)
    starts = np.concatenate((np.full(n, source), bearer, np.arange(n, n + m), demand[again] + n)).astype(np.int32)
    ends = np.concatenate((np.arange(n), demand + n, np.full(m, sink), bearer[again])).astype(np.int32)
    arcs = solver.add_arcs_with_capacity(starts, ends, np.concatenate((supply, capacity, need, given[again])))
    status = solver.solve(source, sink)
    name = next((name for name in STATUSES if getattr(library.SimpleMaxFlow, name) == status), None)
    error = SolverFailed if name is None else STATUSES[name]
    if error is not None:
        raise error(f"the maximum flow ended with status {name or status}")
    side = np.zeros(n + m + 2, np.bool_)
    side[solver.get_source_side_min_cut()] = True
    carried: Int64 = solver.flows(arcs)
    flows = carried[n : n + len(bearer)].copy()
    flows[again] -= carried[len(carried) - len(again) :]
    return Flow(int(solver.optimal_flow()), side[:n], side[n : n + m], flows)


def min_cut(supply: Int64, bearer: Int64, demand: Int64, capacity: Int64, need: Int64) -> Cut:
    """The cut of `max_flow`, without the flow.

    Pass by pass: what bearers can bring nowhere else goes first, demands that it fills are inside, those that all that
    is left cannot fill are outside and take it.
    """
    inside, before = np.zeros(len(need), np.bool_), inf
    have, lack, b, d, room = supply, need, bearer, demand, capacity
    while len(b) and len(b) <= _WORTH * before:
        before = len(b)
        forced = np.minimum(np.maximum((have - _sums(room, b, len(have)))[b] + room, 0), room)
        have, lack = have - _sums(forced, b, len(have)), lack - _sums(forced, d, len(lack))
        room = np.minimum(room - forced, have[b])
        full = lack < 0
        short = ~full & (_sums(room, d, len(lack)) <= lack)
        have = np.maximum(have - _sums(room * short[d], b, len(have)), 0)
        inside |= full
        room = np.minimum(room, have[b])
        some = np.flatnonzero((room > 0) & ~(full | short)[d])
        b, d, room = b[some], d[some], room[some]
    if len(b):
        (bearers, b), (demands, d) = _compact(b, len(supply)), _compact(d, len(need))
        inside[demands] = max_flow(have[bearers], b, d, room, lack[demands]).demands
    across = _sums(capacity * ~inside[demand], bearer, len(supply))
    total = int(np.minimum(supply, across).sum()) + int(need[inside].sum())
    return Cut(total, supply > across, inside)


def _compact(places: Int64, count: int) -> tuple[Int64, Int64]:
    """Those of so many places that occur, and each one's number among them."""
    occurs = np.zeros(count, np.bool_)
    occurs[places] = True
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[places]


def _sums(values: Int64, group: Int64, groups: int) -> Int64:
    result = np.zeros(groups, np.int64)
    np.add.at(result, group, values)
    return result
