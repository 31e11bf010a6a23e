"""The flow network of the demands that cost something: bearers pay dollars, demands take them.

    y_a in [0, u_a],    sum over a demand's arcs y_a = need_d,    x_i = sum over a bearer's arcs y_a <= cap_i

with u_a = g_d |q_a| and need_d = g_d Q_d in units of currency. Everything here is in the order of account ids and
symbols, so that no answer depends on the order of rows. Doubles decide levels; flows are whole steps, 2^60 in all.
"""

from dataclasses import dataclass, replace

import numpy as np

from solvers.backends.max_flow import Cut, max_flow, min_cut
from solvers.contracts.problem import ClosureProblem
from solvers.money import Float64, Int64

_STEPS = 2.0**60
"""Integer steps that all needs together are cut into."""

_FITS = 20
"""Rounds of proportional fitting, and relative to all needs how near is near enough."""
_FITTED = 1e-9

_MORE = 2**12
"""Steps that doubles near 2^60 still tell apart."""

_SATURATED = 2.0**-46
"""Relative shortage of a flow that is rounding of its capacities, not a cut."""


@dataclass(frozen=True)
class Network:
    """n bearers, m demands, A arcs; `rows` are the arcs' places among those of the problem, `holders` the bearers'.

    weight, cap    n: endowment w, most it may pay
    bearer, demand, most    A: the ends of an arc and u, the most it carries
    need           m, zero for demands that are free
    """

    rows: Int64
    holders: Int64
    weight: Float64
    cap: Float64
    bearer: Int64
    demand: Int64
    most: Float64
    need: Float64

    @classmethod
    def of(cls, problem: ClosureProblem) -> "Network":
        """The problem's own, made once."""
        kept = problem.wealth.remembered
        if cls not in kept:
            kept[cls] = cls._made(problem)
        found: Network = kept[cls]
        return found

    @classmethod
    def _made(cls, problem: ClosureProblem) -> "Network":
        arcs, gaps = problem.arcs, problem.gap_floats
        rows = np.flatnonzero(~problem.free[arcs.demand])
        bearer, demand = arcs.bearer[rows], arcs.demand[rows]
        first = np.diff(bearer, prepend=-1) != 0  # a bearer's arcs are neighbours
        bearers = bearer[first]
        needed = np.array([float(one.lots) for one in problem.demands])
        return cls(
            rows,
            bearers,
            problem.wealth.endowment[bearers],
            problem.wealth.cap_units[bearers].astype(np.float64),
            np.cumsum(first) - 1,
            demand,
            arcs.lots[rows] * gaps[demand],
            needed * gaps,
        )

    def paid(self, amounts: Float64) -> Float64:
        """x: what each bearer pays in all, of amounts an arc."""
        return np.bincount(self.bearer, amounts, len(self.weight)).astype(np.float64, copy=False)

    def taken(self, amounts: Float64) -> Float64:
        """What each demand takes in all, of amounts an arc."""
        return np.bincount(self.demand, amounts, len(self.need)).astype(np.float64, copy=False)

    def needing(self, need: Float64) -> "Network":
        return replace(self, need=need)

    def cut(self, supply: Float64) -> "Parted":
        """Where the most that goes through is cut when bearers have so much."""
        step, have, room, need = self._steps(supply, self.most)
        return Parted(min_cut(have, self.bearer, self.demand, room, need), step)

    def flow(self, supply: Float64) -> "Carried":
        """The most that goes through when bearers have so much."""
        return self._carry(supply, self.most)

    def spread(self, supply: Float64) -> Float64:
        """Amounts an arc that bring these supplies to the demands, each bearer's in proportion to `most` if they can.

        Over which of its arcs a bearer pays is not unique. Where the proportional splits of all together bring a demand
        more than it takes, everybody's are scaled alike: y = min(u, a_i u b_d) (iterative proportional fitting), so
        that bearers who hold the same are closed alike. What that is short of exact takes any way that is left.
        """
        through = min(float(supply.sum()), float(self.need.sum()))
        split = self._fitted(supply)
        first = self._carry(supply, split)
        return first.amounts if first.brings(through) else self._carry(supply, self.most, first).amounts

    def _fitted(self, supply: Float64) -> Float64:
        """Amounts that add up to the supplies by bearer, and about to the needs by demand."""
        found, taken, near = self.most, self.taken(self.most), _FITTED * float(self.need.sum())
        for _ in range(_FITS):
            found = np.minimum(found * _over(self.need, taken)[self.demand], self.most)
            found = np.minimum(found * _over(supply, self.paid(found))[self.bearer], self.most)
            taken = self.taken(found)
            if np.abs(taken - self.need).max(initial=0.0) <= near:
                break
        return found

    def _carry(self, supply: Float64, most: Float64, first: "Carried | None" = None) -> "Carried":
        step, have, room, need = self._steps(supply, most)
        if first is None:
            found = max_flow(have, self.bearer, self.demand, room, need)
            return Carried(found, step, found.flows, self.most)
        before = np.minimum(first.steps, room)
        bearing, taking = (np.zeros_like(have), np.zeros_like(need))
        np.add.at(bearing, self.bearer, before)
        np.add.at(taking, self.demand, before)
        found = max_flow(have - bearing, self.bearer, self.demand, room - before, need - taking, before)
        return Carried(found, step, before + found.flows, self.most)

    def _steps(self, supply: Float64, most: Float64) -> tuple[float, Int64, Int64, Int64]:
        """The size of a step, and supplies, arcs and needs in steps.

        Supplies are rounded down, all else up, so that rounding never makes a cut where there is none.
        """
        step = max(float(supply.sum()), float(self.need.sum())) / _STEPS or 1.0
        have, need = np.floor(supply / step).astype(np.int64), np.ceil(self.need / step).astype(np.int64)
        # An arc with more room than its demand takes is never full, so that it makes no cut.
        room = np.minimum(np.ceil(most / step), need[self.demand] + _MORE).astype(np.int64)
        return step, have, room, need


def _over(wanted: Float64, found: Float64) -> Float64:
    """What to scale by, one where there is nothing to scale."""
    return np.divide(wanted, found, out=np.ones_like(wanted), where=found > 0)


@dataclass(frozen=True)
class Parted:
    """A cut in whole steps, each so many units of currency."""

    found: Cut
    step: float

    @property
    def through(self) -> int:
        """Steps that go through."""
        return self.found.total

    def brings(self, amount: float) -> bool:
        """Whether so much went through, but for the rounding to steps."""
        return self.through * self.step >= amount * (1 - _SATURATED)


@dataclass(frozen=True)
class Carried(Parted):
    """A flow, and its cut."""

    steps: Int64
    most: Float64

    @property
    def through(self) -> int:
        return int(self.steps.sum())

    @property
    def amounts(self) -> Float64:
        """Units of currency an arc."""
        found: Float64 = np.minimum(self.steps * self.step, self.most)
        return found
