"""Convex programs by cvxpy with Clarabel."""

import warnings
from importlib import import_module
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

TOLERANCES = (1e-10, 1e-8, 1e-6)
"""Tried in turn: on large books the cones of `entropy` stall before the first, and end as inaccurate."""


def separable(weights: Float64, caps: Float64, amount: float, disutility: Disutility) -> Float64:
    """min sum w_i phi(h_i) over 0 <= h_i <= cap_i and sum w_i h_i = amount; phi = h^2/2, h^3/3 or h log h.

    Solved for g = h / s with s = amount / sum w, whose weighted mean is one: phi(s g) is phi(g) times a constant, plus
    one that the budget fixes. Raises SolverFailed or SolverTimeout by STATUSES.
    """
    cp: Any = import_module("cvxpy")  # 2 s, so not before it is needed

    scale = amount / float(weights.sum())
    shares = weights / float(weights.sum())
    g = cp.Variable(
        len(weights), nonneg=disutility != "entropy"
    )  # entropy has it in its domain, and stalls on it twice
    phi = {"quadratic": lambda: cp.square(g) / 2, "power": lambda: cp.power(g, 3) / 3, "entropy": lambda: -cp.entr(g)}
    n = len(weights)
    program = cp.Problem(cp.Minimize((shares * n) @ phi[disutility]()), [(shares * n) @ g == n, g <= caps / scale])
    for tolerance in TOLERANCES:
        try:
            with warnings.catch_warnings(action="ignore", category=UserWarning):  # the status says as much
                program.solve(
                    solver=cp.CLARABEL,
                    tol_gap_abs=tolerance,
                    tol_gap_rel=tolerance,
                    tol_feas=tolerance,
                    max_threads=1,
                )
        except cp.SolverError:
            continue
        if STATUSES.get(program.status, SolverFailed) is None:
            break
    _require(program.status)
    solution: Any = g.value
    return np.asarray(solution, dtype=np.float64) * scale


def _require(status: object) -> None:
    error = STATUSES.get(str(status), SolverFailed)
    if error is not None:
        raise error(f"Clarabel ended with status {status}; method closed-form solves this book")
