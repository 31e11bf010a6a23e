"""The smallest CVaR over scenarios, as a linear program that grows only where it must (MODEL 3).

    min   z + 1/(1 - level) sum_s p_s u_s,   u_s >= L_s(h) - z,   u_s >= 0,   0 <= h_i <= beta_i,   sum w_i h_i = amount

(Rockafellar-Uryasev). L_s is a sum over accounts of convex piecewise linear functions of h_i. Of its rows only
scenarios in the tail matter, and of the kinks of an account only those near its best haircut. So the program starts
with the tails of two allocations and one chord an account, and each round

1. HiGHS solves it, from the basis of the round before: haircuts, weights q of the scenarios, a price of the budget;
2. the CVaR of these haircuts over all scenarios is an upper bound, exact and not the solver's word;
3. with the weights q, 0 <= q_s <= p_s / (1 - level), sum q = 1, CVaR >= sum_s q_s L_s, whose minimum separates by
   account (`segments`): a lower bound, for whatever weights and price the solver said;
4. scenarios above z that are not rows become rows, and chords are cut at the best haircuts for q,

until neither is needed. A chord lies above the loss, so the program is never below the truth in the rows it has.
"""

from dataclasses import dataclass, replace
from math import fsum

import numpy as np

from solvers.backends import highs
from solvers.backends.deadline import UP, Deadline
from solvers.backends.highs import BASIC, LOWER, UPPER
from solvers.between import fairest
from solvers.errors import SolverError
from solvers.money import Float64, Int64
from solvers.robustness.losses import ExposureModel
from solvers.robustness.pieces import Pieces
from solvers.robustness.segments import Weighted, best_price
from solvers.robustness.worst import admissible, at_risk, tail_weights

ROUNDS = 200

_AT_END = 1e-8
"""Parts of a chord that HiGHS, whose tolerance is a tenth of it, may leave where it means none or all."""

CLOSED = 1e-13
"""A relative gap at which there is nothing left to gain."""


@dataclass(frozen=True)
class Venue:
    """min CVaR over k exposed accounts, in the order of their ids.

    pieces   the accounts; every scenario has a positive probability
    most     k largest haircuts, beta, 0 for accounts that cannot pay
    idle     dollars that can be taken from accounts that lose nothing in any scenario
    amount   dollars, 0 < amount < idle + sum w beta
    """

    pieces: Pieces
    model: ExposureModel
    most: Float64
    idle: float
    amount: float
    level: float

    def losses(self, haircuts: Float64) -> Float64:
        """L_s, S dollars."""
        pieces = self.pieces
        totals, scratch = np.zeros(len(pieces.scenarios.moves)), np.empty(0)
        for some, margins in pieces.blocks():
            if scratch.shape != margins.shape:
                scratch = np.empty_like(margins)
            totals += pieces.losses(self.model, some, margins, haircuts[some], scratch).sum(axis=0)
        return totals

    def cvar(self, losses: Float64) -> float:
        return at_risk(losses, self.pieces.scenarios.probabilities, self.level)[1]

    def weights(self, losses: Float64) -> Float64:
        return tail_weights(losses, self.pieces.scenarios.probabilities, self.level)


@dataclass(frozen=True)
class Answer:
    """Haircuts, the weights that bound their CVaR from below, what they prove, and why no more was tried."""

    haircuts: Float64
    weights: Float64
    cvar: float
    bound: float
    stopped: str | None = None

    def lower(self, haircuts: Float64, cvar: float) -> "Answer":
        """With these haircuts, if they are better."""
        return replace(self, haircuts=haircuts, cvar=cvar) if cvar < self.cvar else self

    def raise_to(self, bound: float, weights: Float64) -> "Answer":
        """With this bound, if it is better."""
        return replace(self, bound=bound, weights=weights) if bound > self.bound else self

    @property
    def gap(self) -> float:
        return (self.cvar - self.bound) / max(self.cvar, np.finfo(np.float64).tiny)


