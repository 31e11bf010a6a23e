"""Proof of a closing plan by duality, from the shadow prices alone; nothing here uses the code that made the plan.

Fairness: min sum x_i^2 / (2 w_i) over flows. For any prices mu of the demands the Lagrangian separates by bearer, and
each fills its arcs by falling price as long as x / w < mu: its value plus sum mu_d need_d is a lower bound.

Worst haircut: whatever the prices, the demands of the highest one need from their holders no less than
sum min(u_i, cap_i, t w_i) gives, u_i what bearer i could bring to them at most; so t is no less than the level of that
sum. Since it counts no lots, no closing in whole lots is below it.
"""

from math import fsum

import numpy as np

from solvers.contracts.aims import Aim, Fairness
from solvers.contracts.closing import Plan
from solvers.contracts.levels import level
from solvers.contracts.network import Network
from solvers.contracts.problem import ClosureProblem
from solvers.money import Float64
from solvers.verify import Optimality

_STEP = 2.0**-52
"""Share of all needs below which what a demand lacks is the steps of a flow."""

_FULL = 1e-9
"""Relative distance within which an arc or a cap counts as full, and an amount as nothing."""


def fairness_optimality(problem: ClosureProblem, plan: Plan) -> Optimality:
    """Objective and bound in currency; the residual is the largest distance of a haircut from its arcs' prices."""
    network, _ = _planned(problem, plan)
    return cost_optimality(problem, plan, Fairness(network.weight))


def cost_optimality(problem: ClosureProblem, plan: Plan, aim: Aim) -> Optimality:
    """The same of any separable convex cost: objective, bound, and how far from stationary an arc is.

    The residual is the largest difference between the price of an arc and its bearer's marginal cost: where that is
    lower and the bearer could pay more, or higher and it pays at all.
    """
    network, amounts = _planned(problem, plan)
    price, paid, everyone = plan.levels[network.demand], network.paid(amounts), np.arange(len(network.weight))
    falling = np.argsort(np.argsort(-plan.levels, kind="stable"))  # the place of each demand
    order = np.argsort(network.bearer * len(falling) + falling[network.demand], kind="stable")
    most, bearer, mu = network.most[order], network.bearer[order], price[order]
    before = np.cumsum(most) - most
    before -= before[np.searchsorted(bearer, everyone)][bearer]
    taken = np.clip(np.minimum(aim.at(mu, bearer), network.cap[bearer]) - before, 0, most)
    pieces = aim.cost(before + taken, bearer) - aim.cost(before, bearer) - mu * taken
    unit = 10.0**-problem.accounts.precision
    objective = fsum(aim.cost(paid, everyone).tolist()) * unit
    bound = (fsum(pieces.tolist()) + fsum((plan.levels * network.need).tolist())) * unit
    away = _away(network, amounts, price - aim.marginal(paid, everyone)[network.bearer])
    return Optimality(objective, bound, away)


def _away(network: Network, amounts: Float64, gain: Float64) -> float:
    """The largest gain, price less marginal cost, of an arc with room, or loss of one that pays."""
    below = (network.paid(amounts) < network.cap * (1 - _FULL))[network.bearer]
    room, pays = (amounts < network.most * (1 - _FULL)) & below, amounts > network.most * _FULL
    return float(np.maximum(np.where(room, gain, 0), np.where(pays, -gain, 0)).max(initial=0.0))


def worst_haircut_optimality(problem: ClosureProblem, plan: Plan) -> Optimality:
    """Objective and bound as fractions; the residual is what the worst haircut is above the bound."""
    network, amounts = _planned(problem, plan)
    worst = float((network.paid(amounts) / network.weight).max(initial=0.0))
    bound = least_worst_haircut(network, plan.levels)
    return Optimality(worst, bound, max(worst - bound, 0.0))


def least_worst_haircut(network: Network, levels: Float64) -> float:
    """A lower bound on the worst haircut of any closing, from the demands of the highest level."""
    if not levels.any():
        return 0.0
    highest = levels >= levels.max() * (1 - _FULL)
    ceiling = np.minimum(network.paid(np.where(highest[network.demand], network.most, 0.0)), network.cap)
    return level(network.weight, np.zeros(len(ceiling)), ceiling, float(network.need[highest].sum()))


def _planned(problem: ClosureProblem, plan: Plan) -> tuple[Network, Float64]:
    """The network, with the needs that the plan means to meet, and its amounts."""
    network = Network.of(problem)
    amounts = plan.amounts[network.rows]
    taken = network.taken(amounts)
    near = np.abs(taken - network.need) <= network.need * _FULL + float(network.need.sum()) * _STEP
    return network.needing(np.where(near, network.need, np.minimum(taken, network.need))), amounts
