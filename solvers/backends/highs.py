"""Linear programs by HiGHS' dual simplex, warm from the basis of a similar one."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from solvers.backends.deadline import Deadline
from solvers.errors import SolverError, SolverFailed, SolverTimeout
from solvers.money import Bool, Float64, Int64

STATUSES: dict[str, type[SolverError] | None] = {
    "kOptimal": None,
    "kTimeLimit": SolverTimeout,
    "kIterationLimit": SolverTimeout,
    "kObjectiveBound": SolverTimeout,
    "kObjectiveTarget": SolverTimeout,
    "kSolutionLimit": SolverTimeout,
    "kInterrupt": SolverTimeout,
    "kHighsInterrupt": SolverTimeout,
    "kMemoryLimit": SolverFailed,
    "kInfeasible": SolverFailed,  # of a program that is feasible by its making
    "kUnbounded": SolverFailed,  # all variables have bounds
    "kUnboundedOrInfeasible": SolverFailed,
    "kModelEmpty": SolverFailed,
    "kModelError": SolverFailed,
    "kLoadError": SolverFailed,
    "kPresolveError": SolverFailed,
    "kPostsolveError": SolverFailed,
    "kSolveError": SolverFailed,
    "kNotset": SolverFailed,
    "kUnknown": SolverFailed,
}
"""Every status that HiGHS knows, to what it means here."""

LOWER, BASIC, UPPER = 0, 1, 2
"""Where a variable of a basis stands, by HiGHS' own numbers."""

_OPTIONS = {
    "output_flag": False,
    "solver": "simplex",
    "presolve": "off",  # it would lose the basis
    "parallel": "off",  # and no number of threads: HiGHS refuses one that differs from its first in the process
    "random_seed": 0,
    "simplex_iteration_limit": 200_000,  # what an answer depends on; a clock only refuses to give one
    "primal_feasibility_tolerance": 1e-9,
    "dual_feasibility_tolerance": 1e-9,
    "small_matrix_value": 1e-12,
}


_LATE = 0.01
"""Seconds after the deadline at which HiGHS stops, by a clock of its own: then the deadline has surely passed."""


@dataclass(frozen=True)
class Program:
    """min costs . x over 0 <= x <= upper and low <= M x <= high; the n columns of M are compressed one by one.

    starts (n + 1), places and values: column j has values[starts[j]:starts[j + 1]] in the rows places[...]
    """

    costs: Float64
    upper: Float64
    low: Float64
    high: Float64
    starts: Int64
    places: Int64
    values: Float64


@dataclass(frozen=True)
class Vertex:
    """x, the price of each row, and where columns and rows stand in the basis (LOWER, BASIC or UPPER)."""

    x: Float64
    prices: Float64
    columns: Int64
    rows: Int64


def minimise(program: Program, columns: Int64, rows: Int64, deadline: Deadline) -> Vertex:
    """An optimal vertex, from the basis of `columns` and `rows`, which need not be optimal nor feasible.

    Raises SolverFailed or SolverTimeout by STATUSES, and SolverTimeout at the deadline.
    """
    highspy: Any = import_module("highspy")
    solver = highspy.Highs()
    for option, value in _OPTIONS.items():
        solver.setOptionValue(option, value)
    solver.setOptionValue("time_limit", max(deadline.left(), 0.0) + _LATE)
    solver.passModel(_model(highspy, program))
    standing = {status.value: status for status in highspy.HighsBasisStatus.__members__.values()}
    basis = highspy.HighsBasis()
    basis.col_status = [standing[status] for status in columns.tolist()]
    basis.row_status = [standing[status] for status in rows.tolist()]
    basis.valid, basis.alien = True, True  # alien: HiGHS makes it square and regular where it is not
    solver.setBasis(basis)
    solver.run()
    deadline.check()
    _require(solver.getModelStatus().name)
    found, basis = solver.getSolution(), solver.getBasis()
    return Vertex(
        np.array(found.col_value, np.float64),
        np.array(found.row_dual, np.float64),
        np.array([status.value for status in basis.col_status], np.int64),
        np.array([status.value for status in basis.row_status], np.int64),
    )


def _model(highspy: Any, program: Program) -> Any:
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(program.costs), len(program.low)
    model.col_cost_, model.col_lower_, model.col_upper_ = program.costs, np.zeros_like(program.upper), program.upper
    model.row_lower_, model.row_upper_ = program.low, program.high
    matrix = model.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kColwise
    matrix.start_ = program.starts.astype(np.int32)
    matrix.index_, matrix.value_ = program.places.astype(np.int32), program.values
    return model


def _require(status: str) -> None:
    error = STATUSES.get(status, SolverFailed)
    if error is not None:
        raise error(f"HiGHS ended with status {status}")


def compressed(dense: Float64) -> tuple[Int64, Int64, Float64]:
    """(starts, places, values) of the columns of M, given as the rows of `dense`."""
    held: Bool = dense != 0
    starts = np.concatenate(([0], np.cumsum(np.count_nonzero(held, axis=1))))
    return starts, np.nonzero(held)[1], dense[held]
