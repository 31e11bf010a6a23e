"""Judging closures that anybody made: fills held against the closing problem they were meant to solve.

Source: arXiv 2512.01112, section 6 (production closed contracts of the wrong accounts, and took more than was needed);
MODEL 7. Nothing here uses a policy's own code. All comparisons are exact.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from solvers.contracts.ledger import Fills, Ledger
from solvers.contracts.problem import ClosureProblem
from solvers.contracts.rules import WARNINGS, Rule, Violation, broken
from solvers.money import Bool, Int64
from solvers.queue import Score

__all__ = ["WARNINGS", "Fills", "Judgement", "Rule", "Violation", "judge"]


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
    over-paid, under-paid   the closes of one side of a market paid more than a unit more, or less, than the problem's
                   price for as many contracts. Only warnings: no rule says what a price has to be

    Violations come in this order, then by account id, symbol and fill. Refused: costs of 2^63 units or more.
    """
    ledger = Ledger(problem, fills)
    gains, demands, endowment = ledger.cost < 0, problem.demands, problem.wealth.endowment_units
    sizes = [problem.markets.lots[demand.market] for demand in demands]
    touched = np.bincount(ledger.position_demand[ledger.traded > 0], minlength=len(demands))
    return Judgement(
        violations=broken(ledger, score),
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
        same_side_accounts=_accounts(ledger, ledger.same_side),
        unprofitable_accounts=_accounts(ledger, (ledger.bearer >= 0) & (endowment[ledger.bearer] == 0)),
    )


def _accounts(ledger: Ledger, fills: Bool) -> int:
    return len(np.unique(ledger.fills.account[fills]))


def _worst_haircut(ledger: Ledger) -> float | None:
    endowment = ledger.problem.wealth.endowment_units
    if not endowment.any():
        return None
    charged = np.flatnonzero((ledger.bearer_cost > 0) & (endowment > 0))
    pairs = zip(ledger.bearer_cost[charged].tolist(), endowment[charged].tolist(), strict=True)
    return max((cost / (ledger.cost_scale * own) for cost, own in pairs), default=0.0)
