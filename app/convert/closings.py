"""Closings and problems of contract space to answers."""

from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import orjson

from app.convert import encode
from app.convert.answers import certified, version
from app.convert.closures import ClosureAsked
from app.convert.diagnostics import diagnostics
from app.convert.figures import decimal, floored, money, price, ratio, ratios
from app.convert.requests import Chosen
from app.convert.risk import risk
from app.problems import RequestProblem, invalid
from solvers.contracts.book import common, gains
from solvers.contracts.problem import ClosureProblem, Demand
from solvers.contracts.registry import ClosingPolicy
from solvers.contracts.risk import closing_risk
from solvers.contracts.solve import ClosureSolution
from solvers.errors import ProblemError, SolverError, SolverTimeout, UnclosableMarkets
from solvers.money import UNIT_LIMIT, Bool, Int64, total
from solvers.problem import HaircutProblem

_FINE = 3
"""Further decimals of a price, so that all contracts of a market cost the same to a thousandth of a unit."""


def closure_answer(asked: ClosureAsked, chosen: Chosen[ClosingPolicy], solution: ClosureSolution) -> dict[str, Any]:
    problem, closing = solution.problem, solution.closing
    seized = solution.costs.bearer_units
    return {
        "id": asked.identity("closure", chosen.shown),
        "status": solution.status,
        "reproducible": not solution.cut,
        "policy": chosen.shown,
        "budget": money(problem.wealth.budget_units, problem.accounts.precision),
        "notes": list(closing.notes),
        "closures": _closures(asked, solution) if asked.full else None,
        "accounts": _accounts(asked, solution) if asked.full else None,
        "markets": [_market(solution, place) for place in range(len(problem.demands))],
        "diagnostics": {
            **diagnostics(taken(problem, seized), seized),
            "risk": risk(closing_risk(problem, closing), problem.accounts.precision),
        },
        "certificate": _certificate(solution),
        "solver": {
            "method": closing.method,
            "library": "/".join(closing.libraries),
            "version": "/".join(map(version, closing.libraries)),
        },
    }


def taken(problem: ClosureProblem, seized: Int64) -> HaircutProblem:
    """The bearers' problem, of what they could be made to pay where that is less than the budget."""
    paid = total(seized)
    return problem.wealth if paid >= problem.wealth.budget_units else problem.wealth.reduced(max(paid, 0))


def _closures(asked: ClosureAsked, solution: ClosureSolution) -> dict[str, orjson.Fragment] | list[dict[str, Any]]:
    """What is closed, in the order of the positions as they came."""
    problem, arcs = solution.problem, solution.problem.arcs
    precision, positions = problem.accounts.precision, problem.positions
    closed = np.flatnonzero(solution.closing.lots)
    closed = closed[np.argsort(arcs.position[closed])]
    rows, lots = arcs.position[closed], solution.closing.lots[closed]
    traded = np.zeros(len(positions), np.int64)
    traded[rows] = -np.sign(problem.lots[rows]) * lots
    numerators, denominator = gains(-traded, problem.markets, positions)
    profits = problem.floored_units(numerators[rows], denominator).tolist()
    paid = solution.costs.arc_units[closed]
    prices = [price(problem.price(place), _decimals(solution, place)) for place in range(len(problem.demands))]
    accounts, markets = positions.account[rows].tolist(), positions.market[rows].tolist()
    columns = {
        "account": encode.column_of([problem.accounts.ids[row] for row in accounts]),
        "market": encode.column_of([problem.markets.symbols[row] for row in markets]),
        "quantity": encode.column_of(_contracts(problem, traded[rows], positions.market[rows])),
        "price": encode.column_of([prices[demand] for demand in arcs.demand[closed].tolist()]),
        "cost": _moneys(paid.tolist(), precision),
        "realised_pnl": _moneys(
            [profit - cost for profit, cost in zip(profits, paid.tolist(), strict=True)], precision
        ),
    }
    return encode.laid_out(columns, asked.tables["positions"].columnar)


