"""The closing of least expected deficit or CVaR, real-valued, with the multipliers that bound it (MODEL 3 and 7).

    expected deficit   min sum_s p_s L_s(k)
    CVaR               min z + 1/(1 - level) sum_s p_s max(L_s(k) - z, 0)       (Rockafellar-Uryasev)

over 0 <= k <= |q|, sum of a demand = need, sum g k of an account <= cap. CVaR looks at the scenarios of its tail alone:
those of some closings to begin with, and what the answer of a round turns out to lack.

Where the optimum is not unique: accounts with the same figures get the same, for the method treats them alike and ends
near the centre of the optimal face; accounts that can lose in no scenario, whatever is closed, and that no cap can stop
give in proportion to their contracts.
"""

from dataclasses import dataclass, replace
from math import fsum

import numpy as np

from solvers.backends.deadline import NEVER, Deadline
from solvers.contracts.scenarios.bound import optimality
from solvers.contracts.scenarios.interior import Interior
from solvers.contracts.scenarios.multipliers import Multipliers, Proof, marginal, worst_weights
from solvers.contracts.scenarios.program import Choice, Program
from solvers.contracts.scenarios.simplex import size, vertex
from solvers.contracts.scenarios.venue import Venue
from solvers.errors import SolverError
from solvers.money import Float64, Int64
from solvers.verify import GAP_TOLERANCE as PROVEN

ITERATIONS, ROUNDS = 150, 10
CLOSED = 1e-11
"""A relative gap at which there is nothing left to gain."""

_FAR, _STALLED = 1e3, 8
"""How many times the objective the first gap is, and steps without gain that end the search."""

_SMALL = 20_000
"""Pairs and arcs up to which the simplex method is asked where the interior-point method did not close the gap."""

_CHAIN = 4
"""How far it is followed that a cap used up in one decided demand makes others dearer."""

_TAIL = 2.5
"""How many times its tail CVaR begins with."""


@dataclass(frozen=True)
class Optimum:
    """A lots, one an arc of the venue, and what proves how good they are."""

    lots: Float64
    multipliers: Multipliers


def least_loss(
    venue: Venue, need: Float64, caps: Float64, start: Float64, level: float | None, deadline: Deadline = NEVER
) -> Optimum:
    """The closing of least expected deficit, or of least CVaR at a level.

    need    m lots, to be closed of each demand
    caps    n dollars
    start   A lots of a closing that does that, such as the fairest
    Raises SolverTimeout at the deadline, or returns the best it has.
    """
    found = _best(venue, need, caps, start, level, deadline)
    priced = _sole(venue, need, found)
    if priced is found:
        return found
    bounds = [optimality(venue, one.lots, need, caps, level, one.multipliers).bound for one in (found, priced)]
    return priced if bounds[1] >= bounds[0] * (1 - CLOSED) else found


def _sole(venue: Venue, need: Float64, found: Optimum) -> Optimum:
    """With the price of whoever closes a demand alone.

    That is stopped by the demand, and not by its position: the program, where no arc closes more than its demand, has
    other prices too, which are not what one more lot adds.
    """
    wanted = need[venue.demand]
    alone = (found.lots >= wanted * (1 - PROVEN)) & (wanted > 0) & (venue.lots > wanted)
    if not alone.any():
        return found
    price = found.multipliers.price.copy()
    price[venue.demand[alone]] = marginal(venue, found.lots, found.multipliers)[alone]
    return Optimum(found.lots, replace(found.multipliers, price=price))


