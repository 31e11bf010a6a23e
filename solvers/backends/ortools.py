"""Linear programs by ortools' GLOP."""

from solvers.errors import SolverError, SolverFailed, SolverTimeout
from solvers.money import Float64

STATUSES: dict[str, type[SolverError] | None] = {
    "OPTIMAL": None,
    "FEASIBLE": SolverTimeout,  # stopped by a limit
    "INFEASIBLE": SolverFailed,  # of a problem that was checked to be feasible
    "UNBOUNDED": SolverFailed,
    "ABNORMAL": SolverFailed,
    "MODEL_INVALID": SolverFailed,
    "NOT_SOLVED": SolverFailed,
}
"""Every status that pywraplp knows, to what it means here."""


def min_max(weights: Float64, caps: Float64, amount: float) -> list[float]:
    """min t over 0 <= h_i <= cap_i, h_i <= t and sum w_i h_i = amount. Weights should have mean one.

    At the smallest t the amount is all that the bounds min(cap_i, t) leave room for, so every h_i is at its bound
    and the solution is unique. Raises SolverFailed or SolverTimeout by STATUSES.
    """
    from ortools.linear_solver import pywraplp  # noqa: PLC0415

    solver = pywraplp.Solver.CreateSolver("GLOP")
    worst = solver.NumVar(0, 1, "t")
    budget = solver.Constraint(amount, amount)
    haircuts = []
    for weight, cap in zip(weights.tolist(), caps.tolist(), strict=True):
        haircut = solver.NumVar(0, cap, "")
        budget.SetCoefficient(haircut, weight)
        below = solver.Constraint(-solver.infinity(), 0)
        below.SetCoefficient(haircut, 1)
        below.SetCoefficient(worst, -1)
        haircuts.append(haircut)
    solver.Minimize(worst)
    _require(solver.Solve(), pywraplp.Solver)
    return [haircut.solution_value() for haircut in haircuts]


def _require(status: int, names: type) -> None:
    name = next((name for name in STATUSES if getattr(names, name) == status), None)
    error = SolverFailed if name is None else STATUSES[name]
    if error is not None:
        raise error(f"GLOP ended with status {name or status}; method closed-form solves this book")
