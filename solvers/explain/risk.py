"""`expected-deficit` and `cvar` in words: one account's own losses against the price of a dollar (MODEL 3)."""

from fractions import Fraction

import numpy as np

from solvers.explain.account import Account
from solvers.explain.formulas import Told
from solvers.explain.priced import at_price
from solvers.money import Float64, fraction
from solvers.robustness.cvar import CVar, TailAllocation
from solvers.robustness.expected_deficit import ExpectedDeficit
from solvers.robustness.laws import Law, Scenarios, TwoPoint
from solvers.robustness.losses import Exposed
from solvers.robustness.tail import Tail
from solvers.solve import Solution


def expected_deficit(account: Account, parameters: ExpectedDeficit) -> Told:
    shock = account.problem.shock
    return _least_loss(account, shock, parameters.exposure_model, "at the next shock")


def cvar(account: Account, parameters: CVar) -> Told:
    """With a law of one factor the same of its tail."""
    shock = account.problem.shock
    if isinstance(shock, Scenarios):
        return _in_scenarios(account, shock, parameters)
    percent = float((1 - fraction(parameters.level)) * 100)
    where = f"in the worst {percent:g} % of all cases of the next shock"
    return _least_loss(account, shock and Tail(shock, parameters.level), parameters.exposure_model, where)


def _least_loss(account: Account, law: Law | Scenarios | None, model: str, where: str) -> Told:
    multiplier = account.solution.allocation.multiplier or Fraction(0)
    equity, exposure = _exposed(account)
    held = bool(exposure.any())
    loss = _expected(law, equity, exposure) if held else 0.0
    account.ratio("expected_loss", loss)
    if model == "deleverage":
        account.ratio("saved", Fraction(loss) / account.terms["endowment"].value)
        account.ratio("price", -multiplier)
        return at_price(
            account,
            f"Who stands to lose most {where} for each dollar of endowment is taken to the cap first, until the budget "
            "is met: saved is expected_loss / endowment of this account, price that of the last one needed.",
            first="above",
        )
    account.ratio("price", multiplier)
    rule = (
        f"The budget is taken where that adds least to the loss expected {where} (exposure model {model}): a dollar "
        "more from anybody strictly between nothing and the cap would add the price."
    )
    if not held:
        return at_price(account, f"{rule} Without a position an account loses nothing then: it adds 0.", first="below")
    if model == "cash" and not isinstance(law, Scenarios | TwoPoint | Tail):
        account.equity()
        account.number("exposure", float(exposure[0]))
        account.ratio("margin", _margin(account.solution), 17)
        return account.told(
            f"{rule} So everybody strictly between is left with the same margin, equity after over exposure.",
            "min(cap, max(equity - margin * exposure, 0))",
        )
    return account.told(f"{rule} At which amount this account's dollar adds that, no formula says.", None)


def _expected(law: Law | Scenarios | None, equity: float, exposure: Float64) -> float:
    """Dollars, before anything is taken."""
    if isinstance(law, Scenarios):
        return float(law.expected_shortfall(np.array([equity]), exposure[None])[0])
    return 0.0 if law is None else float(exposure[0] * law.expected_loss(np.array([equity / exposure[0]]))[0])


def _exposed(account: Account) -> tuple[float, Float64]:
    """Equity in dollars, and the exposures that the shock moves; zeros without a position."""
    exposed = Exposed.of(account.problem)
    place = np.flatnonzero(exposed.rows == account.row)
    if not place.size:
        return 0.0, np.zeros(exposed.exposure.shape[1])
    return float(exposed.equity[place[0]]), exposed.exposure[place[0]]


def _margin(solution: Solution) -> Fraction:
    """The margin (e - x) / n of everybody strictly inside, from the largest position, which tells it best."""
    problem, exposed = solution.problem, Exposed.of(solution.problem)
    haircuts = np.zeros(len(problem.book))
    haircuts[problem.winners] = solution.allocation.real_haircuts(problem)
    rows, n, scale = exposed.rows, exposed.exposure[:, 0], 10**problem.book.precision
    e, caps = problem.book.equity_units[rows], problem.cap_units[rows].astype(np.float64)
    x = haircuts[rows] * problem.endowment[rows]
    inside = np.flatnonzero((x > 0) & (solution.allocation.seized_units[rows] < problem.cap_units[rows]))
    if inside.size:
        one = inside[np.argmax(n[inside])]
        return (int(e[one]) - Fraction(float(x[one]))) / Fraction(float(n[one])) / Fraction(scale)
    full, bearing = (caps > 0) & (x > 0), caps > 0
    if full.any():
        return Fraction(float(((e - caps)[full] / n[full]).min())) / Fraction(scale)
    return Fraction(float((e / n)[bearing].max(initial=0.0))) / Fraction(scale)


def _in_scenarios(account: Account, shock: Scenarios, parameters: CVar) -> Told:
    """By the weights of the scenarios that prove the bound (`solvers.robustness.cvar`)."""
    allocation = account.solution.allocation
    weights = allocation.scenario_weights if isinstance(allocation, TailAllocation) else None
    rule = (
        "A linear program over all accounts finds which scenarios are the worst ones after the haircuts, and takes "
        "where that saves most in them. The price is what a dollar more of budget adds to the loss there"
    )
    if parameters.exposure_model == "deleverage" and weights is not None:
        equity, exposure = _exposed(account)
        losses = np.maximum(-equity - shock.moves @ exposure, 0.0)
        account.ratio("saved", float(weights @ losses) / float(account.terms["endowment"].value))
        rule += ", saved what a dollar from this account takes off it"
    account.ratio("price", account.solution.certificate.multiplier or 0)
    return account.told(
        f"{rule}. What is taken of it depends on who else loses in the same scenarios, so that no formula of this "
        "account's figures gives it.",
        None,
    )
