"""Why one account's contracts were closed: each of its positions on a side that was closed, and what it paid in all.

A closing policy shares numbers by market only: a level (a haircut, or a price), a share of each position, or a queue.
Amounts before whole lots follow from them and from the account's own positions:

    lexicographic        x = min(cap, max over its levels L of min(R, L w)),   R what its positions cost in the markets of
                         that level or a higher one: an account pays into the dearest market first, until its haircut
                         reaches that market's level or its position is closed
    contracts-pro-rata   k = min(room, share |q|) in each market,   room what fits under the cap after earlier markets
    queue                k = room until the market's need is met

and whole lots move them by some lots. What others close depends on everybody's positions: no formula is told.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

import numpy as np

from solvers.contracts.problem import ClosureProblem
from solvers.contracts.registry import ClosingPolicy
from solvers.contracts.solve import ClosureSolution
from solvers.explain.formulas import Term, Told, money, ratio, significant, told
from solvers.explain.scores import figures_of
from solvers.money import Int64, fraction
from solvers.queue import Score
from solvers.water_filling import Rates, fill

Outcome = Literal["whole", "part", "not-reached", "barred"]

_PLANNED = 1e-7
"""Relative distance of a formula from the real-valued plan beyond which it is not told."""


@dataclass(frozen=True)
class Holding:
    """One position on a side of a market that was to be closed.

    position, demand   rows of the problem's
    bearer             who pays for it: a row of `ClosureProblem.wealth.book`
    lots, closed_lots, room_lots   held, closed, and what of it fitted under the cap after earlier markets were paid
    outcome            barred: it may not be closed, since its bearer has nothing to pay with
    cost_units         what its closes cost
    level              of its market, of policies that have one; for `contracts-pro-rata` and free closes the share
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
class _Account:
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
        return "" if self.problem.margin == "cross" else f"_{self.bearers.index(bearer) + 1}"

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


def explain_closing(
    solution: ClosureSolution, policy: ClosingPolicy, parameters: Any, account: int
) -> tuple[Told, tuple[Holding, ...]]:
    """What the account in this row paid in all, and each of its positions that could have been closed."""
    shares = _shares(solution) if policy.name == "contracts-pro-rata" else {}
    own = _Account(solution, account, shares=shares)
    if not own.holdings:
        return told("This account holds nothing on a side of a market that was to be closed.", "0", {}), ()
    if not own.paying:
        return told(_nothing(own), "0", {}), own.holdings
    return _RULES[policy.name](own, parameters), own.holdings


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


def _nothing(own: _Account) -> str:
    free = own.problem.free
    if any(holding.outcome != "barred" for holding in own.holdings):
        return (
            "The markets in which this account was closed cost nothing, since fund and severity leave no gap: "
            "everybody with equity above 0 is closed there in proportion to contracts."
        )
    if all(free[holding.demand] for holding in own.holdings):
        return "Closing cost nothing here, and accounts without equity above 0 are not closed."
    return "Nothing may be taken from this account, so that it is not closed: its cap is 0."


