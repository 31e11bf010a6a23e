"""The rules that closes may break, one by one, in exact numbers. `fills.judge` has them in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np

from solvers.contracts.book import common
from solvers.contracts.ledger import Ledger
from solvers.contracts.problem import ClosureProblem
from solvers.contracts.scores import queue_ranks, score_classes
from solvers.money import Bool
from solvers.queue import Score

Rule = Literal[
    "unknown-account",
    "unknown-market",
    "no-position",
    "same-side",
    "off-lot",
    "over-position",
    "unprofitable",
    "over-cap",
    "not-closed",
    "over-closed",
    "order-broken",
    "risk-rose",
    "over-paid",
    "under-paid",
]
WARNINGS: frozenset[Rule] = frozenset({"risk-rose", "over-paid", "under-paid"})
"""What nothing forbids: the fairest closing may break a hedge too, and short of a cap a price is between the two."""


@dataclass(frozen=True)
class Violation:
    """One broken rule: what was done, and the most (for not-closed: the least) that was allowed.

    account, market   rows of the problem's, None where the rule is not about one or it is unknown
    demand            row of the problem's demands: of not-closed, over-closed, order-broken, over-paid and under-paid
    fill              the first of the fills at fault, None where it is about a whole market
    made, allowed     contracts; units of currency (10^-precision) for unprofitable, over-cap, over-paid and
                      under-paid; places in the queue for order-broken; net exposure over equity for risk-rose, after
                      and before
    position          row of the problem's positions: of same-side
    """

    rule: Rule
    account: int | None
    market: int | None
    demand: int | None
    fill: int | None
    made: Fraction
    allowed: Fraction
    position: int | None = None


def broken(ledger: Ledger, score: Score | None) -> tuple[Violation, ...]:
    """Every broken rule and every warning: by rule, then account id, symbol and fill."""
    found = [*_by_fill(ledger), *_by_bearer(ledger), *_by_demand(ledger), *_by_account(ledger), *_by_price(ledger)]
    if score is not None:
        found += _by_place(ledger, score)
    return _ordered(ledger.problem, found)


def _ordered(problem: ClosureProblem, found: list[Violation]) -> tuple[Violation, ...]:
    ids, symbols, order = problem.accounts.ids, problem.markets.symbols, get_args(Rule)

    def place(violation: Violation) -> tuple[int, str, str, int]:
        account = "" if violation.account is None else ids[violation.account]
        symbol = "" if violation.market is None else symbols[violation.market]
        return order.index(violation.rule), account, symbol, -1 if violation.fill is None else violation.fill

    return tuple(sorted(found, key=place))


def _by_fill(ledger: Ledger) -> Iterator[Violation]:
    """Fills of nobody and of nothing, off the grid, on the wrong side, and beyond what was held."""
    fills, scale = ledger.fills, ledger.scale

    def single(rule: Rule, at: Bool, allowed: Any) -> Iterator[Violation]:
        for row in np.flatnonzero(at).tolist():
            account, market = (int(column[row]) for column in (fills.account, fills.market))
            numbers = Fraction(ledger.size[row], scale), Fraction(allowed[row], scale)
            yield Violation(rule, _known(account), _known(market), None, row, *numbers)

    def together(rule: Rule, at: Bool) -> Iterator[Violation]:
        for volume, row in ledger.grouped(at, ledger.size):
            account, market = int(fills.account[row]), int(fills.market[row])
            position = _known(int(ledger.position[row]))
            yield Violation(rule, account, market, None, row, Fraction(volume, scale), Fraction(0), position)

    nothing, lot = [0] * len(fills), ledger.lot_volume[ledger.market]
    yield from single("unknown-account", fills.account < 0, nothing)
    yield from single("unknown-market", fills.market < 0, nothing)
    yield from together("no-position", ledger.known & (ledger.position < 0))
    yield from together("same-side", ledger.same_side)
    yield from single("off-lot", ledger.known & (ledger.size % lot != 0), ledger.size // lot * lot)
    for volume, row in ledger.grouped(ledger.closes, ledger.size):
        held = ledger.held[ledger.position[row]]
        if volume > held:
            account, market = int(fills.account[row]), int(fills.market[row])
            numbers = Fraction(volume, scale), Fraction(held, scale)
            yield Violation("over-position", account, market, None, row, *numbers)


def _by_bearer(ledger: Ledger) -> Iterator[Violation]:
    """Bearers charged a whole unit or more beyond their caps."""
    problem, wealth = ledger.problem, ledger.problem.wealth
    beyond = np.flatnonzero(ledger.bearer_cost // ledger.cost_scale > wealth.cap_units)
    first = ledger.first(ledger.bearer, len(wealth.book))
    for row in beyond.tolist():
        rule: Rule = "over-cap" if wealth.endowment_units[row] else "unprofitable"
        account, market = row, None
        if problem.margin == "isolated":
            account, market = int(problem.positions.account[row]), int(problem.positions.market[row])
        made, allowed = Fraction(ledger.bearer_cost[row], ledger.cost_scale), Fraction(int(wealth.cap_units[row]))
        yield Violation(rule, account, market, None, int(first[row]), made, allowed)


def _by_demand(ledger: Ledger) -> Iterator[Violation]:
    """Sides of markets of which less or more was closed than the bankrupt left."""
    for place, (demand, closed) in enumerate(zip(ledger.problem.demands, ledger.demand_closed, strict=True)):
        needed = demand.lots * ledger.lot_volume[demand.market]
        if closed != needed:
            rule: Rule = "not-closed" if closed < needed else "over-closed"
            numbers = Fraction(closed, ledger.scale), Fraction(needed, ledger.scale)
            yield Violation(rule, None, demand.market, place, None, *numbers)


def _by_price(ledger: Ledger) -> Iterator[Violation]:
    """Sides of markets whose closes paid more than one unit more, or less, than the problem's price asks for them."""
    demands, gaps = ledger.problem.demands, ledger.problem.gaps
    volumes = ledger.summed(ledger.size, ledger.fill_demand, len(demands))
    costs = ledger.summed(ledger.cost, ledger.fill_demand, len(demands))
    for place, demand in enumerate(demands):
        asked = gaps[place] * Fraction(volumes[place], ledger.lot_volume[demand.market])
        paid = Fraction(costs[place], ledger.cost_scale)
        if abs(paid - asked) > 1:
            rule: Rule = "over-paid" if paid > asked else "under-paid"
            yield Violation(rule, None, demand.market, place, None, paid, asked)


