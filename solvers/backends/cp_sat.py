"""Integer programs by ortools' CP-SAT."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from math import inf
from typing import Any, Literal

from solvers.errors import SolverFailed

Meaning = Literal["found", "impossible", "undecided"]

STATUSES: dict[str, Meaning | None] = {
    "OPTIMAL": "found",  # of a program without an objective: any solution
    "FEASIBLE": "found",
    "INFEASIBLE": "impossible",
    "UNKNOWN": "undecided",  # stopped by a limit
    "MODEL_INVALID": None,  # a failure
}
"""Every status that CP-SAT knows, to what it means here."""


@dataclass(frozen=True)
class IntegerProgram:
    """Integers 0 <= k_j <= upper_j,  low <= sum of some k_j <= high,  sum c_j k_j <= most.

    sums    (places of the k_j, low, high)
    rows    (places, coefficients, most); every sum of c_j upper_j is below 2^63
    hint    a k to look at first, feasible or not
    """

    upper: Sequence[int]
    sums: Sequence[tuple[Sequence[int], int, int]]
    rows: Sequence[tuple[Sequence[int], Sequence[int], int]]
    hint: Sequence[int]


@dataclass(frozen=True)
class Answer:
    """Whether the program has a solution, one where it was found, and the deterministic time it took."""

    meaning: Meaning
    values: list[int]
    work: float


def feasible(program: IntegerProgram, work: float, seconds: float = inf) -> Answer:
    """Look for a solution with one worker. Raises SolverFailed by STATUSES.

    work      limit in CP-SAT's deterministic time, so that the same program has the same answer; about seconds
    seconds   limit on the clock
    """
    cp: Any = import_module("ortools.sat.python.cp_model")
    model = cp.CpModel()
    variables = [model.new_int_var(0, upper, "") for upper in program.upper]
    for places, low, high in program.sums:
        model.add_linear_constraint(cp.LinearExpr.sum([variables[place] for place in places]), low, high)
    for places, coefficients, most in program.rows:
        model.add(cp.LinearExpr.weighted_sum([variables[place] for place in places], coefficients) <= most)
    for variable, upper, value in zip(variables, program.upper, program.hint, strict=True):
        model.add_hint(variable, min(value, upper))
    solver = cp.CpSolver()
    settings = solver.parameters
    settings.num_workers, settings.random_seed, settings.max_deterministic_time = 1, 0, work
    if seconds < inf:
        settings.max_time_in_seconds = max(seconds, 1e-3)
    status = solver.status_name(solver.solve(model))
    meaning = STATUSES.get(status)
    if meaning is None:
        raise SolverFailed(f"CP-SAT ended with status {status}")
    values = [solver.value(variable) for variable in variables] if meaning == "found" else []
    return Answer(meaning, values, float(solver.response_proto.deterministic_time))