def _best(
    venue: Venue, need: Float64, caps: Float64, start: Float64, level: float | None, deadline: Deadline
) -> Optimum:
    found = _by_interior(venue, need, caps, start, level, deadline)
    first = optimality(venue, found.lots, need, caps, level, found.multipliers)
    if first.relative_gap <= PROVEN:
        return found
    scenarios = np.flatnonzero(venue.chances)
    weights = venue.chances[scenarios] / (1 - (level or 0.0))
    program = Program.of(venue, Choice.of_all(venue, need, caps), scenarios, weights, tail=weights.sum() > 1 + CLOSED)
    if not len(program.choice.arcs) or size(program) > _SMALL:
        return found
    try:
        x, proof = vertex(program, deadline)
    except SolverError:
        deadline.over()
        return found
    other = Optimum(program.choice.lots(x), _per_lot(program, found.lots, proof))
    second = optimality(venue, other.lots, need, caps, level, other.multipliers)
    best = optimality(venue, found.lots, need, caps, level, other.multipliers)
    multipliers = other.multipliers if best.bound > first.bound else found.multipliers
    within = np.bincount(venue.account, venue.gap * other.lots, len(caps)) <= caps * (1 + PROVEN)
    better = second.objective < first.objective * (1 - PROVEN) and bool(within.all())
    return Optimum(other.lots if better else found.lots, multipliers)


def _by_interior(
    venue: Venue, need: Float64, caps: Float64, start: Float64, level: float | None, deadline: Deadline
) -> Optimum:
    choice, possible = Choice.of(venue, need, caps), np.flatnonzero(venue.chances)
    weights = venue.chances / (1 - (level or 0.0))
    if level is None or weights[possible].sum() <= 1 + CLOSED:
        return _solved(Program.of(venue, choice, possible, venue.chances[possible], tail=False), start, deadline)
    scenarios = _tails(venue, weights, (start, np.zeros(len(start)), _shared(venue, choice)))
    for _ in range(ROUNDS):
        found = _solved(Program.of(venue, choice, scenarios, weights[scenarios], tail=True), start, deadline)
        losses = venue.losses(found.lots)
        lacking = np.setdiff1d(np.flatnonzero(worst_weights(losses, weights)), scenarios)
        if not lacking.size or deadline.ended:
            break
        above = np.flatnonzero((losses >= 0.9 * losses[lacking].min()) & (weights > 0))
        scenarios = np.union1d(scenarios, above)
    return found


def _tails(venue: Venue, weights: Float64, closings: tuple[Float64, ...]) -> Int64:
    found = np.zeros(0, np.int64)
    for lots in closings:
        found = np.union1d(found, np.flatnonzero(worst_weights(venue.losses(lots), weights / _TAIL)))
    return found[weights[found] > 0]


def _shared(venue: Venue, choice: Choice) -> Float64:
    """Lots in proportion to what can be closed."""
    return choice.lots(_shares(venue, choice))


def _shares(venue: Venue, choice: Choice) -> Float64:
    demand = venue.demand[choice.arcs]
    gives = np.bincount(demand, choice.most, len(choice.need))
    return np.divide(choice.need, gives, out=np.zeros(len(gives)), where=gives > 0)[demand]


def _solved(program: Program, start: Float64, deadline: Deadline) -> Optimum:
    """The best x and the best multipliers of all iterates."""
    venue, choice = program.venue, program.choice
    if not len(choice.arcs):
        losses = venue.losses(choice.base)[program.scenarios]
        q = worst_weights(losses, program.weights) if program.tail else program.weights
        nothing = Proof(np.zeros(len(choice.need)), q, [], np.zeros(len(venue.rows)))
        return Optimum(choice.base, _per_lot(program, choice.base, nothing))
    worth = fsum(np.concatenate([block.scale for block in program.blocks]).tolist())
    interior = Interior(program, np.clip(_shares(venue, choice), 0.01, 0.99), 1.0)
    interior = Interior(
        program, np.clip(_shares(venue, choice), 0.01, 0.99), _FAR * max(interior.value(), worth * 1e-3)
    )
    x, value, bound, idle = None, np.inf, -np.inf, 0
    proof = interior.proof()
    for _ in range(ITERATIONS):
        if deadline.over():
            break
        with np.errstate(all="ignore"):
            now, below = interior.value(), max(interior.bound(), 0.0)
            if not (np.isfinite(now) and np.isfinite(below)):
                break
            idle += 1
            if now < value and interior.feasible():
                x, value, idle = interior.x(), now, 0
            if below > bound:
                proof, bound, idle = interior.proof(), below, 0
            closed = x is not None and value - bound <= (CLOSED if idle < _STALLED / 4 else PROVEN) * value
            if closed or idle >= _STALLED:
                break
            try:
                interior.advance()
            except np.linalg.LinAlgError:
                break
    if value == 0:  # whatever the prices, the bound is nothing; one more lot adds nothing
        proof = Proof(0 * proof.price, proof.q, [0 * y for y in proof.y], 0 * proof.toll)
    lots = start if x is None else _even(program, choice.lots(x))
    return Optimum(lots, _per_lot(program, lots, proof))