def minimise(venue: Venue, deadline: Deadline) -> Answer:
    """The best haircuts and weights found; their gap says how good they are. Raises SolverTimeout at a deadline."""
    reach = venue.idle + float((venue.pieces.endowment * venue.most).sum())
    share = min(venue.amount / reach, 1.0) if reach > 0 else 0.0
    haircuts = venue.most * share
    losses = venue.losses(haircuts)
    weights = venue.weights(losses)
    program = _Program(venue, deadline)
    best = program.priced(Answer(haircuts, weights, venue.cvar(losses), -np.inf), weights, None)
    if share in (0, 1):
        return best  # nothing to choose
    for haircuts in (best.haircuts, program.greedy):
        losses = venue.losses(haircuts)
        best = best.lower(haircuts, venue.cvar(losses))
        program.ask(np.flatnonzero(venue.weights(losses)))
    for _ in range(ROUNDS):
        if best.gap <= CLOSED:
            break
        if deadline.over():
            return replace(best, stopped=UP)
        try:
            haircuts, weights, price, z = program.solve(best.cvar)
        except SolverError as stopped:
            return replace(best, stopped=UP if deadline.over() else str(stopped))
        losses = venue.losses(haircuts)
        best = best.lower(haircuts, venue.cvar(losses))
        best = program.priced(best, weights, price)
        for haircuts in (program.snapped, program.greedy) if best.gap > CLOSED else ():
            best = best.lower(haircuts, venue.cvar(venue.losses(haircuts)))
        if not (program.ask(np.flatnonzero(losses > z)) | program.cut):
            break
    return best


