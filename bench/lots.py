"""Whole lots from a real-valued plan: how long they take, how near to the level they stay, and what a search adds."""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from time import perf_counter

import numpy as np

from bench.markets import Nature, random_market
from bench.timing import Line, compare
from solvers.contracts.certificate import least_worst_haircut
from solvers.contracts.closing import Plan
from solvers.contracts.costs import costs, within_caps
from solvers.contracts.exact import search
from solvers.contracts.lexicographic import lexicographic_plan
from solvers.contracts.lots import whole_lots
from solvers.contracts.network import Network
from solvers.contracts.problem import ClosureProblem
from solvers.money import Int64

ACCOUNTS, MARKETS, PER_ACCOUNT = 5_000, 20, 3
BOOK = Nature(load=0.2, position=1000, tail=1.5)
"""Lots worth a thousandth of a mean position; accounts heavy-tailed."""
SECONDS, ABOVE = 1.0, 0.01


def lots_and_search() -> Iterator[str]:
    """How far the worst haircut in whole lots is above the least real-valued one, as rounded and as searched."""
    for seed in range(3):
        problem = random_market(seed, ACCOUNTS, MARKETS, PER_ACCOUNT, BOOK)
        plan = lexicographic_plan(problem)
        least = least_worst_haircut(Network.of(problem), plan.levels)
        _ = problem.common_gaps
        started = perf_counter()
        lots = whole_lots(problem, plan)
        rounded = perf_counter()
        found = search(problem, lots, least)
        searched = perf_counter()
        needed = sum(demand.lots for demand in problem.demands)
        if lots.sum() != needed or not within_caps(problem, found.lots).all():
            raise RuntimeError("lots that do not close the markets within the caps")
        above, better = (_worst(problem, one) / least - 1 for one in (lots, found.lots))
        met = above <= ABOVE and better <= above and rounded - started <= SECONDS
        fact = (
            f"whole lots, {ACCOUNTS:,} accounts, {MARKETS} markets, {needed:,} lots: {rounded - started:.2g} s, worst "
            f"haircut {above:.2%} above the real-valued bound; searched in {searched - rounded:.2g} s, {better:.2%} "
            f"above it, proven {found.bound / least - 1:.2%}; wanted {SECONDS:g} s, {ABOVE:.0%} and a search that is "
            f"no worse: {'met' if met else 'MISSED'}."
        )
        print(fact, flush=True)
        yield fact


def costs_against_a_pass() -> Iterator[Line]:
    """Exact costs of 60 thousand positions in whole units, against their products in doubles."""
    problem = random_market(0, 20_000, 160, PER_ACCOUNT, BOOK, severity=Fraction(1, 3))
    plan: Plan = lexicographic_plan(problem)
    lots, arcs = whole_lots(problem, plan), problem.arcs
    gaps = problem.gap_floats[arcs.demand]

    def one_pass() -> object:
        return np.bincount(arcs.bearer, np.rint(gaps * lots))

    yield compare(
        "costs in whole units", len(lots), ("exact", partial(costs, problem, lots)), ("one pass", one_pass),
        note="within 0.2 s wanted",
    )  # fmt: skip


def _worst(problem: ClosureProblem, lots: Int64) -> float:
    paid = np.bincount(problem.arcs.bearer, problem.gap_floats[problem.arcs.demand] * lots)
    return float((paid / np.maximum(problem.wealth.endowment[: len(paid)], 1)).max())
