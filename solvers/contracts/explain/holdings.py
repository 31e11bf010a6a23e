"""One account of a closing: its positions on a side that was to be closed, and the terms that are told of them."""

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np

from solvers.contracts.problem import ClosureProblem
from solvers.contracts.solve import ClosureSolution
from solvers.explain.formulas import Term, money, ratio, significant
from solvers.explain.scores import figures_of
from solvers.money import fraction
from solvers.queue import Score

Outcome = Literal["whole", "part", "not-reached", "barred"]


@dataclass(frozen=True)
class Holding:
    """One position on a side of a market that was to be closed.

    position, demand   rows of the problem's
    bearer             who pays for it: a row of `ClosureProblem.wealth.book`
    lots, closed_lots, room_lots   held, closed, and what of it fitted under the cap after earlier markets were paid
    outcome            barred: it may not be closed, since its bearer has nothing to pay with
    cost_units         what its closes cost
    level              of its market, of policies that have one
    share              of each position, where a market is closed in proportion to contracts
    rank, ranked       place in the market's queue, and how many places it has
    """

    position: int
    demand: int
    bearer: int
    lots: int
    closed_lots: int
    room_lots: int
    outcome: Outcome
    cost_units: int
    level: float | None = None
    share: Fraction | None = None
    rank: int | None = None
    ranked: int | None = None


@dataclass
class Closed:
    """One account of a solution, and the terms put so far."""

    solution: ClosureSolution
    account: int
    shares: dict[int, Fraction] = field(default_factory=dict)
    terms: dict[str, Term] = field(default_factory=dict)

    @cached_property
    def problem(self) -> ClosureProblem:
        return self.solution.problem

    @cached_property
    def digits(self) -> int:
        """The largest of the bearers' caps, for how many digits a term needs."""
        return int(self.problem.wealth.cap_units[self.bearers].max(initial=0))

    @cached_property
    def bearers(self) -> list[int]:
        if self.problem.margin == "cross":
            return [self.account]
        return np.flatnonzero(self.problem.positions.account == self.account).tolist()

    @cached_property
    def holdings(self) -> tuple[Holding, ...]:
        """By market, in the order of symbols; both sides of a market are two demands, and a position is on one."""
        problem, closing, opposite = self.problem, self.solution.closing, self.problem.opposite
        arc_of = {row: arc for arc, row in enumerate(problem.arcs.position.tolist())}
        own = np.flatnonzero(problem.positions.account[opposite.position] == self.account)
        rest = {row: Fraction(int(problem.wealth.cap_units[row])) for row in self.bearers}
        levels = None if closing.plan is None else closing.plan.levels
        found = []
        for place in own[np.argsort(opposite.demand[own], kind="stable")].tolist():
            position, bearer, demand = (
                int(column[place]) for column in (opposite.position, opposite.bearer, opposite.demand)
            )
            lots, arc, gap = int(opposite.lots[place]), arc_of.get(position), problem.gaps[demand]
            closed = 0 if arc is None else int(closing.lots[arc])
            room = 0 if arc is None else lots if not gap else min(lots, int(rest[bearer] / gap))
            rest[bearer] -= gap * closed
            ranked = arc is not None and closing.rank is not None and closing.rank[arc] > 0
            found.append(
                Holding(
                    position, demand, bearer, lots, closed, room, _outcome(lots, closed, arc),
                    0 if arc is None else int(self.solution.costs.arc_units[arc]),
                    None if levels is None or not gap or arc is None else float(levels[demand]),
                    None if arc is None else self._share(demand),
                    int(closing.rank[arc]) if ranked and closing.rank is not None else None,
                    int(closing.rank[problem.arcs_of[demand]].max()) if ranked and closing.rank is not None else None,
                )
            )  # fmt: skip
        return tuple(found)

    def _share(self, demand: int) -> Fraction | None:
        """Of each position, where the demand is closed in proportion to contracts."""
        if self.problem.free[demand]:
            held = sum(self.problem.arcs.lots[self.problem.arcs_of[demand]].tolist())
            return min(Fraction(self.problem.demands[demand].lots, held), Fraction(1))
        return self.shares.get(demand)

    def put(self, name: str, term: Term) -> None:
        self.terms[name] = term

    def suffix(self, bearer: int) -> str:
        """Of cap and endowment: none in cross margin, where one bearer pays for all."""
        if self.problem.margin == "cross":
            return ""
        return f"_{[holding.bearer for holding in self.holdings].index(bearer) + 1}"

    def put_bearer(self, bearer: int) -> str:
        name, wealth, precision = self.suffix(bearer), self.problem.wealth, self.problem.accounts.precision
        self.put(f"cap{name}", money(int(wealth.cap_units[bearer]), precision))
        self.put(f"endowment{name}", money(int(wealth.endowment_units[bearer]), precision))
        return name

    def put_position(self, number: int, holding: Holding) -> tuple[str, str]:
        """The names of its gap a contract, in currency, and of its contracts."""
        problem = self.problem
        size = problem.markets.lots[problem.demands[holding.demand].market]
        gap = problem.gaps[holding.demand] / size / 10**problem.accounts.precision
        self.put(f"gap_{number}", Term(significant(gap, ratio(0, self.digits).digits), "number"))
        self.put(f"position_{number}", Term(holding.lots * size, "number"))
        return f"gap_{number}", f"position_{number}"

    def put_contracts(self, name: str, holding: Holding, lots: int) -> None:
        self.put(name, Term(lots * self.problem.markets.lots[self.problem.demands[holding.demand].market], "number"))

    def put_ratio(self, name: str, value: Fraction | float) -> None:
        self.put(name, ratio(value, self.digits))

    @cached_property
    def paying(self) -> list[tuple[int, Holding]]:
        """Holdings that may be closed and cost something, numbered from 1 among all of the account's."""
        free = self.problem.free
        return [
            (number, holding)
            for number, holding in enumerate(self.holdings, 1)
            if holding.outcome != "barred" and not free[holding.demand]
        ]

    @cached_property
    def planned_units(self) -> float:
        """What the account pays before whole lots, of policies that plan."""
        plan, arcs = self.solution.closing.plan, self.problem.arcs
        own = np.isin(arcs.bearer, self.bearers)
        return 0.0 if plan is None else float(plan.amounts[own].sum())