def _by_place(ledger: Ledger, score: Score) -> Iterator[Violation]:
    """Positions touched though one with a higher score kept a lot that its bearer had room for."""
    problem, arcs = ledger.problem, ledger.problem.arcs
    classes = score_classes(problem, score)
    ranks = queue_ranks(problem, classes)
    gaps, denominator = problem.common_gaps
    lot = ledger.lot_volume[problem.positions.market[arcs.position]]
    left = ledger.held[arcs.position] - ledger.closed[arcs.position]
    room = problem.wealth.cap_units.astype(object) * ledger.cost_scale - ledger.bearer_cost
    able = room[arcs.bearer] * denominator >= gaps[arcs.demand] * ledger.cost_scale
    keeper = (ranks > 0) & (left >= lot) & able
    highest, front = np.full(len(problem.demands), -1), np.full(len(problem.demands), len(ranks) + 1)
    np.maximum.at(highest, arcs.demand[keeper], classes[keeper])
    np.minimum.at(front, arcs.demand[keeper], ranks[keeper])
    touched = (ranks > 0) & (ledger.closed[arcs.position] > 0)
    first = ledger.first(ledger.position, len(problem.positions))
    for row in np.flatnonzero(touched & (classes < highest[arcs.demand])).tolist():
        position, demand = int(arcs.position[row]), int(arcs.demand[row])
        account, market = int(problem.positions.account[position]), int(problem.positions.market[position])
        places = Fraction(int(ranks[row])), Fraction(int(front[demand]))
        yield Violation("order-broken", account, market, demand, int(first[position]), *places)


def _by_account(ledger: Ledger) -> Iterator[Violation]:
    """Accounts whose net exposure over equity rose though their gross notional over equity fell."""
    problem, fills = ledger.problem, ledger.fills
    count = len(problem.accounts.ids)
    marks, denominator = common(problem.markets.marks)
    borne = ledger.bearer >= 0
    account = np.where(borne, fills.account, -1)
    worth = ledger.held * marks[problem.positions.market]
    gross, net = np.zeros(count, dtype=object), np.zeros(count, dtype=object)
    np.add.at(gross, problem.positions.account, worth)
    np.add.at(net, problem.positions.account, worth * np.sign(problem.lots))
    equity = problem.account_equity_units.astype(object) * ledger.cost_scale
    # After the fills: all is linear in them but the gross notional, which is a sum of absolute values.
    net_after = net + ledger.summed(ledger.volume * marks[ledger.market], account, count)
    gross_after = gross.copy()
    for volume, row in ledger.grouped(borne, ledger.volume):
        position = ledger.position[row]
        held = ledger.held[position] * int(np.sign(problem.lots[position])) if position >= 0 else 0
        gross_after[fills.account[row]] += (abs(held + volume) - abs(held)) * marks[fills.market[row]]
    equity_after = equity - ledger.summed(ledger.cost, account, count)
    solvent = (equity > 0) & (equity_after > 0)
    fell = gross_after * equity < gross * equity_after
    rose = np.abs(net_after) * equity > np.abs(net) * equity_after
    first = ledger.first(account, count)
    scale = Fraction(ledger.cost_scale * 10**problem.accounts.precision, ledger.scale * denominator)
    for row in np.flatnonzero(solvent & fell & rose).tolist():
        exposures = abs(net_after[row]) / Fraction(equity_after[row]), abs(net[row]) / Fraction(equity[row])
        made, allowed = (scale * exposure for exposure in exposures)
        yield Violation("risk-rose", row, None, None, int(first[row]), made, allowed)


def _known(row: int) -> int | None:
    return None if row < 0 else row
