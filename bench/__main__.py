"""`make bench`: a table on stdout, the same as JSON in bench/results.json and in docs/benchmarks.md."""

import json
import os
import platform
from importlib.metadata import version
from itertools import chain

from bench import (
    contracts,
    cvar,
    frontier,
    knapsack,
    leverage,
    load,
    lots,
    report,
    revenue,
    scenarios,
    service,
    water_filling,
)


def main() -> None:
    lines = chain(
        water_filling.level_against_a_pass(),
        water_filling.haircuts_against_generic_solvers(),
        water_filling.whole_units_against_a_pass(),
        knapsack.selection_against_a_pass(),
        revenue.kernels_against_a_pass(),
        revenue.search_against_scip(),
        cvar.against_cvxpy(),
        frontier.solved_again_against_built_again(),
        frontier.frontiers(),
        contracts.flows_against_linear_programs(),
        lots.costs_against_a_pass(),
        scenarios.against_cvxpy(),
        leverage.small_against_slsqp(),
        service.requests_against_an_echo(),
        load.against_a_bare_app(),
    )
    results = {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("numpy", "scipy", "cvxpy", "clarabel", "ortools", "highspy")},
        "lines": [line.as_json() for line in lines],
        "facts": [
            *cvar.at_exchange_size(),
            *lots.lots_and_search(),
            *scenarios.at_exchange_size(),
            *leverage.at_exchange_size(),
            *service.stages_of_a_request(),
            service.memory_of_a_million(),
            load.soak(),
        ],
    }
    report.RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    report.write()


if __name__ == "__main__":
    main()
