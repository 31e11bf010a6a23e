"""An interior-point method that sees the program's structure: accounts meet in prices and scenarios only.

    min  sum_s q_s L_s,   L_s = constant_s + sum of the l_p of s,   0 <= x <= 1,   E x = 1,   cost . x + rest = 1

with l_p - r_p = u_p + slope_p . x for each pair, l and r >= 0, so that l is the loss where one of them is 0. For CVaR

    min  z + sum_s weights_s over_s,     over_s - L_s + z = under_s,     over, under >= 0

whose rows have the multipliers q, with spare = weights - q >= 0 and sum q = 1. Newton's steps for the perturbed
conditions (each product of an unknown and its multiplier is mu times a weight, `pairs`), with Mehrotra's predictor and
corrector: pairs are eliminated one by one, the x of each account by its own j x j matrix, and what remains is dense in
the prices of demands and in q: one Cholesky factor. Time is linear in pairs, but for q: T^2 an arc.

What this says is not believed: `bound` and the venue's own losses judge it.
"""

import numpy as np
import scipy

from solvers.contracts.scenarios.dense import gram, lower
from solvers.contracts.scenarios.multipliers import Proof, worst_weights
from solvers.contracts.scenarios.pairs import State, Targets, astray, reach
from solvers.contracts.scenarios.program import Program, least
from solvers.money import Float64
from solvers.robustness.worst import admissible

_DOUBLES = 8 * float(np.finfo(np.float64).eps)
"""What rounding may add, relative to amounts that are added up."""

_CLOSED = 1e-9
"""Relative distance within which a demand is closed and a cap kept."""

_BACK, _LEAST = 0.995, 0.05
"""Part of the way to the boundary that a step may go, and of mu that it aims at, at least."""

_CORRECTIONS, _FURTHER, _LONG = 1, 0.3, 1.8
"""Gondzio's centrality correctors: how many, how much longer a step they aim at, and when none is needed."""


