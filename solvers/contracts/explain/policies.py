"""Why one account's contracts were closed: each of its positions on a side that was closed, and what it paid in all.

A closing policy shares numbers by market only: a level (a haircut, or a price), a share of each position, or a queue.
Amounts before whole lots follow from them and from the account's own positions:

    lexicographic        x = min(cap, max over its levels L of min(R, L w)),   R what its positions cost in markets of
                         that level or a higher one: an account pays into the dearest market first, until its haircut
                         reaches that market's level or its position is closed
    contracts-pro-rata   k = min(room, share |q|) in each market,   room what fits under the cap after earlier markets
    queue                k = room until the market's need is met

and whole lots move them by some lots. What others close depends on the positions of all: no formula is told.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from solvers.contracts.explain.holdings import Closed, Holding
from solvers.contracts.registry import ClosingPolicy
from solvers.contracts.solve import ClosureSolution
from solvers.explain.formulas import Term, Told, told
from solvers.money import Int64, fraction
from solvers.water_filling import Rates, fill

_PLANNED = 1e-7
"""Relative distance of a formula from the real-valued plan beyond which it is not told."""


def explain_closing(
    solution: ClosureSolution, policy: ClosingPolicy, parameters: Any, account: int
) -> tuple[Told, tuple[Holding, ...]]:
    """What the account in this row paid in all, and each of its positions that could have been closed."""
    shares = _shares(solution) if policy.name == "contracts-pro-rata" else {}
    own = Closed(solution, account, shares=shares)
    if not own.holdings:
        return told("This account holds nothing on a side of a market that was to be closed.", "0", {}), ()
    if not own.paying:
        return told(_nothing(own), "0", {}), own.holdings
    return _RULES[policy.name](own, parameters), own.holdings


def _nothing(own: Closed) -> str:
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


def _lexicographic(own: Closed, _: Any) -> Told:
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


def _contracts(own: Closed, _: Any) -> Told:
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


def _queue(own: Closed, _: Any) -> Told:
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


def _untold(rule: str, why: str, *columns: str) -> Callable[[Closed, Any], Told]:
    """A policy whose amounts depend on who else holds what."""

    def tell(own: Closed, _: Any) -> Told:
        for number, holding in own.paying:
            own.put_bearer(holding.bearer)
            own.put_position(number, holding)
            own.put_ratio(f"level_{number}", holding.level or 0.0)
        for name in columns:
            raw = own.problem.accounts.columns[name].raw[own.account]
            own.put(name, Term(fraction(raw or 0), "number"))
        return told(f"{rule} {why}", None, own.terms)

    return tell


_OTHERS = "How much of it this account bears depends on who else holds what, so that no formula of its figures says."
_SHORTFALL = "level is what closing a contract, or paying a dollar, more of a market saves or adds."

_RULES: dict[str, Callable[[Closed, Any], Told]] = {
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
