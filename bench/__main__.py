"""`make bench`: a table on stdout, and the same as JSON in bench/results.json."""

import json
import platform
from importlib.metadata import version
from itertools import chain
from pathlib import Path

from bench import service, water_filling


def main() -> None:
    lines = chain(
        water_filling.level_against_a_pass(),
        water_filling.haircuts_against_generic_solvers(),
        water_filling.whole_units_against_a_pass(),
        service.requests_against_an_echo(),
    )
    machine = {"machine": platform.machine(), "python": platform.python_version()}
    versions = {name: version(name) for name in ("numpy", "cvxpy", "clarabel", "ortools")}
    results = {
        **machine,
        "versions": versions,
        "lines": [line.as_json() for line in lines],
        "million": service.memory_of_a_million(),
    }
    Path(__file__).with_name("results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