class Interior:
    """The iterate: states of the blocks, and what accounts share."""

    def __init__(self, program: Program, start: Float64, scale: float) -> None:
        """start: B, an x inside of its bounds; scale: dollars, what the gap is at the start, more or less."""
        self.program = program
        mu = scale / max(
            sum(float((np.sqrt(block.scale) * (1 + block.count)).sum()) for block in program.blocks),
            np.finfo(np.float64).tiny,
        )
        weights = program.weights
        self.weight = np.sqrt(sum(float(block.scale.sum()) for block in program.blocks) / len(weights))
        self.q = weights / weights.sum()
        self.states = [State(block, start[block.arcs], self.q, mu) for block in program.blocks]
        self.spare = weights - self.q
        self.open = np.flatnonzero(program.choice.need > 0)
        self.price = self._marginal()
        self.z = 0.0
        self.under, self.over = np.ones(len(weights)), np.ones(len(weights))
        if program.tail:
            losses = self.losses()
            self.z = float(losses @ self.q)
            # Central for this q; the rows are met by later steps.
            self.under, self.over = mu * self.weight / self.q, mu * self.weight / self.spare

    def losses(self) -> Float64:
        """L_s by the l of all pairs."""
        found = self.program.constant.copy()
        for state in self.states:
            found += np.bincount(state.block.scenario, state.l, len(found))
        return found

    def x(self) -> Float64:
        """B, within bounds."""
        x = np.empty(len(self.program.choice.arcs))
        for state in self.states:
            x[state.block.arcs] = state.x
        return np.clip(x, 0, 1)

    def proof(self) -> Proof:
        toll = np.zeros(len(self.program.venue.rows))
        holder = self.program.venue.account[self.program.choice.arcs]
        for state in self.states:
            toll[holder[state.block.arcs[:, 0]]] = state.toll
        return Proof(self.price, self._admissible(), [state.y.copy() for state in self.states], toll)

    def _admissible(self) -> Float64:
        return admissible(self.q, self.program.weights, 0.0) if self.program.tail else self.q

    def feasible(self) -> bool:
        """Whether x closes every demand within the caps, but for rounding."""
        closed = np.zeros(len(self.price))
        for state in self.states:
            block = state.block
            closed += np.bincount(block.demand.ravel(), (block.part * state.x).ravel(), len(closed))
            if ((block.cost * state.x).sum(axis=1) > 1 + _CLOSED).any():
                return False
        return bool((np.abs(closed[self.open] - 1) <= _CLOSED).all())

    def value(self) -> float:
        """The objective of x, by the program's own figures."""
        losses, linear = self.program.constant.copy(), 0.0
        for state in self.states:
            block = state.block
            margins = block.margin + block.per_pair(state.x)
            losses += np.bincount(block.scenario, np.maximum(margins, 0), len(losses))
            linear += float((block.linear * state.x).sum())
        q = worst_weights(losses, self.program.weights) if self.program.tail else self.program.weights
        return float(q @ losses) + linear

    def bound(self) -> float:
        """A lower bound from the multipliers, by the program's own figures."""
        q = self._admissible()
        # Prices without bound, where caps leave no interior, cancel to nothing but rounding.
        total = float(q @ self.program.constant) + float(self.price.sum()) - _DOUBLES * float(np.abs(self.price).sum())
        for state in self.states:
            block = state.block
            y = np.minimum(state.y, q[block.scenario])
            reduced = block.linear + block.by_account(y * block.slope).T - block.part * self.price[block.demand]
            total += float((y * block.margin).sum()) + float(least(reduced, block.cost).sum())
        return total

    def mu(self) -> float:
        pairs = [state.products() for state in self.states]
        total, count = sum(one for one, _ in pairs), sum(many for _, many in pairs)
        if self.program.tail:
            total += float(self.q @ self.under) + float(self.spare @ self.over)
            count += 2 * len(self.q) * self.weight
        self.count = count
        return total / max(count, 1)

    def _marginal(self) -> Float64:
        """Prices that make the gradients of each demand's arcs zero on average."""
        nothing = np.zeros(len(self.program.choice.need))
        top, bottom = nothing.copy(), nothing.copy()
        for state in self.states:
            scale, demand = state.weight[:, None], state.block.demand.ravel()
            part, gradient = state.block.part / scale, state.stationarity(nothing) / scale
            top += np.bincount(demand, (part * gradient).ravel(), len(top))
            bottom += np.bincount(demand, (part * part).ravel(), len(top))
        return np.divide(top, bottom, out=nothing, where=bottom > 0)

    def advance(self) -> None:
        """One step. Raises LinAlgError where doubles have no more digits for it."""
        mu = self.mu()
        for state in self.states:
            state.factor(self.price)
        self._assemble()
        targets = [state.targets(0.0, correct=False) for state in self.states]
        shared = self._shared_targets(0.0, correct=False)
        self._solve(targets, shared)
        primal, dual = self._longest()
        after = sum(state.products_after(primal, dual) for state in self.states)
        if self.program.tail:
            after += float((self.q + dual * self.dq) @ (self.under + primal * self.dunder))
            after += float((self.spare - dual * self.dq) @ (self.over + primal * self.dover))
        aim = mu * max(min(max(after / self.count / mu, 0.0), 1.0) ** 3, _LEAST)
        targets = [state.targets(aim, correct=True) for state in self.states]
        shared = self._shared_targets(aim, correct=True)
        self._solve(targets, shared)
        primal, dual = self._longest()
        for _ in range(_CORRECTIONS):
            if primal + dual > _LONG:
                break
            trial = min(1.0, primal + _FURTHER), min(1.0, dual + _FURTHER)
            centred = [state.centred(target, *trial, aim) for state, target in zip(self.states, targets, strict=True)]
            again = self._shared_centred(shared, *trial, aim)
            self._solve(centred, again)
            further = self._longest()
            if sum(further) < primal + dual:
                self._solve(targets, shared)
                break
            targets, shared = centred, again
            gained, (primal, dual) = sum(further) - primal - dual, further
            if gained < _FURTHER / 5:
                break
        self._move(min(1.0, _BACK * primal), min(1.0, _BACK * dual))

    def _shared_centred(
        self, shared: tuple[Float64, Float64], primal: float, dual: float, mu: float
    ) -> tuple[Float64, Float64]:
        if not self.program.tail:
            return shared
        under = (self.q + dual * self.dq) * (self.under + primal * self.dunder)
        over = (self.spare - dual * self.dq) * (self.over + primal * self.dover)
        aim = np.full(len(under), mu * self.weight)
        return shared[0] + astray(under, aim), shared[1] + astray(over, aim)

    def _shared_targets(self, mu: float, *, correct: bool) -> tuple[Float64, Float64]:
        aim = mu * self.weight
        under, over = aim - self.q * self.under, aim - self.spare * self.over
        if correct and self.program.tail:
            return under - self.dq * self.dunder, over + self.dq * self.dover
        return under, over

    def _assemble(self) -> None:
        """The matrix in prices and q, factored."""
        m, T = len(self.program.choice.need), len(self.q) if self.program.tail else 0
        matrix = np.zeros((m + T, m + T))
        flat = np.zeros(m * m)
        self.inverse_sum = np.zeros(T)
        for state in self.states:
            block, root = state.block, state.root
            priced = root * block.part[:, None, :]
            inverse = np.einsum("nab,nac->nbc", priced, priced)
            places = block.demand[:, :, None] * m + block.demand[:, None, :]
            flat += np.bincount(places.ravel(), inverse.ravel(), m * m)
            if T and len(block.margin):
                self._add_scenarios(matrix, state, m, T)
        matrix[:m, :m] = flat.reshape(m, m)
        self.rows = np.concatenate((self.open, np.arange(m, m + T)))
        if T:
            matrix[m:, :m] = matrix[:m, m:].T
            places = np.arange(m, m + T)
            matrix[places, places] += self.over / self.spare + self.under / self.q + self.inverse_sum
        matrix = matrix[np.ix_(self.rows, self.rows)]
        self.scale = 1 / np.sqrt(np.diagonal(matrix))
        scaled = matrix * self.scale[:, None] * self.scale
        scaled[np.diag_indices(len(scaled))] += 1e-15
        self.factor = lower(scaled)

    def _add_scenarios(self, matrix: Float64, state: State, m: int, T: int) -> None:
        block = state.block
        n, j = block.arcs.shape
        dense = np.zeros((n, j, T))
        dense[block.owner, :, block.scenario] = (state.phi * block.slope).T
        seen = np.zeros((n, j, T))
        for place in range(j):
            seen += state.root[:, :, place, None] * dense[:, None, place]
        rows = seen.reshape(n * j, T)
        matrix[m:, m:] += gram(rows)
        priced = (state.root * block.part[:, None, :]).reshape(n * j, j)
        where = np.repeat(block.demand, j, axis=0)
        spread = scipy.sparse.csr_array(
            (priced.ravel(), (where.ravel(), np.repeat(np.arange(n * j), j))), shape=(m, n * j)
        )
        matrix[:m, m:] -= np.asarray(spread @ rows)
        self.inverse_sum += np.bincount(block.scenario, state.inverse, T)

    def _back(self, right: Float64) -> Float64:
        found: Float64 = self.scale * scipy.linalg.cho_solve((self.factor, True), self.scale * right)
        return found

    def _solve(self, targets: list[Targets], shared: tuple[Float64, Float64]) -> None:
        """Directions of everything for these targets."""
        tail, m = self.program.tail, len(self.program.choice.need)
        T = len(self.q) if tail else 0
        right = np.zeros(m + T)
        right[self.open] = 1.0
        gained = np.zeros(T)
        pulls = []
        for state, target in zip(self.states, targets, strict=True):
            block = state.block
            pull = state.pull(target)
            alone = state.solve(pull)
            pulls.append(pull)
            right[:m] -= np.bincount(block.demand.ravel(), (block.part * (state.x + alone)).ravel(), m)
            if T and len(block.margin):
                gained += np.bincount(block.scenario, state.base * state.inverse + state.phi * block.per_pair(alone), T)
        if tail:
            off = self.under - self.over + self.losses() - self.z
            right[m:] = off - shared[1] / self.spare + shared[0] / self.q + gained
        found = self._back(right[self.rows])
        dz = 0.0
        if tail:
            ones = np.zeros(len(self.rows))
            ones[len(self.open) :] = 1.0
            edge = self._back(ones)
            dz = float(ones @ found - (1 - self.q.sum())) / float(ones @ edge)
            found = found - dz * edge
        everything = np.zeros(m + T)
        everything[self.rows] = found
        self.dprice, self.dz = everything[:m], dz
        self.dq = everything[m:] if tail else np.zeros(len(self.q))
        for state, target, pull in zip(self.states, targets, pulls, strict=True):
            block = state.block
            whole = pull + block.part * self.dprice[block.demand]
            if tail and len(block.margin):
                whole -= block.by_account(state.phi * block.slope * self.dq[block.scenario]).T
            state.step(state.solve(whole), self.dq if tail else None, target)
        if tail:
            self.dunder = (shared[0] - self.under * self.dq) / self.q
            self.dover = (shared[1] + self.over * self.dq) / self.spare

    def _longest(self) -> tuple[float, float]:
        found = [state.longest() for state in self.states]
        primal, dual = min(one for one, _ in found), min(one for _, one in found)
        if self.program.tail:
            primal = min(primal, reach(self.under, self.dunder), reach(self.over, self.dover))
            dual = min(dual, reach(self.q, self.dq), reach(self.spare, -self.dq))
        return primal, dual

    def _move(self, primal: float, dual: float) -> None:
        for state in self.states:
            state.move(primal, dual)
        self.price = self.price + dual * self.dprice
        if self.program.tail:
            self.q, self.spare = self.q + dual * self.dq, self.spare - dual * self.dq
            self.under, self.over = self.under + primal * self.dunder, self.over + primal * self.dover
            self.z += primal * self.dz