def _moneys(amounts: list[int], precision: int) -> bytes:
    """Whole units of any size as a JSON array of decimal strings."""
    if amounts and max(map(abs, amounts)) < UNIT_LIMIT:
        return encode.moneys(np.array(amounts, np.int64), precision)
    return encode.column_of([money(amount, precision) for amount in amounts])


def _contracts(problem: ClosureProblem, lots: Int64, market: Int64) -> list[str]:
    """Lots of markets as contracts."""
    integers, decimals = problem.markets.lot_size.exact
    sizes = integers.tolist()
    pairs = zip(lots.tolist(), market.tolist(), strict=True)
    return [decimal(amount * sizes[place], decimals) for amount, place in pairs]


def _decimals(solution: ClosureSolution, place: int) -> int:
    """Decimals of a price that all contracts closed for a demand need, and all that were to be."""
    problem, demand = solution.problem, solution.problem.demands[place]
    lots = max(demand.lots, total(solution.closing.lots[problem.arcs_of[place]]))
    units = lots * problem.markets.lots[demand.market] * 10**problem.accounts.precision
    return len(str(int(units))) + _FINE


def _accounts(asked: ClosureAsked, solution: ClosureSolution) -> dict[str, orjson.Fragment] | list[dict[str, Any]]:
    """Every account, in the order they came."""
    problem, precision = solution.problem, solution.problem.accounts.precision
    count, owner = len(problem.accounts.ids), np.arange(len(problem.wealth.book))
    if problem.margin == "isolated":
        owner = problem.positions.account
    endowment, seized = np.zeros(count, np.int64), np.zeros(count, np.int64)
    np.add.at(endowment, owner, problem.wealth.endowment_units)
    np.add.at(seized, owner, solution.costs.bearer_units)
    before, after = problem.account_equity_units, problem.account_equity_units - seized
    left = np.abs(problem.lots)
    left[problem.arcs.position] -= solution.closing.lots
    notionals = [_notionals(problem, lots) for lots in (np.abs(problem.lots), left)]
    column = partial(encode.moneys, precision=precision)
    haircuts = np.divide(seized, endowment, out=np.zeros(count), where=endowment > 0)
    columns = {
        "id": encode.column_of(problem.accounts.ids),
        "endowment": column(endowment),
        "haircut": encode.column_of(ratios(haircuts)),
        "seized": column(seized),
        "capped": encode.column_of(_capped(solution, owner, count).tolist()),
        "equity_after": column(after),
        **{
            f"notional_{when}": _moneys([value // scale for value in values], precision)
            for when, (values, scale) in zip(("before", "after"), notionals, strict=True)
        },
        **{
            f"leverage_{when}": encode.column_of([
                ratio(value / (scale * own)) if own > 0 else None
                for value, own in zip(values, equity.tolist(), strict=True)
            ])
            for when, equity, (values, scale) in zip(("before", "after"), (before, after), notionals, strict=True)
        },
    }  # fmt: skip
    return encode.laid_out(columns, asked.tables["accounts"].columnar)


def _capped(solution: ClosureSolution, owner: Int64, accounts: int) -> Bool:
    """Of which account one more lot would pass the cap of a bearer, to a rounding."""
    problem, arcs, lots = solution.problem, solution.problem.arcs, solution.closing.lots
    gaps, caps = problem.gap_floats[arcs.demand], problem.wealth.cap_units
    paid = np.bincount(arcs.bearer, gaps * lots, len(caps))
    full = (lots < arcs.lots) & (paid[arcs.bearer] + gaps * (1 - 2.0**-40) > caps[arcs.bearer]) & (gaps > 0)
    opposite, endowment = problem.opposite, problem.wealth.endowment_units
    barred = ~problem.free[opposite.demand] & (caps[opposite.bearer] <= 0) & (endowment[opposite.bearer] > 0)
    found = np.zeros(accounts, np.bool_)
    found[owner[arcs.bearer[full]]] = True
    found[owner[opposite.bearer[barred]]] = True
    return found


def _notionals(problem: ClosureProblem, lots: Int64) -> tuple[list[int], int]:
    """sum |q| p of each account in units of currency, exactly, over one denominator."""
    pairs = zip(problem.markets.lots, problem.markets.marks, strict=True)
    values, denominator = common([size * mark for size, mark in pairs])
    sums = np.zeros(len(problem.accounts.ids), dtype=object)
    np.add.at(sums, problem.positions.account, lots.astype(object) * values[problem.positions.market])
    found: list[int] = (sums * 10**problem.accounts.precision).tolist()
    return found, denominator


def _market(solution: ClosureSolution, place: int) -> dict[str, Any]:
    problem, closing = solution.problem, solution.closing
    demand, arcs = problem.demands[place], problem.arcs.demand == place
    lots, most = closing.lots[arcs], problem.arcs.lots[arcs]
    held = total(problem.opposite.lots[problem.opposite.demand == place])
    closed, touched, reason = total(lots), int((lots > 0).sum()), solution.reasons.get(place)
    full = int(((lots == most) & (lots > 0)).sum())
    size, decimals = problem.markets.lots[demand.market], _decimals(solution, place)
    gap = abs(problem.price(place) - problem.markets.marks[demand.market])
    return {
        "market": problem.markets.symbols[demand.market],
        "side": side_of(demand),
        "needed": text(demand.lots * size),
        "closed": text(closed * size),
        "left": text(max(demand.lots - closed, 0) * size),
        "reason": reason,
        "price": price(problem.price(place), decimals),
        "gap": price(gap, decimals),
        "cost": money(total(solution.costs.arc_units[arcs]), problem.accounts.precision),
        "accounts_touched": touched,
        "fully_closed_share": ratio(Fraction(full, touched)) if touched else None,
        "open_interest_closed": ratio(Fraction(closed, held)) if held else None,
        "shadow_price": None if closing.plan is None or reason else ratio(float(closing.plan.levels[place])),
    }


def side_of(demand: Demand) -> str:
    return "long" if demand.side > 0 else "short"


def text(contracts: Fraction) -> str:
    """A whole number of lots in contracts, which has an end."""
    denominator, decimals = contracts.denominator, 0
    while 10**decimals % denominator:
        decimals += 1
    return decimal(int(contracts * 10**decimals), decimals)


def _certificate(solution: ClosureSolution) -> dict[str, Any]:
    certificate = solution.certificate
    return {
        **certified(certificate, solution.problem.accounts.precision),
        "worst_haircut": ratio(certificate.worst_haircut),
        "worst_haircut_bound": ratio(certificate.worst_haircut_bound),
    }


def problem_of(asked: ClosureAsked, exc: SolverError, policy: tuple[str | int, ...] = ("policy",)) -> RequestProblem:
    """What a solver refused, as a problem document; `policy`: where it stands in the request."""
    match exc:
        case ProblemError():
            return invalid(asked.errors(exc, policy), exc.total)
        case UnclosableMarkets():
            return _unclosable(asked, exc)
        case SolverTimeout():
            return RequestProblem("solver-timeout", f"{exc}; nothing was applied")
        case _:
            return RequestProblem("solver-failed", f"{exc}; nothing was applied")


def _unclosable(asked: ClosureAsked, exc: UnclosableMarkets) -> RequestProblem:
    """409: what can be paid of the budget, and which liquidations cannot be closed, and why."""
    table, precision = asked.tables["liquidations"], asked.problem.accounts.precision
    errors = [
        (table.row_pointer(row), why, table.account(row))
        for place, why in exc.demands.items()
        for row in asked.problem.demands[place].rows
    ]
    members = {
        "budget": money(exc.budget_units, precision),
        "reachable_capacity": money(exc.reachable_units, precision),
        "shortage": money(exc.budget_units - exc.reachable_units, precision),
        "largest_feasible_severity": None if exc.severity is None else floored(exc.severity),
    }
    return RequestProblem("infeasible-budget", exc.detail, errors=errors, members=members)
