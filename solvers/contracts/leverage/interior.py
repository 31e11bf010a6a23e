"""The interior point method behind closings that leave the least expected shortfall.

    min sum_i f_i(k_i),   0 <= k_a <= u_a,   sum of a demand's k_a = Q_d,   sum of an account's g_a k_a <= cap_i

f_i is the expected shortfall of account i (MODEL 4). It is convex, and accounts meet in the m demands alone: a Newton
step takes n x n systems by account and one of m x m for the shadow prices. Along the central path

    x_a l_a = mu w_a,  (1 - x_a) r_a = mu w_a,    x_a = k_a / u_a,  w_a = u_a times the deviation of a lot,

the markets settle one after another as mu falls, those of the most levered holders first. Marginal shortfalls fall
like exp(-e^2 / 2 s^2), so that later prices may be many orders of magnitude below the first; each is found relative to
itself. The path ends once all markets are settled, or all that is open together is 1e-12 of the objective: the others
are flat then, and stand at the same share of everybody's contracts, since weights are in proportion to contracts.

A demand may miss its need at a penalty far above any shadow price, so that the path has an inside where needs or caps
leave a single closing. Source: S. Wright, Primal-Dual Interior-Point Methods (1997), chapters 1 and 10.
"""

from dataclasses import dataclass

import numpy as np

from solvers.backends.deadline import NEVER, Deadline
from solvers.contracts.leverage.elimination import inverses, solved
from solvers.contracts.leverage.exposures import Exposures
from solvers.contracts.leverage.gaussian import LOG_PEAK
from solvers.contracts.leverage.sums import ratio, sums
from solvers.contracts.leverage.systems import Systems
from solvers.errors import SolverFailed
from solvers.money import Bool, Float64

STEPS = 2000
SETTLED = 1e-10
"""A market is settled when what its arcs may still gain is below this part of its price times its need."""

_LOWEST = 1e-12
"""The path ends where all that may still be gained is this part of the objective,"""
_NOTHING = 1e-100
"""or prices are below this, in deviations of a lot and densities of where the path begins."""

# A step is near the path when residuals are below half of what they are differences of, products of slacks and prices
# below four times mu, and demands are met to 1e-6. At the end they are met to 1e-8, and the path is followed closely.
_OFF, _SPREAD, _CLEARED = 0.5, 4.0, 1e-6
_STILL, _CENTRED = 1e-8, 1e-6
_PATIENCE = 20
"""Steps at the last mu that may be spent on following the path closely."""
_LOST = 100
"""Steps away from the path after which it is lost."""
_REACH = 0.95
"""How far towards zero a step may take what must stay positive."""
_FASTEST, _SLOWEST = 1e-2, 0.2
"""What mu is multiplied by where the path is near."""

_FLAT = 1e8
"""Accounts whose marginal shortfall is below so many mu are quiet."""
_PENALTY = 1e4
"""Of lots that are missing, in deviations of a lot; prices are below 0.4 of these, but for caps."""
_RIDGE = 1e-12
"""Added to curvatures, relatively: where markets move together, many closings are as good as each other."""
_SMOOTH = 1e-9
"""Deviations below this part of an account's gross one are rounding: its variance never falls below that."""
_NOISE = 1e-11
"""Part of the largest marginal shortfall that an account could have within which its own are rounding."""
_DRIFT = 1e-10
"""Part of a cap beyond which the room below it is corrected."""
_BEYOND = 1e100
"""Equities of more deviations are of so many."""

_TRIES = 6
_UPHILL = 0.1
"""An account's step is made shorter where it climbs, by more than this part of what that is a difference of."""

_FARTHEST = 36.0
"""From this many deviations on, an account's shortfall is no double above zero;"""
_LATE = 10.0
"""in later stages moves are stretched from here on already, until the nearest account is at `_NEAREST`."""
_NEAREST = 4.0


@dataclass(frozen=True)
class Interior:
    """closed: A, lots; prices: m, what closing a last lot saves, in currency a lot; steps taken.

    stretch    by how much moves were stretched, above one where without it nobody has a shortfall in doubles
    flat       m, where the price is nothing beside the others': no more is known of it
    quiet      N, accounts whose marginal shortfall is nothing beside the prices of the other markets
    """

    closed: Float64
    prices: Float64
    steps: int
    stretch: float
    flat: Bool
    quiet: Bool


