"""The fairest closing: the lexicographically optimal base of the flow polymatroid, and its highest level alone.

The amounts x that bearers can pay so that every market is closed, flows from bearers over their positions to markets,
are the bases of a polymatroid, also under caps. So there is one x that minimises sum w_i phi(x_i / w_i) for every
convex phi at once, the lexicographically optimal base with respect to w (Fujishige 1980; MODEL 7; arXiv 2512.01112,
section 6). Decomposition: fill all bearers to one level t, and send that through the network.

- All of it arrives: x_i = t w_i within floor and ceiling is the optimum.
- A minimum cut keeps some of it: bearers on the source's side have more at this level than their markets take, so they
  end below t and their arcs across the cut are full; those on the other side end above t and leave the first ones'
  markets alone. Each side is a problem of its own, with the full arcs as floors of what the first pay, and off the
  needs of the others.

Every cut parts the markets, so that there are at most two flows a market, and few in practice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from solvers.contracts.aims import Aim, Fairness
from solvers.contracts.closing import Plan
from solvers.contracts.network import Network
from solvers.contracts.problem import ClosureProblem
from solvers.money import Bool, Float64, Int64

_ROUNDING = 1e-9
"""Relative shortage of all that bearers can pay which is rounding, not a lack."""


@dataclass(frozen=True)
class _Part:
    """Some bearers, arcs and demands of a network (by their places in it), and what the bearers pay already.

    price   of the part that it was cut from
    """

    bearers: Int64
    arcs: Int64
    demands: Int64
    floor: Float64
    need: Float64
    price: float = 0.0


def lexicographic_plan(problem: ClosureProblem) -> Plan:
    """Amounts of the lexicographically optimal base, each demand's level the haircut its last unit is borne at.

    Where not all can be closed: the most that flows is allocated, the fairest way among those that bring as much.
    """
    network = Network.of(problem)
    return cheapest_plan(problem, network, Fairness(network.weight))


def cheapest_plan(problem: ClosureProblem, network: Network, aim: Aim) -> Plan:
    """Amounts of the least cost, by the same decomposition; each demand's level is its price."""
    return _within_reach(problem, network, partial(_decomposed, aim))


def min_max_plan(problem: ClosureProblem) -> Plan:
    """Amounts of which the worst haircut is least, and no more is asked of them.

    The level is that of the part above every cut: discrete Newton on the level, by the same cuts. Levels are those of
    the demands that set it, zero for the others.
    """
    network = Network.of(problem)
    return _within_reach(problem, network, partial(_levelled, Fairness(network.weight)))


def reachable(network: Network) -> Network:
    """The network with needs cut down to what can be brought when all bearers pay all that they may."""
    if network.cut(network.cap).brings(float(network.need.sum())):
        return network
    return network.needing(np.minimum(network.taken(network.flow(network.cap).amounts), network.need))


class _OutOfReachError(Exception):
    """Some demands need more than their holders can bring: told by a part that its bearers cannot fill."""


def _within_reach(
    problem: ClosureProblem, network: Network, solve: Callable[[Network, bool], tuple[Float64, Float64]]
) -> Plan:
    try:
        amounts, levels = solve(network, True)
    except _OutOfReachError:
        amounts, levels = solve(reachable(network), False)
    every = np.zeros(len(problem.arcs.lots))
    every[network.rows] = amounts
    return Plan(every, levels)


def _decomposed(aim: Aim, network: Network, whole: bool) -> tuple[Float64, Float64]:
    """Amounts an arc and levels a demand; `whole`: needs must be met, else what is short is rounding of a flow."""
    amounts, levels = np.zeros(len(network.rows)), np.zeros(len(network.need))
    pending = [_whole(network)]
    while pending:
        part = pending.pop()
        filled = _fill(network, part, aim, whole)
        if filled.arrived:
            amounts[part.arcs] = filled.amounts()
            levels[part.demands] = filled.level
        else:
            pending.extend(_split(network, part, filled, amounts))
    return amounts, levels