def _shares(solution: ClosureSolution) -> dict[int, Fraction]:
    """t of each demand that costs something: k = min(room, t |q|), markets one after another."""
    problem, closing = solution.problem, solution.closing
    arcs, names = problem.arcs, problem.accounts.ids
    gaps, scale = problem.common_gaps
    rest: Any = problem.wealth.cap_units.astype(object) * scale
    found = {}
    for demand in np.flatnonzero(~problem.free).tolist():
        rows = problem.arcs_of[demand]
        bearers: Int64 = arcs.bearer[rows]
        room = np.minimum(arcs.lots[rows], rest[bearers] // gaps[demand]).astype(np.int64)
        amount, rates = min(problem.demands[demand].lots, sum(room.tolist())), Rates.of(arcs.lots[rows])
        ids = [names[row] for row in problem.positions.account[arcs.position[rows]].tolist()]
        caps: Any = room.astype(rates.integers.dtype)
        found[demand] = fill(caps, rates, amount, ids).level if len(rows) else Fraction(0)
        rest[bearers] -= closing.lots[rows].astype(object) * gaps[demand]
    return found


def _lexicographic(own: _Account, _: Any) -> Told:
    by_bearer: dict[int, list[tuple[int, Holding]]] = {}
    for number, holding in own.paying:
        by_bearer.setdefault(holding.bearer, []).append((number, holding))
    formulas = []
    for bearer, holdings in by_bearer.items():
        name, costs, parts = own.put_bearer(bearer), [], []
        dearest = sorted(holdings, key=lambda one: -(one[1].level or 0.0))
        for place, (number, holding) in enumerate(dearest):
            costs.append(" * ".join(own.put_position(number, holding)))
            own.put_ratio(f"level_{number}", holding.level or 0.0)
            following = dearest[place + 1 :]
            if not following or following[0][1].level != holding.level:
                parts.append(f"min({' + '.join(costs)}, level_{number} * endowment{name})")
        highest = parts[0] if len(parts) == 1 else f"max({', '.join(parts)})"
        formulas.append(f"min(cap{name}, {highest})")
    rule = (
        "The worst haircut of all is as small as it can be, then the next, and so on. Each market ends at a level: who "
        "holds it pays for it until the haircut is there, the position is closed, or the cap is reached, the market of "
        "the highest level first."
    )
    found = told(rule, " + ".join(formulas), own.terms)
    planned = own.planned_units / 10**own.problem.accounts.precision
    if found.computed is None or abs(float(found.computed) - planned) > _PLANNED * planned:
        return told(f"{rule} In doubles that misses this account's amount: no formula is told.", None, own.terms)
    return found


def _contracts(own: _Account, _: Any) -> Told:
    parts = []
    for number, holding in own.paying:
        own.put_bearer(holding.bearer)
        gap, position = own.put_position(number, holding)
        own.put_contracts(f"room_{number}", holding, holding.room_lots)
        own.put_ratio(f"share_{number}", holding.share or 0)
        parts.append(f"{gap} * min(room_{number}, share_{number} * {position})")
    rule = (
        "In each market the same share of each position is closed, or what of it fits under the cap where that is "
        "less: room, after the markets before it in the order of symbols were paid."
    )
    return told(rule, " + ".join(parts), own.terms)


def _queue(own: _Account, _: Any) -> Told:
    parts = []
    for number, holding in own.paying:
        own.put_bearer(holding.bearer)
        if not holding.closed_lots:
            continue
        gap, _position = own.put_position(number, holding)
        name = "room" if holding.closed_lots == holding.room_lots else "left"
        own.put_contracts(f"{name}_{number}", holding, holding.closed_lots)
        parts.append(f"{gap} * {name}_{number}")
    rule = (
        "In each market positions are closed by descending score, ties by account id, each as far as it fits under the "
        "cap (room), until the need is met; left is what a market still needed at this account's turn."
    )
    return told(rule, " + ".join(parts) or "0", own.terms)


def _untold(rule: str, why: str, *columns: str) -> Callable[[_Account, Any], Told]:
    """A policy whose amounts depend on who else holds what."""

    def tell(own: _Account, _: Any) -> Told:
        for number, holding in own.paying:
            own.put_bearer(holding.bearer)
            own.put_position(number, holding)
            own.put_ratio(f"level_{number}", holding.level or 0.0)
        for name in columns:
            raw = own.problem.accounts.columns[name].raw[own.account]
            own.put(name, Term(Fraction(str(raw or 0)), "number"))
        return told(f"{rule} {why}", None, own.terms)

    return tell


_OTHERS = "How much of it this account bears depends on who else holds what, so that no formula of its figures says."
_SHORTFALL = "level is what closing a contract, or paying a dollar, more of a market saves or adds."

_RULES: dict[str, Callable[[_Account, Any], Told]] = {
    "lexicographic": _lexicographic,
    "contracts-pro-rata": _contracts,
    "queue": _queue,
    "min-max": _untold(
        "The worst haircut of all is as small as it can be, and nobody is asked for more: level is that haircut in the "
        "markets that force it, 0 in the others. An account pays at most its endowment times the highest level.",
        "Below it who pays is what a maximum flow found: no formula of this account's figures says.",
    ),
    "revenue": _untold(
        "The fewest fees leave: who pays least in fees for each dollar of endowment is closed first, as far as "
        "positions reach. level is what a dollar more of a market's cost loses in fees.",
        _OTHERS,
        "fees",
    ),
    "leverage-draining": _untold(
        "The shortfall to expect at a normal move of prices is as small as it can be: who is likely to fail next is "
        f"closed first. {_SHORTFALL}",
        _OTHERS,
    ),
    "expected-deficit": _untold(f"The mean loss over the scenarios is as small as it can be. {_SHORTFALL}", _OTHERS),
    "cvar": _untold(f"The mean loss in the worst scenarios is as small as it can be. {_SHORTFALL}", _OTHERS),
}
