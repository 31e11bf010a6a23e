"""Knapsacks, `revenue` and `blend` in words: amounts that follow from the price of a dollar (MODEL 5 and 6)."""

from fractions import Fraction
from typing import Literal

import numpy as np

from solvers.blend import Blend
from solvers.explain.account import Account
from solvers.explain.fillings import filling
from solvers.explain.formulas import Told, evaluate
from solvers.revenue.retention import Exponential, Linear, Power
from solvers.revenue.revenue import Revenue
from solvers.robustness.losses import expected_losses


def at_price(account: Account, rule: str, *, first: Literal["above", "below"]) -> Told:
    """Full on the side of the price that is taken `first`, nothing on the other, one level for all that are at it."""
    last = "below" if first == "above" else "above"
    if account.seized_units == account.cap_units:
        return account.told(f"{rule} This account is {first} the price, or full at it: it loses its cap.", "cap")
    if not account.seized_units:
        return account.told(f"{rule} This account is {last} the price, or met it with nothing left to take.", "0")
    account.level()
    return account.told(
        f"{rule} This account is at the price: what was left of the budget takes the same fraction, the level, of the "
        "endowments of all that are, or their caps.",
        "min(cap, level * endowment)",
    )


def revenue(account: Account, parameters: Revenue) -> Told:
    problem, multiplier = account.problem, account.solution.allocation.multiplier
    fees, retention = account.column("fees"), problem.retention
    if multiplier is None:
        if problem.amount_units:
            return account.told("The budget is all that the caps allow: everybody loses the cap.", "cap")
        return account.told("The budget is nothing: nobody loses anything.", "0")
    price = account.ratio("price", multiplier, 17)
    endowment = account.terms["endowment"].value
    match retention:
        case Linear(rate=rate):
            account.number("rate", rate)
            account.ratio("cost", fees * Fraction(rate) / endowment)
            return at_price(
                account,
                "Who pays least in fees for each dollar of endowment is taken to the cap first, until the budget is "
                "met: cost is fees * rate / endowment of this account, price that of the last one needed.",
                first="below",
            )
        case Power(rate=rate, exponent=exponent):
            rule = (
                "The budget is taken where the fewest fees leave: a dollar more from anybody strictly between nothing "
                "and the cap would cost the price. Accounts without fees come first."
            )
            if not fees:
                return at_price(account, f"{rule} This is one: it costs 0.", first="below")
            if not price:
                return account.told(f"{rule} They bear all of it.", "0")
            account.number("rate", rate)
            account.number("exponent", exponent)
            haircut = "(price * endowment / (fees * rate * exponent))^(1 / (exponent - 1))"
            return account.told(rule, f"min(cap, endowment * {haircut})")
        case _:
            return _exponential(account, retention, parameters)


def _exponential(account: Account, curve: Exponential | None, parameters: Revenue) -> Told:
    rule = (
        "Losses are concave in the haircut, so that everybody is left alone or taken to the cap but one, which bears "
        "what is left."
    )
    if curve is not None:
        account.number("rate", curve.rate)
        cap, endowment, fees = (float(account.terms[name].value) for name in ("cap", "endowment", "fees"))
        account.ratio("cost", fees * float(curve.leaves(np.array([cap / endowment]))[0]) / cap)
        rule += (
            " cost is the fees that leave for each dollar if all of this account's cap is taken, price that of the "
            "last account so taken; the cheapest come first."
        )
    if parameters.exact:
        return account.told(
            f"{rule} Who is taken is what a search over all accounts found, which no formula of one account's figures "
            "gives.",
            None,
        )
    if account.seized_units == account.cap_units:
        return account.told(f"{rule} This account was taken to its cap.", "cap")
    if not account.seized_units:
        return account.told(f"{rule} This account was left alone.", "0")
    account.money("left", account.seized_units)
    return account.told(f"{rule} This is the one.", "min(cap, left)")


def blend(account: Account, parameters: Blend) -> Told:
    weights, problem, allocation = parameters.weights, account.problem, account.solution.allocation
    if allocation.multiplier is not None:
        rule = "Fairness is all that has a weight: everybody loses the same fraction of the endowment, or the cap."
        return filling(account, "endowment", rule)
    account.ratio("price", account.solution.certificate.multiplier or 0, 17)
    account.number("fairness", weights.fairness)
    costs, base, slope, straight = ["fairness * haircut"], "price", "fairness", weights.fairness > 0
    if weights.robustness:
        account.number("robustness", weights.robustness)
        account.ratio("expected_loss", float(expected_losses(problem)[0][account.row]), 17)
        costs.append("- robustness * expected_loss / endowment")
        base += " + robustness * expected_loss / endowment"
    if weights.revenue and isinstance(problem.retention, Linear | Power):
        account.number("revenue", weights.revenue)
        account.column("fees")
        account.number("rate", problem.retention.rate)
        if isinstance(problem.retention, Linear):
            costs.append("+ revenue * fees * rate / endowment")
            base += " - revenue * fees * rate / endowment"
        else:
            account.number("exponent", problem.retention.exponent)
            costs.append("+ revenue * fees * rate * exponent * haircut^(exponent - 1) / endowment")
            slope = "(fairness + revenue * fees * rate * exponent / endowment)"
            straight = straight and problem.retention.exponent == 2
    rule = (
        f"A dollar more from an account costs {' '.join(costs)}, and for everybody strictly between nothing and the "
        "cap that is the price."
    )
    if parameters.group_limits:
        return account.told(
            f"{rule} Accounts of a group at its limit have a price of their own instead, which the others of the group "
            "make: no formula of this account's figures gives its amount.",
            None,
        )
    if not weights.fairness and not (weights.revenue and isinstance(problem.retention, Power)):
        values = {name: term.value for name, term in account.terms.items()}
        account.ratio("cost", -evaluate(base.replace("price", "0", 1), values))
        return at_price(
            account,
            f"{rule} Without a weight on fairness that is the same at every haircut: cost. Whose is lowest is taken "
            f"to the cap first, until the budget is met.",
            first="below",
        )
    if not straight:
        return account.told(f"{rule} At which haircut that is so, no formula says.", None)
    return account.told(rule, f"min(cap, endowment * max({base}, 0) / {slope})")