class _Program:
    """The program so far: scenarios that are rows, chords of accounts, and where both stand in the basis."""

    def __init__(self, venue: Venue, deadline: Deadline) -> None:
        able = np.flatnonzero(venue.most > 0)
        self.venue, self.deadline, self.cut = venue, deadline, False
        self.greedy = self.snapped = venue.most
        self.account, self.start, self.stop = able, np.zeros(len(able)), venue.most[able]
        self.filled, self.columns = np.zeros(len(able)), np.full(len(able), LOWER)
        self.scenarios = np.zeros(0, np.int64)
        # z basic, the amount an equation: a start that is no vertex of anything yet, which HiGHS makes one.
        self.others, self.rows = np.array([LOWER, BASIC]), np.array([LOWER])

    def ask(self, scenarios: Int64) -> bool:
        """Make these scenarios rows, with their excess u_s basic. Was any of them new?"""
        new = np.setdiff1d(scenarios, self.scenarios)
        self.scenarios = np.concatenate((self.scenarios, new))
        self.others = np.concatenate((self.others, np.full(len(new), LOWER)))
        self.rows = np.concatenate((self.rows, np.full(len(new), BASIC)))
        return len(new) > 0

    def solve(self, loss: float) -> tuple[Float64, Float64, float, float]:
        """Haircuts, weights of all S scenarios, the price of a dollar and z.

        In parts of all that a column can give, of the amount and of `loss` dollars, so that small accounts count for
        HiGHS beside large ones, and losses beside amounts.
        """
        venue, some = self.venue, self.scenarios
        accounts, m = len(self.account), len(some)
        w = venue.pieces.endowment[self.account]
        full = np.minimum(w * (self.stop - self.start), venue.amount)
        free = min(venue.idle, venue.amount)
        base = venue.pieces.in_scenarios(some)
        nothing = replace(venue, pieces=base).losses(np.zeros(len(venue.most)))
        loss = max(loss, np.finfo(np.float64).eps * max(float(nothing.max()), venue.amount))
        starts, places, values = self._slopes(full / venue.amount, full / loss)
        excess = np.arange(1, m + 1)
        starts = np.concatenate((starts, starts[-1] + np.concatenate(([1], 1 + m + np.arange(m + 1)))))
        places = np.concatenate((places, [0], excess, excess))
        values = np.concatenate((values, [free / venue.amount if free > 0 else 1.0], np.ones(2 * m)))
        chances = venue.pieces.scenarios.probabilities[some] / (1 - venue.level)
        vertex = highs.minimise(
            highs.Program(
                np.concatenate((np.zeros(accounts + 1), [1.0], chances)),
                np.concatenate((np.ones(accounts), [float(free > 0)], np.full(m + 1, np.inf))),
                np.concatenate(([1.0], nothing / loss)),
                np.concatenate(([1.0], np.full(m, np.inf))),
                starts,
                places,
                values,
            ),
            np.concatenate((self.columns, self.others)),
            self.rows,
            self.deadline,
        )
        self.columns, self.others, self.rows = vertex.columns[:accounts], vertex.columns[accounts:], vertex.rows
        parts = np.clip(vertex.x[:accounts], 0, 1)
        self.filled = parts * full / w
        at_end = np.abs(parts - np.round(parts)) < _AT_END
        self.snapped = self._meeting(np.where(at_end, np.round(parts), parts) * full / w)
        weights = np.zeros(len(venue.pieces.scenarios.moves))
        weights[some] = vertex.prices[1:]
        price, z = float(vertex.prices[0]) * loss / venue.amount, float(vertex.x[accounts + 1]) * loss
        return self._meeting(self.filled), weights, price, z

    def _meeting(self, filled: Float64) -> Float64:
        """Haircuts of these chords; what they miss of the amount, which is rounding, is borne by who has most room."""
        venue, w = self.venue, self.venue.pieces.endowment
        haircuts = np.minimum(np.bincount(self.account, filled, len(venue.most)), venue.most)
        x, most = w * haircuts, w * venue.most
        missing = fsum([venue.amount, *(-x).tolist()])
        missing = min(missing, 0.0) + max(missing - venue.idle, 0.0)
        room = most - x if missing > 0 else x
        order = np.argsort(-room, kind="stable")
        before = np.concatenate(([0.0], np.cumsum(room[order])[:-1]))
        moved = np.zeros(len(x))
        moved[order] = np.clip(abs(missing) - before, 0.0, room[order])
        able = w > 0
        found = haircuts.copy()
        found[able] += np.copysign(moved[able], missing) / w[able]
        return np.clip(found, 0.0, venue.most)

    def priced(self, best: Answer, weights: Float64, price: float | None) -> Answer:
        """A lower bound by these weights, at the program's price and at the knapsack's; chords are cut where either
        would have the accounts.
        """
        venue = self.venue
        weights = admissible(weights, venue.pieces.scenarios.probabilities, venue.level)
        oracle = Weighted.of(venue.pieces, venue.model, weights, venue.most)
        segments = oracle.segments()
        own = best_price(segments, venue.pieces.endowment, venue.idle, venue.amount)
        self.cut = False
        for each in {own, own if price is None else price}:
            best = best.raise_to(oracle.bound(segments, each, venue.amount, venue.idle), weights)
            for haircuts in segments.ties(each, 1e-9 * max(1.0, abs(each))):
                self._cut(haircuts)
        self.greedy = _within(venue, *segments.ties(own))
        return best

    def _cut(self, at: Float64) -> None:
        """Cut chords at one haircut an account, where that is well inside."""
        b = at[self.account]
        margin = 1e-12 * b
        inside = (b - self.start > margin) & (self.stop - b > margin)
        if not inside.any():
            return
        self.cut = True
        left, filled = (b - self.start)[inside], self.filled[inside]
        basic = self.columns[inside] == BASIC
        within = filled < left
        second = np.where(basic, np.where(within, LOWER, BASIC), self.columns[inside])
        self.columns[inside] = np.where(basic, np.where(within, BASIC, UPPER), self.columns[inside])
        self.filled[inside] = np.minimum(filled, left)
        self.account = np.concatenate((self.account, self.account[inside]))
        self.columns = np.concatenate((self.columns, second))
        self.filled = np.concatenate((self.filled, np.maximum(filled - left, 0)))
        self.start = np.concatenate((self.start, b[inside]))
        stop = self.stop.copy()
        stop[inside] = b[inside]
        self.stop = np.concatenate((stop, self.stop[inside]))

    def _slopes(self, given: Float64, lost: Float64) -> tuple[Int64, Int64, Float64]:
        """The chords' columns: `given` in the amount, and minus `lost` times what a dollar adds in each scenario."""
        venue, parts = self.venue, []
        pieces = venue.pieces.taken(self.account).in_scenarios(self.scenarios)
        for some, margins in pieces.blocks():
            a, b = pieces.linear(venue.model, some, margins)
            start, stop, w = self.start[some, None], self.stop[some, None], pieces.endowment[some, None]
            before, after = a + b * start, a + b * stop
            chord = (np.maximum(after, 0) - np.maximum(before, 0)) / (stop - start)
            slopes = np.where((before > 0) & (after > 0), b, chord) / w
            parts.append(highs.compressed(np.hstack((given[some, None], -slopes * lost[some, None]))))
        starts = np.concatenate(([0], *(np.diff(part[0]) for part in parts))).cumsum()
        return starts, np.concatenate([part[1] for part in parts]), np.concatenate([part[2] for part in parts])


def _within(venue: Venue, low: Float64, high: Float64) -> Float64:
    """The fairest haircuts between these that take the amount."""
    able = np.flatnonzero(venue.most > 0)
    w = np.append(venue.pieces.endowment[able], max(venue.idle, np.finfo(np.float64).tiny))
    x, _ = fairest(w, np.append(w[:-1] * low[able], 0.0), np.append(w[:-1] * high[able], venue.idle), venue.amount)
    haircuts = np.zeros(len(venue.most))
    haircuts[able] = np.minimum(x[:-1] / w[:-1], venue.most[able])
    return haircuts
