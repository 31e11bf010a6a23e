"""Maximum flows from bearers to demands by ortools' push-relabel, with the minimum cut nearest to the source."""

from dataclasses import dataclass
from importlib import import_module
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


@dataclass(frozen=True)
class Flow:
    """A flow and its minimum cut.

    flows               A, one an arc, less than zero where it goes back
    bearers, demands    those on the source's side of the cut
    """

    flows: Int64
    total: int
    bearers: Bool
    demands: Bool


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
    return Flow(flows, int(solver.optimal_flow()), side[:n], side[n : n + m])
