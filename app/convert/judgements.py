"""Judged closures to answers."""

from functools import partial
from math import ceil
from typing import Any

from app.convert.accounts import out_of_range
from app.convert.closings import side_of, taken, text
from app.convert.closures import ClosureAsked, MadeClosures
from app.convert.diagnostics import diagnostics
from app.convert.figures import money, price, ratio
from app.problems import invalid
from solvers.contracts.fills import WARNINGS, Judgement, Violation
from solvers.contracts.problem import ClosureProblem
from solvers.money import Int64


def judged_answer(asked: ClosureAsked, made: MadeClosures, judged: Judgement) -> dict[str, Any]:
    """Closes against the rules; where a shortage is accepted, contracts left are no violation."""
    problem, seized = asked.problem, judged.bearer_units
    put = partial(money, precision=problem.accounts.precision)
    _check_range(problem, seized)
    forgiven = WARNINGS | {"not-closed"} if asked.partial else WARNINGS
    broken = [found for found in judged.violations if found.rule not in forgiven]
    warned = [found for found in judged.violations if found.rule in forgiven]
    needs = zip(problem.demands, judged.needed, judged.closed, judged.touched, strict=True)
    return {
        "id": asked.identity("verification", made.digest()),
        "valid": not broken,
        "violations": [_violation(problem, made, found) for found in broken],
        "warnings": [_violation(problem, made, found) for found in warned],
        "closures": {
            "needed": put(judged.needed_units),
            "paid": put(judged.paid_units),
            "overshoot": put(judged.overshoot_units),
            "markets": [
                {
                    "market": problem.markets.symbols[demand.market],
                    "side": side_of(demand),
                    "needed": text(needed),
                    "closed": text(closed),
                    "positions_touched": touched,
                }
                for demand, needed, closed, touched in needs
            ],
            "worst_haircut": ratio(judged.worst_haircut),
            "smallest_worst_haircut": ratio(judged.optimum),
            "accounts_touched": judged.accounts_touched,
            "same_side_accounts": judged.same_side_accounts,
            "unprofitable_accounts": judged.unprofitable_accounts,
            "hedges_broken": sum(found.rule == "risk-rose" for found in judged.violations),
            "gains": judged.gains,
            "gained": put(judged.gained_units),
        },
        "diagnostics": diagnostics(taken(problem, seized) if asked.partial else problem.wealth, seized),
    }


def _check_range(problem: ClosureProblem, seized: Int64) -> None:
    book = problem.wealth.book
    why = "what is left of an account is too large for exact arithmetic"
    far = [("/closures", why, book.ids[row]) for row in out_of_range(book, seized)]
    if far:
        raise invalid(far)


def _violation(problem: ClosureProblem, made: MadeClosures, found: Violation) -> dict[str, Any]:
    account = None if found.account is None else problem.accounts.ids[found.account]
    if found.rule == "unknown-account" and found.fill is not None:
        account = made.table.account(found.fill)
    return {
        "rule": found.rule,
        "account": account,
        "market": None if found.market is None else problem.markets.symbols[found.market],
        "closure": found.fill,
        "detail": _detail(problem, found),
    }


def _wrongly(problem: ClosureProblem, found: Violation) -> str:
    """How a trade on the wrong side was wrong: it adds to the position, or closes what nobody needed."""
    short = problem.lots[found.position] < 0
    needed = any(demand.market == found.market and (demand.side > 0) == short for demand in problem.demands)
    held, close = ("short", "purchase") if short else ("long", "sale")
    if needed:
        return f"{'sold' if short else 'bought'}, but the account is {held}: a close is a {close}"
    return f"traded, but the account is {held}: a close is a {close}, and no {close} was needed"


def _detail(problem: ClosureProblem, found: Violation) -> str:
    precision = problem.accounts.precision
    match found.rule:
        case "unknown-account":
            return "the account is not in the snapshot"
        case "unknown-market":
            return "the market is not in the snapshot"
        case "over-cap" | "unprofitable":
            made, allowed = (money(ceil(units), precision) for units in (found.made, found.allowed))
            return f"{made} was paid where {allowed} is allowed"
        case "over-paid" | "under-paid":
            made, allowed = (money(round(units), precision) for units in (found.made, found.allowed))
            return f"{made} was paid for what was closed where its price asks for {allowed}"
        case "order-broken":
            return f"place {found.made} in the queue was closed while place {found.allowed} had contracts left"
        case "risk-rose":
            return f"net exposure over equity rose from {ratio(found.allowed)} to {ratio(found.made)}"
        case "no-position":
            return f"{price(found.made)} contracts were traded of a market in which the account holds none"
        case "same-side":
            return f"{price(found.made)} contracts were {_wrongly(problem, found)}"
        case "off-lot":
            return f"{price(found.made)} contracts are no whole number of lots"
        case "over-position":
            return f"{price(found.made)} contracts were closed where {price(found.allowed)} were held"
        case "not-closed" | "over-closed":
            return f"{price(found.made)} contracts were closed where {price(found.allowed)} are needed"