def _outcome(lots: int, closed: int, arc: int | None) -> Outcome:
    if arc is None:
        return "barred"
    return "whole" if closed == lots else "part" if closed else "not-reached"


def position_figures(problem: ClosureProblem, position: int, score: Score) -> dict[str, Term]:
    """What a queue's score looks at, of one position (`solvers.contracts.scores` has the meaning of each)."""
    account, market = (int(column[position]) for column in (problem.positions.account, problem.positions.market))
    precision, cross = problem.accounts.precision, problem.margin == "cross"
    contracts = abs(int(problem.lots[position])) * problem.markets.lots[market]
    notional = contracts * problem.markets.marks[market]
    entry = contracts * fraction(problem.positions.entry_price.raw[position] or 0)
    pnl = money(int(problem.position_pnl_units[position]), precision)
    equity = money(int(problem.account_equity_units[account]), precision) if cross else pnl
    own = problem.accounts.columns.get("score")
    figures = {
        "pnl": pnl,
        "equity": equity,
        "cash": money(int(problem.accounts.cash_units[account]) if cross else 0, precision),
        "notional": Term(notional, "number"),
        "entry_notional": Term(entry, "number"),
        "bankruptcy_notional": Term(notional - equity.value, "number"),
        "maintenance_margin": Term(
            notional * fraction(problem.markets.maintenance_margin_rate.raw[market] or 0), "number"
        ),
        "price_ratio": ratio(notional / entry),
        "score": Term(fraction(0 if own is None else own.raw[account] or 0), "number"),
    }
    return {name: figures[name] for name in figures_of(score)}
