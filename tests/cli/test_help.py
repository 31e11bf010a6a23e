"""What is told without work: help, the version, completions; and that it does not wait for the solvers."""

import subprocess
import sys
from importlib import import_module
from typing import get_args

import pytest
import typer
from typer.testing import CliRunner

from app import __version__
from app.cli import COMMANDS, app, options
from solvers.contracts.registry import CLOSING_POLICIES
from solvers.frontier import Measure
from solvers.registry import POLICIES
from tests.cli.commands import adl
from tests.processes import ROOT

HEAVY = "numpy", "scipy", "cvxpy", "ortools", "fastapi", "pydantic_settings", "sqlalchemy", "pyarrow", "app.tasks"


def test_the_version_is_told() -> None:
    assert adl("--version") == (0, f"adl {__version__}\n".encode(), "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_is_listed_with_what_it_says_of_itself(name: str) -> None:
    done = adl(name, "--help")
    assert done.code == 0
    module = import_module(f"app.cli.{name}")
    own = getattr(module, "app", None)
    said = own.info.help if isinstance(own, typer.Typer) else getattr(module, name).__doc__
    assert said.splitlines()[0].startswith(COMMANDS[name].removesuffix("."))
    assert name in adl("--help").out.decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [["--help"], ["allocate", "--help"], ["compare"], ["alocate"], ["allocate", "x.json", "--output", "answer.xlsx"]],
    ids=" ".join,
)
def test_help_and_mistakes_are_told_before_anything_heavy_is_imported(words: list[str]) -> None:
    code = f"""
import sys
from app.cli import app
try:
    app({words})
except SystemExit as exc:
    print("exit", exc.code, sorted(set({HEAVY}) & sys.modules.keys()), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == f"exit {0 if '--help' in words else 2} []"


def test_the_names_that_are_completed_are_those_that_there_are() -> None:
    assert set(options.POLICIES) == set(POLICIES)
    assert set(options.CLOSING_POLICIES) == set(CLOSING_POLICIES)
    assert set(options.MEASURES) == set(get_args(Measure))


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("adl al", ["allocate"]),
        ("adl allocate --pol", ["--policy"]),
        ("adl allocate book.csv --policy c", ["capped-pro-rata", "contracts-pro-rata", "cvar"]),
        ("adl compare book.csv --policy qu", ["queue"]),
        ("adl close book.json --policy le", ["lexicographic", "leverage-draining"]),
        ("adl frontier book.json --measure max", ["max_haircut"]),
        ("adl allocate book.csv --format c", ["csv"]),
    ],
)
def test_shells_complete_commands_options_policies_and_formats(line: str, wanted: list[str]) -> None:
    env = {"_ADL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    result = CliRunner().invoke(app, [], prog_name="adl", env=env)
    assert result.stdout.split() == wanted
