"""Convex programs by cvxpy with Clarabel."""

import warnings
from importlib import import_module
from math import inf
from time import monotonic
from typing import Any, Literal

import numpy as np

from solvers.errors import SolverError, SolverFailed, SolverTimeout
from solvers.money import Float64

Disutility = Literal["quadratic", "power", "entropy"]

STATUSES: dict[str, type[SolverError] | None] = {
    "optimal": None,
    "optimal_inaccurate": SolverFailed,
    "infeasible": SolverFailed,  # of a problem that was checked to be feasible
    "infeasible_inaccurate": SolverFailed,
    "unbounded": SolverFailed,
    "unbounded_inaccurate": SolverFailed,
    "infeasible_or_unbounded": SolverFailed,
    "user_limit": SolverTimeout,
    "solver_error": SolverFailed,
}
"""Every status that cvxpy knows, to what it means here; an inaccurate solution is not a solution."""

TOLERANCES = (1e-12, 1e-10, 1e-8)
"""Tried in turn: where Clarabel stalls before one, it says inaccurate or fails, and the next is asked for."""

_ROOM = 10.0
_STEP = 10.0


def separable(weights: Float64, caps: Float64, amount: float, disutility: Disutility, seconds: float = inf) -> Float64:
    """min sum w_i phi(h_i) over 0 <= h_i <= cap_i and sum w_i h_i = amount; phi = h^2/2, h^3/3 or h log h.

    For 0 < amount < sum w_i cap_i and positive weights and caps. Raises SolverFailed or SolverTimeout by STATUSES.

    Solved for g = h / s with s = amount / sum w and weights of mean one, so that the weighted mean of g is one:
    phi(s g) is phi(g) times a constant, plus one that the budget fixes. Upper bounds that are far above the mean are
    brought near it first, since a bound of 1e16 is more than doubles bear. No harm is done where no account comes
    near such a bound: constraints that are not active can be dropped from a convex program. Otherwise they are moved
    out, and the program is solved again.
    """
    scale = amount / float(weights.sum())
    weights, bounds = weights / float(weights.mean()), caps / scale
    room, end = _ROOM, monotonic() + seconds
    while True:
        near = np.minimum(bounds, room)
        moved = near < bounds
        if not moved.any() or weights @ near > 1.01 * len(weights):
            solution = _mean_one(weights, near, disutility, end)
            if (solution[moved] < room / 2).all():
                return solution * scale
        room *= _STEP


def _mean_one(weights: Float64, bounds: Float64, disutility: Disutility, end: float) -> Float64:
    """min sum w_i phi(g_i) over 0 <= g_i <= bound_i and sum w_i g_i = n.

    Variables are v = r g, with r so that heavy and light accounts weigh the same where phi allows it: sqrt w makes
    the quadratic sum v^2 / 2, and w makes the entropy sum v log (v / w), less what the budget fixes.
    """
    cp: Any = import_module("cvxpy")  # 2 s, so not before it is needed

    n = len(weights)
    roots = {"quadratic": np.sqrt(weights), "power": np.ones(n), "entropy": weights}[disutility]
    v = cp.Variable(n, bounds=[np.zeros(n), roots * bounds])
    objective = {
        "quadratic": lambda: cp.sum_squares(v) / 2,
        "power": lambda: weights @ cp.power(v, 3) / 3,
        "entropy": lambda: cp.sum(cp.kl_div(v, weights)),
    }[disutility]()
    program = cp.Problem(cp.Minimize(objective), [(weights / roots) @ v == n])
    status: object = "solver_error"
    for tolerance in TOLERANCES:
        left = end - monotonic()
        if left <= 0:
            raise SolverTimeout("the time was up before Clarabel was done")
        try:
            with warnings.catch_warnings(action="ignore", category=UserWarning):  # the status says as much
                program.solve(
                    solver=cp.CLARABEL,
                    tol_gap_abs=tolerance,
                    tol_gap_rel=tolerance,
                    tol_feas=tolerance,
                    max_threads=1,
                    time_limit=left,
                )
            status = program.status
        except cp.SolverError:
            status = "solver_error"
        if STATUSES.get(str(status), SolverFailed) is None:
            break
    _require(status)
    solution: Float64 = np.asarray(v.value, dtype=np.float64) / roots
    return solution


def _require(status: object) -> None:
    error = STATUSES.get(str(status), SolverFailed)
    if error is not None:
        raise error(f"Clarabel ended with status {status}; method closed-form solves this book")
