"""Explanations of one account to answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import orjson

from app.convert.closings import side_of, text
from app.convert.closures import ClosureAsked
from app.convert.figures import decimal, money, price, ratio
from app.convert.requests import Chosen
from solvers.contracts.explain.holdings import Holding, position_figures
from solvers.contracts.registry import ClosingPolicy
from solvers.contracts.solve import ClosureSolution
from solvers.explain.account import limit_of
from solvers.explain.formulas import Term, Told
from solvers.explain.scores import account_figures, scored
from solvers.money import fraction, total
from solvers.problem import HaircutProblem
from solvers.queue import Score, lights
from solvers.registry import Policy
from solvers.robustness.losses import Exposed
from solvers.solve import Solution

_DOUBLE = 15
"""Digits that a double keeps; numbers of more are written out."""

_WHOLE = (
    "Amounts are whole units: fractions of a unit are cut off, and the units left over go to the accounts with the "
    "largest fractions, ties by account id."
)
_LOTS = (
    "Contracts are closed in whole lots: parts of a lot are cut off, and lots left over go where the haircut after "
    "them is lowest; what they cost is then rounded to whole units."
)
_EXACT = "The formula gives the amount itself."


@dataclass(frozen=True)
class Alternatives:
    """What other policies would have taken from the account.

    taken      units by policy, or the code of the problem in its way
    left_out   reasons by policy
    """

    taken: Mapping[str, int | str]
    left_out: Mapping[str, str]


def allocation_explanation(
    chosen: Chosen[Policy], solution: Solution, told: Told, row: int, others: Alternatives
) -> dict[str, Any]:
    problem, allocation = solution.problem, solution.allocation
    book, precision = problem.book, problem.book.precision
    seized, endowment, cap = (
        int(units[row]) for units in (allocation.seized_units, problem.endowment_units, problem.cap_units)
    )
    pnl, equity = int(book.pnl_units[row]), int(book.equity_units[row])
    ranked = allocation.rank is not None and allocation.rank[row] > 0
    return {
        "account": book.ids[row],
        "policy": chosen.shown,
        "numeraire": problem.numeraire,
        "status": solution.status,
        "budget": money(problem.budget_units, precision),
        "figures": {
            "cash": money(int(book.cash_units[row]), precision),
            "pnl": money(pnl, precision),
            "equity": money(equity, precision),
            "notional": text(notional := fraction(book.column("notional").raw[row] or 0)),
            "leverage": _leverage(notional, equity, precision),
            "exposure": _exposure(problem, row),
            "max_haircut": text(fraction(book.max_haircut.raw[row] or 0)),
            "min_equity": money(int(book.min_equity_units[row]), precision),
            "endowment": money(endowment, precision),
            "cap": money(cap, precision),
            "limit": limit_of(problem, row),
        },
        "outcome": _outcome(endowment, cap, seized),
        "seized": money(seized, precision),
        "haircut": ratio(Fraction(seized, endowment or 1)),
        "pnl_after": money(pnl - seized, precision),
        "equity_after": money(equity - seized, precision),
        "rank": int(allocation.rank[row]) if ranked and allocation.rank is not None else None,
        "ranked": int(allocation.rank.max()) if ranked and allocation.rank is not None else None,
        "quantile": int(lights(allocation.rank)[row]) if ranked and allocation.rank is not None else None,
        "score": _account_score(problem, row, chosen.parameters.score) if ranked else None,
        "multiplier": ratio(solution.certificate.multiplier),
        **_explained(told, seized, precision, _WHOLE),
        **_others(others, seized, endowment, precision),
    }


def closure_explanation(
    asked: ClosureAsked,
    chosen: Chosen[ClosingPolicy],
    solution: ClosureSolution,
    told: Told,
    holdings: tuple[Holding, ...],
    account: int,
    others: Alternatives,
) -> dict[str, Any]:
    problem, accounts, precision = solution.problem, solution.problem.accounts, solution.problem.accounts.precision
    wealth, bearers = problem.wealth, bearers_of(asked, account)
    seized, endowment, cap = (
        total(units[bearers]) for units in (solution.costs.bearer_units, wealth.endowment_units, wealth.cap_units)
    )
    equity = int(problem.account_equity_units[account])
    notional = _notional(asked, account)
    left = notional - sum(
        (
            holding.closed_lots * _lot(asked, holding) * problem.markets.marks[_market(asked, holding)]
            for holding in holdings
        ),
        Fraction(0),
    )
    return {
        "account": accounts.ids[account],
        "policy": chosen.shown,
        "margin": problem.margin,
        "numeraire": problem.numeraire,
        "status": solution.status,
        "budget": money(wealth.budget_units, precision),
        "figures": {
            "cash": money(int(accounts.cash_units[account]), precision),
            "pnl": money(int(problem.account_pnl_units[account]), precision),
            "equity": money(equity, precision),
            "notional": money(int(notional * 10**precision), precision),
            "leverage": _leverage(notional, equity, precision),
            "max_haircut": text(fraction(accounts.max_haircut.raw[account] or 0)),
            "min_equity": money(int(accounts.min_equity_units[account]), precision),
            "endowment": money(endowment, precision),
            "cap": money(cap, precision),
            "limit": limit_of(wealth, account) if problem.margin == "cross" else None,
        },
        "seized": money(seized, precision),
        "haircut": ratio(Fraction(seized, endowment or 1)),
        "equity_after": money(equity - seized, precision),
        "notional_after": money(int(left * 10**precision), precision),
        "leverage_after": _leverage(left, equity - seized, precision),
        "closes": [_close(asked, holding) for holding in holdings if holding.closed_lots],
        "positions": [_position(asked, chosen, holding, number, account) for number, holding in enumerate(holdings, 1)],
        **_explained(told, seized, precision, _LOTS),
        **_others(others, seized, endowment, precision),
    }


def bearers_of(asked: ClosureAsked, account: int) -> list[int]:
    """What pays for the account's closes: rows of the problem's wealth."""
    if asked.problem.margin == "cross":
        return [account]
    return np.flatnonzero(asked.problem.positions.account == account).tolist()


def _outcome(endowment: int, cap: int, seized: int) -> str:
    if not endowment:
        return "no-endowment"
    if not cap:
        return "no-cap"
    return "cap" if seized == cap else "part" if seized else "spared"


def _leverage(notional: Fraction, equity_units: int, precision: int) -> float | None:
    return ratio(notional * 10**precision / equity_units) if equity_units > 0 else None


def _exposure(problem: HaircutProblem, row: int) -> list[float | None] | None:
    if problem.shock is None:
        return None
    exposed = Exposed.of(problem)
    place = np.flatnonzero(exposed.rows == row)
    own = exposed.exposure[place[0]] if place.size else np.zeros(exposed.exposure.shape[1])
    return [ratio(value) for value in own.tolist()]


def _account_score(problem: HaircutProblem, row: int, score: Score) -> dict[str, Any]:
    return _score(account_figures(problem, row, score), score, problem.book.precision)


def _score(figures: dict[str, Term], score: Score, precision: int) -> dict[str, Any]:
    formula, value = scored(score, {name: term.value for name, term in figures.items()})
    return {"formula": formula, "figures": _terms(figures, precision), "value": ratio(value)}


def _explained(told: Told, seized: int, precision: int, why: str) -> dict[str, Any]:
    rounding = None
    if told.computed is not None:
        difference = _digits(Fraction(seized, 10**precision) - told.computed, precision)
        rounding = {"difference": difference, "why": why if difference != "0" else _EXACT}
    return {
        "rule": told.rule,
        "formula": told.formula,
        "terms": _terms(told.terms, precision),
        "computed": None if told.computed is None else _digits(told.computed, precision),
        "rounding": rounding,
    }


def _digits(amount: Fraction, precision: int) -> str:
    """To a millionth of a unit."""
    return decimal(round(amount * 10 ** (precision + 6)), precision + 6)


def _terms(terms: Mapping[str, Term], precision: int) -> dict[str, Any]:
    return {name: _term(term, precision) for name, term in terms.items()}


def _term(term: Term, precision: int) -> Any:
    match term.kind:
        case "money":
            return money(int(term.value * 10**precision), precision)
        case "number":
            return text(term.value)
        case "ratio" if term.digits <= _DOUBLE:
            return float(term.value)
    return orjson.Fragment(text(term.value).encode())


def _others(others: Alternatives, seized: int, endowment: int, precision: int) -> dict[str, Any]:
    return {
        "alternatives": [
            {
                "policy": name,
                "code": taken if isinstance(taken, str) else None,
                "seized": None if isinstance(taken, str) else money(taken, precision),
                "haircut": None if isinstance(taken, str) else ratio(Fraction(taken, endowment or 1)),
                "saves": None if isinstance(taken, str) else money(seized - taken, precision),
            }
            for name, taken in others.taken.items()
        ],
        "not_computed": [{"policy": name, "reason": reason} for name, reason in others.left_out.items()],
    }


def _market(asked: ClosureAsked, holding: Holding) -> int:
    return asked.problem.demands[holding.demand].market


def _lot(asked: ClosureAsked, holding: Holding) -> Fraction:
    """Contracts."""
    return asked.problem.markets.lots[_market(asked, holding)]


def _notional(asked: ClosureAsked, account: int) -> Fraction:
    """sum |q| p of all positions, in currency."""
    problem, found = asked.problem, Fraction(0)
    for row in np.flatnonzero(problem.positions.account == account).tolist():
        market = int(problem.positions.market[row])
        found += abs(int(problem.lots[row])) * problem.markets.lots[market] * problem.markets.marks[market]
    return found


def _close(asked: ClosureAsked, holding: Holding) -> dict[str, Any]:
    side = asked.problem.demands[holding.demand].side
    return {
        "market": asked.problem.markets.symbols[_market(asked, holding)],
        "quantity": text(side * holding.closed_lots * _lot(asked, holding)),
        "price": price(asked.problem.price(holding.demand)),
        "cost": money(holding.cost_units, asked.problem.accounts.precision),
    }


def _position(
    asked: ClosureAsked, chosen: Chosen[ClosingPolicy], holding: Holding, number: int, account: int
) -> dict[str, Any]:
    problem, precision = asked.problem, asked.problem.accounts.precision
    demand, market, lot = problem.demands[holding.demand], _market(asked, holding), _lot(asked, holding)
    score = None
    if holding.rank is not None:
        score = _score(
            position_figures(problem, holding.position, chosen.parameters.score), chosen.parameters.score, precision
        )
    return {
        "number": number,
        "market": problem.markets.symbols[market],
        "side": side_of(demand),
        "quantity": text(-demand.side * holding.lots * lot),
        "entry_price": text(fraction(problem.positions.entry_price.raw[holding.position] or 0)),
        "mark_price": text(problem.markets.marks[market]),
        "price": price(problem.price(holding.demand)),
        "pnl": money(int(problem.position_pnl_units[holding.position]), precision),
        "endowment": money(int(problem.wealth.endowment_units[holding.bearer]), precision),
        "cap": money(int(problem.wealth.cap_units[holding.bearer]), precision),
        "limit": limit_of(problem.wealth, holding.bearer),
        "needed": text(demand.lots * lot),
        "closed": text(holding.closed_lots * lot),
        "cost": money(holding.cost_units, precision),
        "outcome": holding.outcome,
        "level": ratio(holding.level),
        "share": ratio(holding.share),
        "rank": holding.rank,
        "ranked": holding.ranked,
        "score": score,
    }
