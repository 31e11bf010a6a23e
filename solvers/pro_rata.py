"""The fairness family: one haircut for everybody, and the fairest one under caps."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from solvers.allocation import Allocation
from solvers.errors import InfeasibleBudget
from solvers.problem import HaircutProblem
from solvers.water_filling import Rates, filled


@dataclass(frozen=True)
class ProRata:
    """pro-rata takes no parameters."""


@dataclass(frozen=True)
class CappedProRata:
    """capped-pro-rata takes no parameters."""


def pro_rata(problem: HaircutProblem, _: ProRata) -> Allocation:
    """h_i = B / U for every winner (arXiv 2512.01112, section 4).

    Refused, naming the accounts, where B w_i / U passes a cap; the most it can take is then
    floor(min_i cap_i U / w_i) units.
    """
    rows, capacity = problem.winners, problem.capacity_units
    if not rows.size:
        problem.require_reachable()
    caps, endowments = problem.cap_units[rows], problem.endowment_units[rows]
    amount = problem.amount_units
    # Compare exactly where a double is not enough: h is one number, so only accounts with cap / w near it matter.
    level = amount / capacity if capacity else 0.0
    near = np.flatnonzero(caps / endowments < level * (1 + 1e-12))
    over = [i for i in near.tolist() if amount * int(endowments[i]) > int(caps[i]) * capacity]
    if over or amount > capacity:
        tightest = min((Fraction(int(caps[i]), int(endowments[i])) for i in over), default=Fraction(1))
        raise InfeasibleBudget(
            "pro-rata takes the same fraction from everybody, and that passes the caps of the accounts named; "
            "capped-pro-rata honours them",
            amount,
            tightest.numerator * capacity // tightest.denominator,
            rows[over].tolist(),
        )
    return filled(problem, Rates.of(problem.endowment_units[problem.winners]), "endowment")


def capped_pro_rata(problem: HaircutProblem, _: CappedProRata) -> Allocation:
    """h_i = min(eta, beta_i), eta from the budget.

    The unique minimiser of sum w_i phi(h_i) for every strictly convex phi (arXiv 2512.01112, section 5), hence
    also the smallest worst haircut, and Lorenz-dominant among all allocations of the budget.
    """
    return filled(problem, Rates.of(problem.endowment_units[problem.winners]), "endowment")
