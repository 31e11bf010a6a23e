"""Water-filling with unequal rates: by leverage, by risk, by contracts.

Equity and endowment are whole units; notional, contracts and thresholds are used exactly as they were given.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le

from solvers.allocation import Allocation
from solvers.errors import ProblemError
from solvers.money import Float64, fraction
from solvers.problem import HaircutProblem
from solvers.robustness.losses import expected_losses
from solvers.water_filling import Rates, filled

Risk = Literal["linear", "power", "cvar", "optimal"]

_PRECISE = 1e-290
"""Below this doubles lose their relative precision, and logarithms take over."""


@dataclass(frozen=True)
class LeverageProRata:
    """leverage-pro-rata takes no parameters."""


@dataclass(frozen=True)
class ContractsProRata:
    """contracts-pro-rata takes no parameters."""


@dataclass(frozen=True, kw_only=True)
class Rap:
    """Parameters of `rap`: the risk weight g, and what it needs."""

    risk: Risk = "linear"
    exponent: Annotated[float, Ge(0), Le(10)] = 1.0
    threshold: Annotated[float, Ge(0)] = 0.0


def leverage_pro_rata(problem: HaircutProblem, _: LeverageProRata) -> Allocation:
    """h_i = min(beta_i, tau lambda_i), lambda_i = n_i / e_i.

    The paper's printed leverage pro-rata does not meet the budget; this one does (MODEL 2).
    """
    return _by_leverage(problem, lambda n, e: (n, e))


def rap(problem: HaircutProblem, parameters: Rap) -> Allocation:
    """Risk-aware pro-rata: h_i = min(beta_i, tau lambda_i g(lambda_i)) (arXiv 2512.01112, section 6).

    linear  g = lambda;  power  g = lambda^exponent;  cvar  g = max(lambda - threshold, 0).
    optimal g = psi(1/lambda) of the shock: haircuts by the expected next loss for each dollar of equity. The paper
    calls it optimal among water-fillings; it is not (MODEL 3), but it needs no solver.
    The broken part of an exponent and psi are taken in doubles, once an account; all else is exact.
    """
    if parameters.risk == "optimal":
        weights = [weight.as_integer_ratio() for weight in loss_weights(problem).tolist()]
        endowments = problem.endowment_units[problem.winners].tolist()
        numerators = [w * weight[0] for w, weight in zip(endowments, weights, strict=True)]
        return filled(problem, Rates.quotients(numerators, [weight[1] for weight in weights]), "expected loss")
    if parameters.risk == "linear":
        return _by_leverage(problem, lambda n, e: (n * n, e * e))
    if parameters.risk == "cvar":
        t = fraction(parameters.threshold)
        return _by_leverage(
            problem,
            lambda n, e: (n * max(n * t.denominator - t.numerator * e, 0), e * e * t.denominator),
        )
    whole, rest = divmod(parameters.exponent, 1)

    def power(n: int, e: int) -> tuple[int, int]:
        over, under = ((n / e) ** rest).as_integer_ratio() if rest else (1, 1)
        return n ** (int(whole) + 1) * over, e ** (int(whole) + 1) * under

    return _by_leverage(problem, power)


def loss_weights(problem: HaircutProblem) -> Float64:
    """rho_i = loss_i / e_i of the winners, relative to the largest; 0 where nothing can be lost.

    loss_i is the expected next loss in dollars, for a parametric law n_i psi(e_i / n_i). Only proportions matter to
    a water-filling, so losses below the smallest double keep theirs, as far as a ratio to the largest is a double.
    Refused: a problem without a shock.
    """
    if problem.shock is None:
        raise ProblemError("shock", "is needed by rap with risk optimal: say what the next shock is")
    rows = problem.winners
    equity = problem.book.equity_units[rows] / 10.0**problem.book.precision
    expected, logarithm = (losses[rows] for losses in expected_losses(problem))
    weights, logarithms = expected / equity, logarithm - np.log(equity)
    largest = float(logarithms.max(initial=-np.inf))
    if largest == -np.inf:
        return np.zeros(rows.size)
    precise = weights >= _PRECISE
    peak = float(weights.max()) if precise.any() else 1.0
    return np.where(precise, weights / peak, np.exp(logarithms - largest))


def contracts_pro_rata(problem: HaircutProblem, _: ContractsProRata) -> Allocation:
    """x_i = min(beta_i w_i, t contracts_i): the same dollars a contract, t, from everybody."""
    integers, decimals = problem.book.column("contracts").exact
    scale = Fraction(10**decimals, 10**problem.book.precision)
    return filled(problem, Rates.of(integers[problem.winners], scale), "contracts")


def _by_leverage(problem: HaircutProblem, weight: Callable[[int, int], tuple[int, int]]) -> Allocation:
    """Rates w_i r(lambda_i); `weight` maps (n, e), integers with lambda = n / e, to r as a fraction."""
    rows = problem.winners
    integers, decimals = problem.book.column("notional").exact
    # lambda = (n / 10^decimals) / (e / 10^precision): bring both to one scale.
    scale = problem.book.precision - decimals
    notionals = (n * 10 ** max(scale, 0) for n in integers[rows].tolist())
    equities = (e * 10 ** max(-scale, 0) for e in problem.book.equity_units[rows].tolist())
    weights = [weight(n, e) for n, e in zip(notionals, equities, strict=True)]
    numerators = [w * r[0] for w, r in zip(problem.endowment_units[rows].tolist(), weights, strict=True)]
    denominators = [r[1] for r in weights]
    return filled(problem, Rates.quotients(numerators, denominators), "leverage")
