"""The rules of the house that a machine can check."""

import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest

from tests.processes import ROOT

SOLVE = {
    "ortools": """
from ortools.linear_solver import pywraplp
solver = pywraplp.Solver.CreateSolver("GLOP")
x = solver.NumVar(0, 1, "x")
solver.Maximize(x)
assert solver.Solve() == pywraplp.Solver.OPTIMAL and x.solution_value() == 1
""",
    "cvxpy with HiGHS": """
import cvxpy
y = cvxpy.Variable(bounds=[0, 1])
assert cvxpy.Problem(cvxpy.Maximize(y)).solve(solver=cvxpy.HIGHS) == 1
""",
    "highspy": """
import highspy
highs = highspy.Highs()
highs.silent()
z = highs.addVariable(0, 1)
highs.maximize(z)
assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
""",
}


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_imports_go_in_the_allowed_directions() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout


def test_importing_the_service_starts_nothing_and_loads_no_heavy_library() -> None:
    started, threads, heavy = python(
        """
import sys, threading
started = []
starts = {"os.fork", "os.posix_spawn", "socket.bind", "socket.connect", "subprocess.Popen"}
sys.addaudithook(lambda event, _: started.append(event) if event in starts else None)
import app.main
print(started, threading.active_count(), sep="\\n")
print(sorted({"clarabel", "cvxpy", "highspy", "ortools", "scs"} & sys.modules.keys()))
"""
    ).splitlines()
    assert (started, threads, heavy) == ("[]", "1", "[]")


@pytest.mark.slow
@pytest.mark.parametrize("order", list(permutations(SOLVE)), ids=" then ".join)
def test_the_solver_libraries_work_in_one_process_in_every_order(order: tuple[str, ...]) -> None:
    python("\n".join(SOLVE[library] for library in order))
