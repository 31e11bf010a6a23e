"""The needs of the 16 waves of 2025-10-10 (arXiv 2512.01112; Powered by HyperReplay - (c) ConejoCapital).

Contracts and gaps are the published ones, coin by coin. Who held what is not published, so the book is made up: the
winners' profit adds up to the wave's own, and every coin has holders on the side that is closed.
"""

import csv
import random
from collections.abc import Iterator
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache
from math import ceil
from pathlib import Path
from typing import NamedTuple

import pytest

from solvers.contracts.problem import ClosureProblem
from solvers.contracts.registry import CLOSING_POLICIES
from solvers.contracts.solve import close
from tests.problems import some
from tests.solvers.contracts.markets import closing

EVENT = Path(__file__).parents[2] / "shared/data/hyperliquid-2025-10-10"
pytestmark = pytest.mark.skipif(not EVENT.exists(), reason="the tables of 2025-10-10 are not on this machine")

WAVES = (1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 17, 21, 25, 28)
UNIT = 10**6
PUBLISHED = Context(prec=13)
"""The published contracts are sums of doubles. At 13 digits their noise is gone: at most five decimals are left."""


class Need(NamedTuple):
    """What the bankrupt left of one coin."""

    coin: str
    contracts: Decimal
    gap: Decimal
    lot: Decimal


def table(name: str) -> Iterator[dict[str, str]]:
    with (EVENT / name).open(newline="") as file:
        yield from csv.DictReader(file)


@cache
def totals() -> dict[int, dict[str, str]]:
    return {int(row["wave"]): row for row in table("two_pass_equity_delta_by_wave.csv")}


@cache
def marks() -> dict[str, str]:
    """The mean price of the event stands in for the mark: the gap alone sets what closing costs."""
    return {row["ticker"]: row["avg_price"] for row in table("adl_net_volume_full_12min.csv")}


def needs(wave: int) -> list[Need]:
    found = []
    for row in table("two_pass_wave_coin_gap_per_contract.csv"):
        if int(row["wave"]) == wave:
            contracts = PUBLISHED.create_decimal(row["qty_contracts"]).normalize(PUBLISHED)
            lot = Decimal((0, (1,), min(0, int(contracts.as_tuple().exponent))))
            found.append(Need(row["coin"], contracts, Decimal(row["gap_per_contract_usd"]), lot))
    return found


def book(wave: int, wanted: list[Need]) -> tuple[dict[str, int], list[tuple[str, str, str, str]]]:
    """Accounts and their shorts, of heavy-tailed sizes; profits add up to the winners' profit as the wave began."""
    rng = random.Random(wave)
    held: dict[str, dict[Need, int]] = {}
    for need in wanted:
        lots = int(need.contracts / need.lot)
        most = lots + int(lots * rng.choice((0, 0.1, 1, 4)))  # a quarter of the coins has just enough
        names = [f"{place:03}" for place in rng.sample(range(60 + 4 * len(wanted)), min(rng.randint(8, 40), most))]
        parts = [rng.lognormvariate(0, 1.5) for _ in names]
        sizes = [1 + int((most - len(names)) * part / sum(parts)) for part in parts]
        sizes[0] += most - sum(sizes)
        for name, size in zip(names, sizes, strict=True):
            held.setdefault(name, {})[need] = size
    notional = {
        name: sum(size * Fraction(need.lot) * Fraction(marks()[need.coin]) for need, size in shorts.items())
        for name, shorts in held.items()
    }
    returns = {name: Fraction(rng.lognormvariate(0, 0.5)) for name in held}
    scale = Fraction(totals()[wave]["winners_pnl_start_usd"]) / sum(notional[name] * returns[name] for name in held)
    positions = []
    for name, shorts in held.items():
        for need, size in shorts.items():
            entry = float(Fraction(marks()[need.coin]) * (1 + returns[name] * scale))
            positions.append((name, need.coin, f"{-size * need.lot:f}", f"{entry:.17g}"))
    return dict.fromkeys(held, 0), positions


def problem_of(wave: int) -> ClosureProblem:
    """All bankrupt accounts were long: the market fell."""
    wanted = needs(wave)
    accounts, positions = book(wave, wanted)
    context = Context(prec=60)
    liquidations = [
        (need.coin, f"{need.contracts:f}", f"{context.add(Decimal(marks()[need.coin]), need.gap):f}") for need in wanted
    ]
    return closing(
        {need.coin: (marks()[need.coin], str(need.lot)) for need in wanted}, accounts, positions, liquidations
    )


@pytest.mark.parametrize("wave", some(WAVES, 7))
def test_closing_all_that_a_wave_needs_costs_exactly_the_needed_budget(wave: int) -> None:
    problem = problem_of(wave)
    need = sum((Fraction(need.gap) * Fraction(need.contracts) for need in needs(wave)), Fraction(0))
    budget = ceil(need * UNIT)
    assert budget / UNIT == pytest.approx(float(totals()[wave]["budget_needed_usd"]), rel=1e-12, abs=2e-6)
    assert problem.wealth.capacity_units / UNIT == pytest.approx(
        float(totals()[wave]["winners_pnl_start_usd"]), abs=0.01
    )
    policy = CLOSING_POLICIES["lexicographic"]
    solution = close(problem, policy, policy.parameters())
    assert (solution.status, solution.reasons) == ("optimal", {})
    assert problem.wealth.budget_units == budget
    assert solution.costs.bearer_units.sum() == solution.costs.arc_units.sum() == budget
    closed = dict.fromkeys(range(len(problem.demands)), 0)
    for demand, lots in zip(problem.arcs.demand.tolist(), solution.closing.lots.tolist(), strict=True):
        closed[demand] += lots
    wanted = {need.coin: int(need.contracts / need.lot) for need in needs(wave)}
    assert {problem.markets.symbols[problem.demands[demand].market]: lots for demand, lots in closed.items()} == wanted
    assert (solution.costs.bearer_units <= problem.wealth.endowment_units).all()


def test_the_first_wave_needs_what_the_paper_says() -> None:
    need = sum((Fraction(need.gap) * Fraction(need.contracts) for need in needs(1)), Fraction(0))
    assert (len(needs(1)), round(float(need), 2)) == (44, 2_266_239.82)
    every = sum(Fraction(need.gap) * Fraction(need.contracts) for wave in WAVES for need in needs(wave))
    assert round(float(every), 2) == 15_079_669.61