def minimised(found: Exposures, closed: Float64 | None = None, deadline: Deadline = NEVER) -> Interior:
    """The closing of least expected shortfall.

    Raises SolverFailed where the path is lost, SolverTimeout at the deadline.
    closed    A, lots as an earlier stage left them: moves are stretched where nobody is within ten deviations of
              trouble then, and not only where shortfalls are below what doubles can hold
    """
    if not len(found.account):
        nobody = np.zeros(len(found.need), np.bool_)
        return Interior(np.zeros(0), np.zeros(len(found.need)), 0, 1.0, nobody, nobody[:0])
    with np.errstate(over="ignore", under="ignore"):
        return _Path(found, closed).followed(deadline)


class _Path:
    def __init__(self, found: Exposures, closed: Float64 | None) -> None:
        self.found, self.groups = found, found.groups
        self.arcs, self.demands = len(found.account), len(found.need)
        self.on = [group.arcs for group in self.groups]
        self.floor = [(_SMOOTH * group.gross) ** 2 + np.finfo(np.float64).tiny for group in self.groups]
        self.limit = [np.sqrt(np.einsum("iik->ik", group.within)) for group in self.groups]
        pairs = [found.demand[on][:, None] * self.demands + found.demand[on][None] for on in self.on]
        self.pairs = [pair.ravel() for pair in pairs]
        self.sizes = [found.most[on] for on in self.on]
        self.areas = [size[:, None] * size[None] for size in self.sizes]
        deviation = np.maximum(found.deviation, 1e-9 * float(found.deviation.max()) or 1.0)
        self.weight = found.most * deviation[found.demand]
        self.whole = sums(found.demand, self.weight, self.demands)
        self.capped = bool(np.isfinite(found.cap).any())
        self.starts = np.flatnonzero(np.diff(found.account, prepend=-1))
        self.scale, self.last = deviation, (np.full(self.arcs, np.inf), np.full(self.demands, np.inf))
        self._start(deviation, closed)

    def _start(self, deviation: Float64, closed: Float64 | None) -> None:
        found = self.found
        self.room, self.ceiling = np.ones(len(found.cap)), np.zeros(len(found.cap))
        held = sums(found.demand, found.most, self.demands)
        share = np.clip(found.need / np.where(held > 0, held, 1.0), 1e-3, 1 - 1e-3)[found.demand]
        if self.capped:
            bound = np.isfinite(found.cap)
            self.cost = np.where(bound[found.account], found.cost * found.most, 0.0)
            self.cap = np.where(bound, found.cap, 1.0)
            spent = sums(found.account, self.cost * share, len(found.cap))
            share = share * np.minimum(1.0, 0.9 * self.cap / np.where(spent > 0, spent, 1.0))[found.account]
            self.room = self.cap - sums(found.account, self.cost * share, len(found.cap))
            self.ceiling = np.where(bound, sums(found.account, self.weight, len(found.cap)), 0.0)
        self.x = np.array([share, 1 - share])
        equity = np.abs(found.equity)
        self.equity = [equity[group.accounts] for group in self.groups]
        if closed is None:
            nearest = min(self._nearest(np.ones(self.arcs)), self._nearest(self.x[1]))
        else:
            nearest = self._nearest(1 - closed / found.most)
        self.stretch = 1.0
        if nearest > (_FARTHEST if closed is None else _LATE):
            self.stretch = nearest / _NEAREST
        self.equity = [one / self.stretch for one in self.equity]
        self.shift = min(self._nearest(self.x[1]) ** 2 / 2, _FARTHEST**2 / 2)
        self._look()
        self.mu = max(float(np.abs(self.benefit).sum() / self.weight.sum()), _NOTHING)
        self.z = self.mu * self.weight / self.x
        self.eta = self.mu * self.ceiling / self.room
        self.price = np.zeros(self.demands)
        penalty = _PENALTY * deviation * np.exp(min(self.shift, 100.0))
        # What the penalty is above the price either way: kept apart, as one may become small beside both.
        self.beyond = np.array([penalty, penalty])
        self.missing = np.maximum(self.mu * self.whole / self.beyond, np.finfo(np.float64).tiny)

    def _nearest(self, left: Float64) -> float:
        """Of all accounts' equities in standard deviations, the smallest."""
        pieces = zip(self.groups, self.equity, self.floor, strict=True)
        return min(
            float((equity / np.sqrt(group.moments(left[group.arcs])[0] + floor)).min())
            for group, equity, floor in pieces
        )

    def _look(self) -> None:
        """Marginal shortfalls as they are: what each arc's closing saves a share, and curvatures."""
        self.benefit, self.noise = np.empty(self.arcs), np.empty(self.arcs)
        self.curves: list[tuple[Float64, Float64, Float64]] = []
        self.worth = 0.0
        pieces = zip(self.groups, self.on, self.equity, self.floor, self.limit, strict=True)
        for group, on, equity, floor, limit in pieces:
            variance, half = group.moments(self.x[1][on])
            s = np.sqrt(variance + floor)
            z = np.minimum(equity / s, _BEYOND)
            slope = np.exp(np.minimum(self.shift + LOG_PEAK - z * z / 2, 700.0))
            toward = half / s
            self.benefit[on] = slope * toward
            self.noise[on] = slope * _NOISE * limit
            self.worth += float((slope * s / (1 + z * z)).sum())
            self.curves.append((slope / s, z * z - 1, toward))

    def followed(self, deadline: Deadline) -> Interior:
        """Newton steps, mu smaller wherever the path is near; back to where it was near last if it is lost for long."""
        found, waited, near, since = self.found, 0, vars(self).copy(), 0
        for step in range(STEPS):
            deadline.check()
            residual = -self.benefit + self.price[found.demand] * found.most - self.z[0] + self.z[1]
            if self.capped:
                residual += self.eta[found.account] * self.cost
            lacking = sums(found.demand, found.most * self.x[0], self.demands)
            lacking += self.missing[0] - self.missing[1] - found.need
            size = np.abs(self.benefit) + self.z[0] + self.z[1] + self.noise
            off = float((np.abs(residual) / size).max())
            spread = float((self.x * self.z / self.weight).max()) / self.mu
            lost = not np.isfinite(off) or not np.isfinite(spread) or step - since > _LOST
            if lost and since:
                vars(self).update(near)
                return self._ended(step, ~self._settled())
            if lost:
                break
            reach = _REACH
            short = float((np.abs(lacking) / found.need).max())
            if off < _OFF and spread < _SPREAD and short < _CLEARED:
                bottom = self.mu * float(self.weight.sum()) < max(_LOWEST * self.worth, _NOTHING)
                if bottom or bool(self._settled().all()):
                    still = short < _STILL and (off < _CENTRED or self._moved() < _STILL)
                    if still or (waited >= _PATIENCE and short < _STILL):
                        return self._ended(step, ~self._settled())
                    waited += bottom
                if short < _STILL:
                    near, since = vars(self).copy(), step + 1
                lower = min(max(off, _FASTEST), _SLOWEST)
                self.mu, reach = self.mu * (1.0 if bottom else lower), max(reach, 1 - lower / 2)
            self._step(residual, lacking, reach)
        raise SolverFailed("leverage-draining: the interior point method lost its path")

    def _settled(self) -> Bool:
        found: Bool = self.mu * self.whole <= SETTLED * np.abs(self.price) * self.found.need
        return found

    def _ended(self, step: int, flat: Bool) -> Interior:
        found, quiet = self.found, np.empty(len(self.found.equity), np.bool_)
        for group, (weight, _, _), on, floor in zip(self.groups, self.curves, self.on, self.floor, strict=True):
            s = np.sqrt(group.moments(self.x[1][on])[0] + floor)
            quiet[group.accounts] = weight * s < _FLAT * self.mu
        # The smaller of x and 1 - x is the one that is known to all its digits.
        shares = np.where(self.x[0] < 0.5, self.x[0], 1 - self.x[1])
        prices = self.price * np.exp(-self.shift)
        return Interior(found.most * shares, prices, step, self.stretch, flat, quiet)

    def _step(self, residual: Float64, lacking: Float64, reach: float) -> None:
        found, demand = self.found, self.found.demand
        x, z, mu = self.x, self.z, self.mu
        wanted = mu * self.weight - x * z
        stiff = np.minimum(z / x, 1e280)
        stiff = stiff[0] + stiff[1]
        pull = wanted / x
        force = pull[0] - pull[1] - residual
        slack = (mu * self.ceiling - self.room * self.eta) / self.room
        beyond = self.beyond
        gives = (mu * self.whole - self.missing * beyond) / beyond
        systems = self._systems(stiff)
        matrix = np.zeros(self.demands**2)
        for pairs, area, system in zip(self.pairs, self.areas, systems, strict=True):
            matrix += sums(pairs, (system.bent * area).ravel(), len(matrix))
        matrix.shape = self.demands, self.demands
        matrix[np.diag_indices(self.demands)] += (self.missing / beyond).sum(axis=0)
        pressed = slack - self.bend * self._drift() if self.capped else slack
        alone, _ = self._answers(systems, force, pressed)
        right = lacking + gives[0] - gives[1] + sums(demand, found.most * alone, self.demands)
        dprice = solved(matrix, right)
        dx, deta = self._answers(systems, force - found.most * dprice[demand], pressed)
        dx = np.array([dx, -dx])
        dz = (wanted - z * dx) / x
        dmissing = gives + self.missing / beyond * np.array([-dprice, dprice])
        droom = ratio(slack - deta, self.bend)
        own = np.minimum(_most(x, dx, reach)[0], _most(x, dx, reach)[1])
        own = np.minimum(np.minimum.reduceat(own, self.starts), _most(self.room, droom, reach))
        self.z = z + _most(z, dz, reach) * dz
        self.eta = self.eta + _most(np.where(self.ceiling > 0, self.eta, 1.0), deta, reach) * deta
        whole = _most(beyond, np.array([dprice, -dprice]), reach).min(axis=0)
        self.missing = self.missing + _most(self.missing, dmissing, reach) * dmissing
        self.last = dx[0], dprice
        self.price, self.beyond = self.price + whole * dprice, beyond + whole * np.array([dprice, -dprice])
        self._move(dx, droom, own)

    def _moved(self) -> float:
        """How much shares and, relative to themselves, prices changed at the last step."""
        dx, dprice = self.last
        return max(
            float(np.abs(dx).max()),
            float((np.abs(dprice) / np.maximum(np.abs(self.price), np.finfo(np.float64).tiny)).max()),
        )

    def _drift(self) -> Float64:
        """What caps leave beside what the path thinks they leave, where that is no rounding.

        A room far below rounding of its cap is known from its price alone, so that it is not a difference of shares.
        """
        drift = self.cap - sums(self.found.account, self.cost * self.x[0], len(self.cap)) - self.room
        return np.where(np.abs(drift) > _DRIFT * self.cap, drift, 0.0)

    def _move(self, dx: Float64, droom: Float64, own: Float64) -> None:
        """Each account goes its own part of its step, at first; shorter where it would climb more than it descends."""
        account, x, room, part = self.found.account, self.x, self.room, np.ones(len(own))
        dx, droom = own[account] * dx, own * droom
        before, _ = self._uphill(dx[0])
        for _ in range(_TRIES):
            self.x, self.room = x + part[account] * dx, room + part * droom
            self._look()
            after, size = self._uphill(dx[0])
            beyond = (before < 0) & (after > np.maximum(-before / 2, _UPHILL * size))
            if not beyond.any():
                break
            shorter = np.divide(before, before - after, out=np.ones_like(before), where=beyond)
            part *= np.maximum(shorter, 0.1)

    def _uphill(self, dx: Float64) -> tuple[Float64, Float64]:
        """Of each account how its shortfall, at these prices and with its barriers, changes along a step.

        And what that is a difference of.
        """
        found = self.found
        barrier = self.mu * self.weight / self.x
        price = self.price[found.demand] * found.most
        slope, size = price - self.benefit - barrier[0] + barrier[1], np.abs(price) + np.abs(self.benefit)
        if self.capped:
            slope += self.cost * (self.mu * self.ceiling / self.room)[found.account]
        size += barrier[0] + barrier[1] + self.noise
        count = len(self.room)
        return sums(found.account, slope * dx, count), sums(found.account, size * np.abs(dx), count)

    def _systems(self, stiff: Float64) -> list[Systems]:
        """The Newton matrices of the accounts, by group."""
        found = []
        self.bend = self.eta / self.room
        for group, on, (weight, extra, toward) in zip(self.groups, self.on, self.curves, strict=True):
            matrices = weight * (group.within + extra * toward[:, None] * toward[None])
            for i in range(len(on)):
                matrices[i, i] += stiff[on[i]] + _RIDGE * weight * group.within[i, i]
            cost = self.cost[on] if self.capped else None
            found.append(Systems(inverses(matrices), cost, self.bend[group.accounts]))
        return found

    def _answers(self, systems: list[Systems], force: Float64, slack: Float64) -> tuple[Float64, Float64]:
        """What the arcs' shares and the accounts' cap prices do under a force."""
        dx, deta = np.empty(self.arcs), np.zeros(len(slack))
        for group, on, system in zip(self.groups, self.on, systems, strict=True):
            dx[on], deta[group.accounts] = system.answer(force[on], slack[group.accounts])
        return dx, deta


def _most(values: Float64, changes: Float64, reach: float) -> Float64:
    """Of each positive value the largest step up to one that takes it at most `reach` of the way to zero."""
    steps: Float64 = np.minimum(reach / np.maximum(-changes / values, reach), 1.0)
    return steps
