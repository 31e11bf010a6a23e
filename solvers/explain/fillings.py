"""Water-fillings and queues in words: amounts that follow from one multiplier, or from a place (MODEL 2)."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from solvers.explain.account import Account, winners_column
from solvers.explain.formulas import Told
from solvers.money import fraction, total
from solvers.pro_rata import CappedProRata, ProRata
from solvers.problem import HaircutProblem
from solvers.queue import Queue
from solvers.weighted import ContractsProRata, LeverageProRata, Rap, loss_weights

Weighs = Callable[[HaircutProblem], Any]
"""Which of the winners have a weight above zero."""

_LEVERAGE = "notional / equity"


def filling(account: Account, rate: str, rule: str, weighs: Weighs | None = None) -> Told:
    """min(cap, multiplier x rate); without `weighs` everybody has a rate above zero."""
    problem, multiplier = account.problem, account.solution.allocation.multiplier or Fraction(0)
    weighted = np.ones(problem.winners.size, np.bool_) if weighs is None else np.asarray(weighs(problem), np.bool_)
    if problem.amount_units <= total(problem.cap_units[problem.winners[weighted]]):
        account.ratio("multiplier", multiplier)
        return account.told(
            f"{rule} The multiplier, one for all, is what meets the budget.", f"min(cap, multiplier * {rate})"
        )
    if weighted[np.searchsorted(problem.winners, account.row)]:
        return account.told(
            f"{rule} The budget is more than all accounts with a weight above zero can bear: each of them loses its "
            "cap, and this is one of them.",
            "cap",
        )
    account.ratio("multiplier", multiplier)
    return account.told(
        f"{rule} This account's weight is zero. The budget is more than all others can bear, and the rest of it takes "
        "the same fraction, the multiplier, of the endowments of those without a weight, or the cap.",
        "min(cap, multiplier * endowment)",
    )


def pro_rata(account: Account, _: ProRata) -> Told:
    account.ratio("multiplier", account.solution.allocation.multiplier or 0)
    return account.told(
        "Everybody loses the same fraction of the endowment: the multiplier, which is the budget over the sum of all "
        "endowments.",
        "multiplier * endowment",
    )


def capped_pro_rata(account: Account, _: CappedProRata) -> Told:
    allocation = account.solution.allocation
    if allocation.method == "closed-form":
        return filling(
            account, "endowment", "Everybody loses the same fraction of the endowment, or the cap where that is less."
        )
    account.ratio("multiplier", account.solution.certificate.multiplier or 0)
    return account.told(
        "Everybody loses about the same fraction of the endowment, the multiplier, or the cap where that is less. A "
        f"generic solver (method {allocation.method}) looked for all amounts at once, and how near it came depends on "
        "the whole book, so that no formula of this account's figures gives its amount to the unit.",
        None,
    )


def contracts_pro_rata(account: Account, _: ContractsProRata) -> Told:
    account.column("contracts")
    rule = "Everybody loses the same amount for each contract held, or the cap where that is less."
    return filling(account, "contracts", rule, lambda problem: winners_column(problem, "contracts") > 0)


def leverage_pro_rata(account: Account, _: LeverageProRata) -> Told:
    _put_leverage(account)
    rule = f"Haircuts are in proportion to leverage, {_LEVERAGE}, or the cap where that is less."
    return filling(account, f"endowment * {_LEVERAGE}", rule, _has_notional)


def rap(account: Account, parameters: Rap) -> Told:
    if parameters.risk == "optimal":
        weights = loss_weights(account.problem)
        account.ratio("weight", float(weights[np.searchsorted(account.problem.winners, account.row)]), 17)
        rule = (
            "Haircuts are in proportion to the loss expected at the next shock for each dollar of equity, or the cap "
            "where that is less; weight is this account's, over the largest of the book."
        )
        return filling(account, "endowment * weight", rule, lambda _: weights > 0)
    _put_leverage(account)
    weighs: Weighs = _has_notional
    match parameters.risk:
        case "linear":
            weight, what = f"({_LEVERAGE})^2", "the square of leverage"
        case "power":
            account.number("exponent", parameters.exponent)
            weight, what = f"({_LEVERAGE})^(exponent + 1)", "leverage to the power of exponent + 1"
        case _:
            account.number("threshold", parameters.threshold)
            weight = f"{_LEVERAGE} * max({_LEVERAGE} - threshold, 0)"
            what = "leverage times what of it is above the threshold"

            def weighs(problem: HaircutProblem) -> Any:
                return _above(problem, parameters.threshold)

    rule = f"Haircuts are in proportion to {what}, or the cap where that is less; leverage is {_LEVERAGE}."
    return filling(account, f"endowment * {weight}", rule, weighs)


def queue(account: Account, parameters: Queue) -> Told:
    """The amount, given the place; the score that made the place is told beside it."""
    rule = f"Winners are taken to their caps in the order of the score {parameters.score}, ties by account id, until "
    if account.seized_units == account.cap_units:
        return account.told(f"{rule}the budget is met. This account was reached and taken whole.", "cap")
    if not account.seized_units:
        return account.told(f"{rule}the budget is met, which was so before this account.", "0")
    account.money("left", account.seized_units)
    return account.told(
        f"{rule}the budget is met. At this account's turn less was left of it than the cap, and it bore what was.",
        "min(cap, left)",
    )


def _put_leverage(account: Account) -> None:
    account.column("notional")
    account.equity()


def _has_notional(problem: HaircutProblem) -> Any:
    return winners_column(problem, "notional") > 0


def _above(problem: HaircutProblem, threshold: float) -> Any:
    """Whose leverage is above the threshold, exactly."""
    decimals = problem.book.column("notional").exact[1]
    scaled = fraction(threshold) * Fraction(10**decimals, 10**problem.book.precision)
    equity = problem.book.equity_units[problem.winners].astype(object)
    return winners_column(problem, "notional").astype(object) * scaled.denominator > equity * scaled.numerator
