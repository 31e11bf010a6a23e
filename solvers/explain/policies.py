"""Why one account of an allocation lost what it lost, whatever the policy.

Nothing told is of another account: what is shared is a policy's multiplier, price or level, of which an answer has one
for everybody. Amounts become whole units afterwards (MODEL 8), so that what was seized is off the formula by a unit,
or two where a rule is solved in doubles; where doubles would miss by more, no formula is told.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from solvers.explain import fillings, priced, risk
from solvers.explain.account import Account, limit_of
from solvers.explain.formulas import Told
from solvers.registry import Policy
from solvers.solve import Solution

ROUNDING_UNITS = 2
"""Most that whole units are off a formula."""

_NO_ENDOWMENT = {
    "pnl": "Only the profit of an account with equity above 0 may be taken, and this one has none.",
    "equity": "Only equity above 0 may be taken, and this account has none.",
}
_NO_CAP = {
    "min_equity": "Nothing may be taken from this account: its equity is not above min_equity.",
    "max_haircut": "Nothing may be taken from this account: max_haircut of its endowment is less than a unit.",
}
_MISSED = (
    " The service solves this in doubles, and with the amounts of this book the formula would be off by more than two "
    "units: none is told."
)

_RULES: dict[str, Callable[[Account, Any], Told]] = {
    "pro-rata": fillings.pro_rata,
    "capped-pro-rata": fillings.capped_pro_rata,
    "queue": fillings.queue,
    "contracts-pro-rata": fillings.contracts_pro_rata,
    "leverage-pro-rata": fillings.leverage_pro_rata,
    "rap": fillings.rap,
    "expected-deficit": risk.expected_deficit,
    "cvar": risk.cvar,
    "revenue": priced.revenue,
    "blend": priced.blend,
}


def explain(solution: Solution, policy: Policy, parameters: Any, row: int) -> Told:
    """Of the account in this row of the book."""
    problem, account = solution.problem, Account(solution, row)
    limit = limit_of(problem, row)
    if limit is None:
        return account.told(_NO_ENDOWMENT[problem.numeraire], "cap")
    if not account.cap_units:
        return account.told(_NO_CAP[limit], "cap")
    found = _RULES[policy.name](account, parameters)
    scale = 10**problem.book.precision
    if found.computed is None or abs(found.computed * scale - account.seized_units) <= ROUNDING_UNITS:
        return found
    return replace(found, rule=found.rule + _MISSED, formula=None, computed=None)