def _levelled(aim: Fairness, network: Network, whole: bool) -> tuple[Float64, Float64]:
    """The same for the highest level alone."""
    part, amounts, levels = _whole(network), np.zeros(len(network.rows)), np.zeros(len(network.need))
    filled = _fill(network, part, aim, whole)
    while not filled.arrived:
        part = _split(network, part, filled, amounts)[1]
        filled = _fill(network, part, aim, whole)
    levels[part.demands] = filled.level
    return network.flow(np.minimum(network.cap, filled.level * network.weight)).amounts, levels


@dataclass(frozen=True)
class _Filled:
    """A part filled to one level: what its bearers have for it beyond their floors, and whether that arrives."""

    network: Network
    level: float
    supply: Float64
    below: Bool
    taking: Bool
    arrived: bool

    def amounts(self) -> Float64:
        """Units of currency an arc, once all arrives. A single market has one arc a bearer, and needs no flow."""
        inner = self.network
        if len(inner.need) == 1:
            return np.minimum(self.supply[inner.bearer], inner.most)
        return inner.spread(self.supply)


def _whole(network: Network) -> _Part:
    bearers, demands = np.arange(len(network.weight)), np.flatnonzero(network.need)
    arcs = np.flatnonzero(network.need[network.demand])
    return _Part(bearers, arcs, demands, np.zeros(len(bearers)), network.need[demands])


def _fill(network: Network, part: _Part, aim: Aim, whole: bool) -> _Filled:
    place, goal = np.zeros(len(network.weight), np.int64), np.zeros(len(network.need), np.int64)
    place[part.bearers], goal[part.demands] = np.arange(len(part.bearers)), np.arange(len(part.demands))
    inner = Network(
        part.arcs,
        network.holders[part.bearers],
        network.weight[part.bearers],
        network.cap[part.bearers],
        place[network.bearer[part.arcs]],
        goal[network.demand[part.arcs]],
        network.most[part.arcs],
        part.need,
    )
    ceiling = np.maximum(np.minimum(inner.cap, part.floor + inner.paid(inner.most)), part.floor)
    amount = float(part.floor.sum()) + float(part.need.sum())
    if whole and amount > float(ceiling.sum()) * (1 + _ROUNDING):
        raise _OutOfReachError
    paid = aim.fill(part.bearers, part.floor, ceiling, amount)
    price, supply = _price(aim, part, ceiling, paid), paid - part.floor
    if len(part.need) == 1:
        return _Filled(inner, price, supply, supply > 0, part.need > 0, arrived=True)
    parted = inner.cut(supply)
    below, taking = parted.found.bearers, parted.found.demands
    # A cut parts the demands; where rounding alone made it, it does not.
    arrived = parted.brings(float(supply.sum())) or bool(taking.all()) or not taking.any()
    return _Filled(inner, price, supply, below, taking, arrived)


def _price(aim: Aim, part: _Part, ceiling: Float64, paid: Float64) -> float:
    """The price of a part: above what those who pay ask for, below what those with room do.

    Where nobody stands strictly inside, any price between will do, and the one of the whole that the part was cut from
    goes with the arcs across the cut.
    """
    asked = aim.marginal(paid, part.bearers)
    low = float(asked[paid > part.floor].max(initial=0.0))
    high = float(asked[paid < ceiling * (1 - _ROUNDING)].min(initial=np.inf))
    return max(min(max(part.price, low), high), low)


def _split(network: Network, part: _Part, filled: _Filled, amounts: Float64) -> tuple[_Part, _Part]:
    """The parts below and above a cut; arcs across it are full, and go into the amounts."""
    inner = filled.network
    from_below, to_below = filled.below[inner.bearer], filled.taking[inner.demand]
    across = np.flatnonzero(from_below & ~to_below)
    amounts[part.arcs[across]] = inner.most[across]
    full = np.where(from_below & ~to_below, inner.most, 0.0)
    floor, need = part.floor + inner.paid(full), np.maximum(part.need - inner.taken(full), 0.0)

    def side(bearers: Bool, arcs: Bool, demands: Bool) -> _Part:
        rows = part.bearers[bearers], part.arcs[arcs], part.demands[demands]
        return _Part(*rows, floor[bearers], need[demands], filled.level)

    return (
        side(filled.below, from_below & to_below, filled.taking),
        side(~filled.below, ~from_below & ~to_below, ~filled.taking),
    )
