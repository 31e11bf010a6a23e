"""``adl bench``."""

import subprocess
import sys
from pathlib import Path

import typer

import app
from app.cli.failures import REFUSED, Failure
from app.cli.run import ending


def bench() -> None:
    """Run the benchmarks of the repository: minutes; writes bench/results.json and docs/benchmarks.md."""
    with ending():
        root = Path(app.__file__).parents[1]
        if not (root / "bench" / "__main__.py").is_file():
            raise Failure(REFUSED, "the benchmarks are not installed: run `adl bench` in a checkout of the repository")
        done = subprocess.run([sys.executable, "-m", "bench"], cwd=root, check=False)
        raise typer.Exit(done.returncode if done.returncode >= 0 else 128 - done.returncode)
