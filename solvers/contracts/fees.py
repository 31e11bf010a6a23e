"""Closing so that the customers whose fees are worth most stay (MODEL 5 in contract space)."""

from dataclasses import dataclass

from solvers.contracts.aims import Aim, LinearFees, PowerFees
from solvers.contracts.certificate import cost_optimality
from solvers.contracts.closing import Closing, Plan
from solvers.contracts.lexicographic import cheapest_plan
from solvers.contracts.lots import whole_lots
from solvers.contracts.network import Network
from solvers.contracts.problem import ClosureProblem
from solvers.errors import ProblemError
from solvers.revenue.retention import Exponential, Linear
from solvers.verify import Optimality


@dataclass(frozen=True)
class Revenue:
    """revenue takes no parameters."""


def revenue(problem: ClosureProblem, _: Revenue) -> Closing:
    """The amounts that lose the least fees, in whole lots."""
    plan = revenue_plan(problem)
    return Closing(whole_lots(problem, plan), plan)


def revenue_plan(problem: ClosureProblem) -> Plan:
    """Amounts that lose the least fees, sum v_i (1 - r(x_i / w_i)), among those that close every market.

    Linear retention: those with the least fees for each dollar of endowment first, as far as their positions reach.
    Refused: no retention, and exponential retention, under which this is a concave minimisation.
    """
    network = Network.of(problem)
    return cheapest_plan(problem, network, _aim(problem, network))


def revenue_optimality(problem: ClosureProblem, plan: Plan) -> Optimality:
    """The certificate: fees lost, in currency."""
    return cost_optimality(problem, plan, _aim(problem, Network.of(problem)))


def _aim(problem: ClosureProblem, network: Network) -> Aim:
    curve = problem.retention
    if curve is None:
        raise ProblemError("retention", "is needed by revenue")
    if isinstance(curve, Exponential):
        detail = "must be linear or power: keeping fees under exponential retention is a concave minimisation"
        raise ProblemError("retention", detail)
    fees = problem.accounts.columns["fees"].floats[network.holders] * 10.0**problem.accounts.precision
    if isinstance(curve, Linear):
        return LinearFees(network.weight, fees, curve.rate)
    return PowerFees(network.weight, fees, curve.rate, curve.exponent)
