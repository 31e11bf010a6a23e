"""Linear programs by ortools' GLOP."""

from importlib import import_module
from math import inf
from typing import Any

import numpy as np

from solvers.errors import SolverError, SolverFailed, SolverTimeout
from solvers.money import Float64

STATUSES: dict[str, type[SolverError] | None] = {
    "OPTIMAL": None,
    "FEASIBLE": SolverTimeout,  # stopped by a limit
    "INFEASIBLE": SolverFailed,  # of a problem that was checked to be feasible
    "UNBOUNDED": SolverFailed,
    "ABNORMAL": SolverFailed,
    "MODEL_INVALID": SolverFailed,
    "NOT_SOLVED": SolverTimeout,  # stopped by a limit before anything feasible was found
}
"""Every status that pywraplp knows, to what it means here."""

_PRECISE = "primal_feasibility_tolerance: 1e-12 dual_feasibility_tolerance: 1e-12 use_preprocessing: false"


def min_max(weights: Float64, caps: Float64, amount: float, seconds: float = inf) -> Float64:
    """Haircuts h = x / w of min t over 0 <= x_i <= w_i cap_i, x_i <= t w_i and sum x_i = amount.

    Solved for x in units of the mean amount and t in units of the mean haircut. In amounts, not haircuts, so that all
    accounts weigh the same in the dual, and none is so light that the solver does not care.

    At the smallest t the bounds min(w_i cap_i, t w_i) leave room for the amount and for nothing more, since with more
    room t could be smaller. So every x_i is at its bound, and the solution is unique. Raises SolverFailed or
    SolverTimeout by STATUSES.
    """
    lp: Any = import_module("ortools.linear_solver.pywraplp")
    n, scale = len(weights), amount / float(weights.sum())
    weights = weights / float(weights.mean())
    solver = lp.Solver.CreateSolver("GLOP")
    solver.SetSolverSpecificParametersAsString(_PRECISE)
    if seconds < inf:
        solver.SetTimeLimit(max(1, int(seconds * 1e3)))
    worst = solver.NumVar(0, solver.infinity(), "t")
    budget = solver.Constraint(n, n)
    amounts = []
    for weight, cap in zip(weights.tolist(), (caps / scale).tolist(), strict=True):
        taken = solver.NumVar(0, min(weight * cap, float(n)), "")
        budget.SetCoefficient(taken, 1)
        below = solver.Constraint(-solver.infinity(), 0)
        below.SetCoefficient(taken, 1)
        below.SetCoefficient(worst, -weight)
        amounts.append(taken)
    solver.Minimize(n * worst)
    _require(solver.Solve(), lp.Solver)
    # Of the lightest accounts more than t w is within GLOP's tolerance.
    found = np.minimum(np.array([taken.solution_value() for taken in amounts]) / weights, worst.solution_value())
    haircuts: Float64 = found * scale
    return haircuts


def _require(status: int, names: type) -> None:
    name = next((name for name in STATUSES if getattr(names, name) == status), None)
    error = SolverFailed if name is None else STATUSES[name]
    if error is not None:
        raise error(f"GLOP ended with status {name or status}; method closed-form solves this book")
