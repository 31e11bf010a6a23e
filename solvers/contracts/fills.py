"""Judging closures that anybody made: fills held against the closing problem they were meant to solve.

Source: arXiv 2512.01112, section 6 (production closed contracts of the wrong accounts, and took more than was needed);
MODEL 7. Nothing here uses a policy's own code. All comparisons are exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np

from solvers.contracts.book import common
from solvers.contracts.ledger import Fills, Ledger
from solvers.contracts.problem import ClosureProblem
from solvers.contracts.scores import queue_ranks, score_classes
from solvers.money import Bool, Int64
from solvers.queue import Score

__all__ = ["WARNINGS", "Fills", "Judgement", "Rule", "Violation", "judge"]

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
]
WARNINGS: frozenset[Rule] = frozenset({"risk-rose"})
"""What nothing forbids: the fairest closing may break a hedge too."""


@dataclass(frozen=True)
class Violation:
    """One broken rule: what was done, and the most (for not-closed: the least) that was allowed.

    account, market   rows of the problem's, None where the rule is not about one or it is unknown
    demand            row of the problem's demands: of not-closed, over-closed and order-broken
    fill              the first of the fills at fault, None where it is about a whole market
    made, allowed     contracts; units of currency (10^-precision) for unprofitable and over-cap; places in the queue
                      for order-broken; net exposure over equity for risk-rose, after and before
    """

    rule: Rule
    account: int | None
    market: int | None
    demand: int | None
    fill: int | None
    made: Fraction
    allowed: Fraction


@dataclass(frozen=True)
class Judgement:
    """What is to be said of some fills.

    needed_units   B, what closing everything costs
    paid_units     sum v (price - mark) over the fills, net of gains, to the nearest unit
    bearer_units   the same of each bearer (row of `problem.wealth.book`), in whole units that add up to paid_units
    gains, gained_units   how many fills were at a price better than the mark for the account, and what they gained
    needed, closed     contracts of each demand: Q, and by how much opposite positions shrank
    touched            how many positions were closed for each demand, in whole or in part
    worst_haircut      the largest cost over endowment of any bearer with one, not below 0; None if there is no such
    optimum            the smallest possible worst haircut, if the caller knows it
    accounts_touched   accounts with a fill; of them `same_side_accounts` with a trade that adds to a position or
                       closes a side that no bankrupt account left, and `unprofitable_accounts` with a trade borne by no
                       endowment, charged or not
    """

    violations: tuple[Violation, ...]
    needed_units: int
    paid_units: int
    bearer_units: Int64
    gains: int
    gained_units: int
    needed: tuple[Fraction, ...]
    closed: tuple[Fraction, ...]
    touched: tuple[int, ...]
    worst_haircut: float | None
    optimum: float | None
    accounts_touched: int
    same_side_accounts: int
    unprofitable_accounts: int

    @property
    def valid(self) -> bool:
        """No rule is broken; warnings do not count."""
        return all(violation.rule in WARNINGS for violation in self.violations)

    @property
    def overshoot_units(self) -> int:
        """paid - needed: below zero where too little was taken."""
        return self.paid_units - self.needed_units

    @property
    def regret(self) -> float | None:
        """How far the worst haircut is above the smallest possible."""
        if self.worst_haircut is None or self.optimum is None:
            return None
        return self.worst_haircut - self.optimum


def judge(
    problem: ClosureProblem, fills: Fills, *, score: Score | None = None, optimum: float | None = None
) -> Judgement:
    """Hold fills against the rules of a closing problem.

    Fills of unknown accounts or markets count in nothing but their violations, and so do, in isolated margin, those
    without a position, which nobody bears. All others cost their account v (price - mark), v signed as traded.

    unknown-account, unknown-market   each fill
    no-position    the account holds nothing in the market
    same-side      the trades add to the position, or close a side that no bankrupt account left
    off-lot        each fill that is no whole number of lots of its market; allowed: the whole lots in it
    over-position  the trades close more than the account holds; the excess closes nothing
    unprofitable   a bearer without an endowment was charged. A part of a unit is rounding, here and in the next
    over-cap       a bearer with an endowment was charged more than its cap
    not-closed, over-closed   opposite positions shrank by less or more than the bankrupt left
    order-broken   if a score is asked for: in a market that costs something, a position was touched though one with a
                   higher score kept a lot that its bearer's cap had room for, at the problem's price; made and allowed:
                   the places in the queue of the one touched and of the first of those that kept something
    risk-rose      a hedge was broken: |sum of signed notional| over equity rose for an account, though its gross
                   notional over equity fell; of accounts with equity above zero before and after. Only a warning

    Violations come in this order, then by account id, symbol and fill. Refused: costs of 2^63 units or more.
    """
    ledger = Ledger(problem, fills)
    found = [*_by_fill(ledger), *_by_bearer(ledger), *_by_demand(ledger), *_by_account(ledger)]
    if score is not None:
        found += _by_place(ledger, score)
    gains, demands, endowment = ledger.cost < 0, problem.demands, problem.wealth.endowment_units
    sizes = [problem.markets.lots[demand.market] for demand in demands]
    touched = np.bincount(ledger.position_demand[ledger.traded > 0], minlength=len(demands))
    return Judgement(
        violations=_ordered(problem, found),
        needed_units=problem.wealth.budget_units,
        paid_units=ledger.paid_units,
        bearer_units=ledger.bearer_units,
        gains=int(gains.sum()),
        gained_units=ledger.nearest(-sum(ledger.cost[gains].tolist())),
        needed=tuple(demand.lots * size for demand, size in zip(demands, sizes, strict=True)),
        closed=tuple(Fraction(volume, ledger.scale) for volume in ledger.demand_closed),
        touched=tuple(touched.tolist()),
        worst_haircut=_worst_haircut(ledger),
        optimum=optimum,
        accounts_touched=_accounts(ledger, ledger.known),
        same_side_accounts=_accounts(ledger, _same_side(ledger)),
        unprofitable_accounts=_accounts(ledger, (ledger.bearer >= 0) & (endowment[ledger.bearer] == 0)),
    )


def _ordered(problem: ClosureProblem, found: list[Violation]) -> tuple[Violation, ...]:
    ids, symbols, order = problem.accounts.ids, problem.markets.symbols, get_args(Rule)

    def place(violation: Violation) -> tuple[int, str, str, int]:
        account = "" if violation.account is None else ids[violation.account]
        symbol = "" if violation.market is None else symbols[violation.market]
        return order.index(violation.rule), account, symbol, -1 if violation.fill is None else violation.fill

    return tuple(sorted(found, key=place))


def _accounts(ledger: Ledger, fills: Bool) -> int:
    return len(np.unique(ledger.fills.account[fills]))


def _same_side(ledger: Ledger) -> Bool:
    return (ledger.position >= 0) & ~ledger.closes


def _worst_haircut(ledger: Ledger) -> float | None:
    endowment = ledger.problem.wealth.endowment_units
    if not endowment.any():
        return None
    charged = np.flatnonzero((ledger.bearer_cost > 0) & (endowment > 0))
    pairs = zip(ledger.bearer_cost[charged].tolist(), endowment[charged].tolist(), strict=True)
    return max((cost / (ledger.cost_scale * own) for cost, own in pairs), default=0.0)


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
            yield Violation(rule, account, market, None, row, Fraction(volume, scale), Fraction(0))

    nothing, lot = [0] * len(fills), ledger.lot_volume[ledger.market]
    yield from single("unknown-account", fills.account < 0, nothing)
    yield from single("unknown-market", fills.market < 0, nothing)
    yield from together("no-position", ledger.known & (ledger.position < 0))
    yield from together("same-side", _same_side(ledger))
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