def _even(program: Program, lots: Float64) -> Float64:
    """The same of each demand, what rounding left evened out, and riskless accounts' in proportion to contracts."""
    venue, choice = program.venue, program.choice
    wanted, demand = choice.wanted, venue.demand
    closed = np.bincount(demand, lots, len(wanted))
    scale = np.divide(wanted, closed, out=np.ones(len(closed)), where=closed > 0)
    lots = np.minimum(lots * scale[demand], venue.lots)
    riskless = np.zeros(len(venue.rows), np.bool_)
    for block in program.blocks:
        riskless[venue.account[choice.arcs[block.arcs[:, 0]]]] = (block.count == 0) & ~block.linear.any(axis=1)
    most = np.where(choice.need[demand] > 0, np.minimum(venue.lots, choice.need[demand]), 0.0)
    riskless &= np.bincount(venue.account, venue.gap * most, len(riskless)) <= choice.room
    free = riskless[venue.account] & (most > 0)
    given = np.bincount(demand, np.where(free, lots, 0.0), len(wanted))
    held = np.bincount(demand, np.where(free, venue.lots, 0.0), len(wanted))
    share = np.divide(given, held, out=np.zeros(len(held)), where=held > 0)
    return np.where(free, np.minimum(share[demand] * venue.lots, venue.lots), lots)


def _per_lot(program: Program, lots: Float64, proof: Proof) -> Multipliers:
    """Multipliers of the whole venue: prices of decided demands are what closing the dearest of their arcs costs."""
    venue, choice = program.venue, program.choice
    q = np.zeros(len(venue.moves))
    q[program.scenarios] = proof.q
    holder, blocks = venue.account[choice.arcs], program.blocks
    account = [np.zeros(0, np.int64), *(holder[block.arcs[:, 0]][block.owner] for block in blocks)]
    scenario = [np.zeros(0, np.int64), *(program.scenarios[block.scenario] for block in blocks)]
    y = np.concatenate([np.zeros(0), *proof.y])
    price = np.divide(proof.price, choice.need, out=np.zeros(len(choice.need)), where=choice.need > 0)
    found = Multipliers(price, q, np.concatenate(account), np.concatenate(scenario), y)
    decided = (choice.need == 0) & (choice.wanted > 0)
    if not decided.any():
        return found
    cost = marginal(venue, lots, found)
    toll = np.divide(proof.toll, choice.room, out=np.zeros(len(venue.rows)), where=choice.room > 0)
    for _ in range(_CHAIN):
        # Whoever's cap is used up by decided arcs would pay this much to use it for another.
        rate = np.divide(price[venue.demand] - cost, venue.gap, out=np.zeros(len(cost)), where=venue.gap > 0)
        np.maximum.at(toll, venue.account, np.where(choice.shut, rate, 0.0))
        dearest = np.full(len(price), -np.inf)
        np.maximum.at(dearest, venue.demand, np.where(lots > 0, cost + toll[venue.account] * venue.gap, -np.inf))
        price = np.where(decided & np.isfinite(dearest), dearest, price)
    return replace(found, price=price)
