"""Blends of the three aims, under limits on groups (MODEL 6; arXiv 2512.01112, section 8).

    min  a sum w_i h_i^2 / 2  +  b sum (1 - h_i) l_i  +  c sum v_i (1 - r(h_i))      all in currency
    over 0 <= x_i = h_i w_i <= cap_i,  sum x_i = amount,  sum over a group of x_i <= its limit

l_i is the expected next loss of account i (exposure model deleverage), v_i its expected fees, r the retention curve:
linear or power, since with the exponential one the objective is not convex. The marginal cost of a dollar from i,

    d_i(h) = a h - b l_i / w_i + c (v_i k p / w_i) h^(p - 1)        (linear: p = 1)

meets one price for everybody outside of binding groups, and one price for each group that binds. cvxpy finds which
limits bind; who pays what at that is `solvers.separable`, to the last digit of a double.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from math import fsum, inf

import numpy as np

from solvers.allocation import Allocation
from solvers.backends.blend import GroupModel
from solvers.between import fairest
from solvers.blend_terms import BlendWeights, Terms, require
from solvers.errors import SolverFailed, SolverTimeout
from solvers.groups import Fill, Limits, group_violations, limit_units
from solvers.knapsack import knapsack
from solvers.money import Bool, Float64, Int64
from solvers.pro_rata import CappedProRata, capped_pro_rata
from solvers.problem import HaircutProblem
from solvers.robustness.losses import expected_losses
from solvers.separable import Marginals, separate
from solvers.verify import Optimality

__all__ = ["Amounts", "Blend", "BlendModel", "BlendWeights", "blend", "certify_blend", "objective"]

Amounts = Mapping[str, int | float | str]

_TIGHT = 1e-12
_LEAST = float(np.finfo(np.float64).tiny)
"""The smallest haircut with all of a double's digits."""
_UNGUIDED = "The convex solver did not finish; the binding group limits were found without it."


@dataclass(frozen=True, kw_only=True)
class Blend:
    """Parameters of `blend`: weights, and the most that a group may lose together, in currency."""

    weights: BlendWeights = field(default_factory=BlendWeights)
    group_limits: Amounts = field(default_factory=dict)


def blend(problem: HaircutProblem, parameters: Blend) -> Allocation:
    """The blend's minimiser, fairest where it is not unique; group limits are kept to the unit.

    Refused: weights all zero; robustness without a shock; revenue without a retention, or with the exponential one;
    limits that are negative or of a group that nobody has. Raises InfeasibleBudget naming the groups that bind.
    """
    require(problem, parameters.weights)
    return BlendModel(problem, parameters.group_limits).solve(parameters.weights)


class BlendModel:
    """A problem and its group limits, to be solved for one set of weights after another.

    Losses, fees and the order of accounts are taken once, and so is the convex program, which is compiled at the
    first solve that needs it: under group limits.
    """

    def __init__(self, problem: HaircutProblem, group_limits: Amounts) -> None:
        taken_from = np.flatnonzero(problem.cap_units).tolist()
        # In the order of ids, so that the rows' order reaches neither the solver nor a sum.
        self.rows = np.array(sorted(taken_from, key=problem.book.ids.__getitem__), np.int64)
        self.problem = problem
        self._allowed = limit_units(problem, group_limits)
        self.limits = Limits.of(problem, self._allowed, self.rows)
        self._caps = problem.cap_units[self.rows]
        self._w, self._reach = problem.endowment[self.rows], self._caps.astype(np.float64)
        self._programs: dict[bool, GroupModel] = {}

    @cached_property
    def terms(self) -> Terms:
        return Terms.of(self.problem, self.rows)

    def _program(self, revenue: bool) -> GroupModel:
        """The convex program; without a weight on revenue one that has no term for it, which may be a power."""
        if revenue not in self._programs:
            terms, amount = self.terms, float(self.problem.amount_units)
            churn, places = terms.churn * revenue, [group.places for group in self.limits.groups]
            model = GroupModel(self._w, self._reach, amount, terms.gain, churn, terms.exponent, places)
            self._programs[revenue] = model
        return self._programs[revenue]

    def solve(self, weights: BlendWeights) -> Allocation:
        """The allocation for these weights."""
        require(self.problem, weights)
        problem, amount = self.problem, self.problem.amount_units
        if not self.limits.groups and not weights.robustness and not weights.revenue:
            exact = capped_pro_rata(problem, CappedProRata())
            w, level = problem.endowment[problem.winners], float(exact.multiplier or 0)
            return replace(exact, haircuts=np.minimum(level, problem.cap_units[problem.winners] / w))
        marginals = self.terms.marginals(weights)
        guess: Bool | None = None
        notes: tuple[str, ...] = ()
        libraries: tuple[str, ...] = ("numpy",)
        if self.limits.groups and amount > 0:
            libraries = ("cvxpy", "clarabel")
            try:
                guess = self._guess(weights)
            except (SolverFailed, SolverTimeout):
                notes = (_UNGUIDED,)
        x = self.limits.fill(amount, self._fill(marginals, weights), guess)
        seized = np.zeros(len(problem.book), np.int64)
        seized[self.rows] = self.limits.settled(x, self._caps, amount, problem.book.ids, self.rows)
        if group_violations(problem, seized, self._allowed):
            raise SolverFailed("blend passed a group limit")
        haircuts = np.zeros(len(problem.book))
        haircuts[self.rows] = np.minimum(x / self._w, self._reach / self._w)
        return Allocation(
            seized,
            haircuts=haircuts[problem.winners],
            notes=notes,
            method="convex" if self.limits.groups else "closed-form",
            libraries=libraries,
        )

    def _guess(self, weights: BlendWeights) -> Bool:
        """Which limits bind, by the convex program."""
        limits = np.array([float(group.limit_units) for group in self.limits.groups])
        values = np.array([weights.fairness, weights.robustness, weights.revenue])
        return self._program(weights.revenue > 0).binding(values, float(self.problem.amount_units), limits)

    def _fill(self, marginals: Marginals, weights: BlendWeights) -> Fill:
        """The minimiser without limits: knapsack where one linear term is all there is, whose keys bear logarithms."""
        keys = self.terms.keys(weights)

        def fill(places: Int64, amount: int) -> tuple[Float64, float]:
            w, caps = self._w[places], self._reach[places]
            if keys is None:
                return separate(marginals.taken(places), w, caps, float(amount))
            cut = knapsack(keys[places], caps, float(amount))
            return fairest(w, cut.low, cut.high, float(amount))[0], -cut.key

        return fill


def certify_blend(problem: HaircutProblem, allocation: Allocation, parameters: Blend) -> Optimality | None:
    """How far are these haircuts from the blend's minimum?

    For any price mu of the amount and nu_g >= 0 of the limits, with price_i = mu - nu_g (nu = 0 without a limit),

        sum min over [0, beta_i] of (F_i(h) - price_i w_i h)  +  mu amount  -  sum nu_g limit_g

    is a lower bound (weak duality), below the objective by a sum of terms that are all >= 0 and are added up as such:
    w_i times the integral of d_i - price_i from the minimum to h_i, and nu_g times what a limit leaves. mu and nu come
    from the haircuts: d_i is the price of whoever is strictly inside. What haircuts miss of the amount counts at
    twice its price, and what they pass of a limit at its own or the amount's, so that neither is a gain.
    """
    if allocation.haircuts is None:
        return None
    weights, rows, h, scale = parameters.weights, problem.winners, allocation.haircuts, 10.0**problem.book.precision
    w, caps = problem.endowment[rows], problem.cap_units[rows] / problem.endowment[rows]
    m, x = Terms.of(problem, rows).marginals(weights), h * problem.endowment[rows]
    members = _members(problem, parameters.group_limits)
    spare = {name: limit - fsum(x[places].tolist()) for name, (places, limit) in members.items()}
    tight = {name: members[name][0] for name, rest in spare.items() if rest <= _TIGHT * members[name][1]}
    mu, prices, nu = _prices(m, h, caps, tight)
    best = np.where(prices > m.base, np.minimum(m.reach(np.maximum(prices - m.base, 0)), caps), 0.0)
    away = (h - best) * (m.base - prices + m.flat * (h + best) / 2)
    if m.bent.any():
        away += m.bent * (h ** (m.power + 1) - best ** (m.power + 1)) / (m.power + 1)
    away = np.maximum(away, 0.0)  # at worst `best` is not quite the minimum
    missing = problem.amount_units - fsum(x.tolist())
    excess = fsum(max(nu[name], abs(mu)) * max(-spare[name], 0.0) for name in nu)
    gap = fsum([*(w * away).tolist(), *(nu[name] * spare[name] for name in nu), -mu * missing]) / scale
    value = objective(problem, weights, h)
    priced = value + (2 * abs(mu * missing) + excess) / scale
    moved = np.maximum(np.abs(allocation.seized_units[rows] - x) - 1, 0) / w
    # Where a power is steep at 0 its slope tells little, and its minimum all; where an account jumps it is the reverse.
    residual = np.minimum(_residual(m, h, caps, prices), np.abs(h - best))
    residual = np.maximum(residual, moved)
    return Optimality(priced, value - gap, float(residual.max(initial=0.0)), Fraction(mu))


def objective(problem: HaircutProblem, weights: BlendWeights, haircuts: Float64) -> float:
    """The blend in currency, from the book: all accounts' losses count, also of those that cannot be haircut."""
    rows, terms = problem.winners, [0.0]
    if weights.fairness:
        w = problem.endowment[rows] / 10.0**problem.book.precision
        terms += (weights.fairness * w * haircuts * haircuts / 2).tolist()
    if weights.robustness:
        kept = np.ones(len(problem.book))
        kept[rows] -= haircuts
        terms += (weights.robustness * kept * expected_losses(problem)[0]).tolist()
    if weights.revenue and problem.retention is not None:
        fees = problem.book.column("fees").floats[rows]
        terms += (weights.revenue * fees * problem.retention.leaves(haircuts)).tolist()
    return fsum(terms)


def _members(problem: HaircutProblem, amounts: Amounts) -> dict[str, tuple[Int64, int]]:
    """Places of each limited group's accounts among the winners, and its limit in whole units."""
    labels = np.array(problem.book.groups or [None] * len(problem.book), object)[problem.winners]
    limits = limit_units(problem, amounts)
    return {name: (np.flatnonzero(labels == name), limit) for name, limit in limits.items()}


def _prices(
    m: Marginals, h: Float64, caps: Float64, tight: dict[str, Int64]
) -> tuple[float, Float64, dict[str, float]]:
    """mu, the price of each account, and nu of the groups at their limits, from the haircuts."""
    d, first, last = m.at(h), m.base, m.at(caps)
    if (h > _LEAST).any():
        # A power may be so steep at 0 that the best haircut at the others' price is below the smallest double.
        first = m.at(np.minimum(caps, _LEAST))

    def range_of(places: Int64 | Bool) -> tuple[float, float]:
        """The lowest and highest price at which these accounts would stay where they are."""
        inside = (h[places] > _LEAST) & (h[places] < caps[places])
        if inside.any():
            middle = float(np.median(d[places][inside]))
            return middle, middle
        taken, spared = h[places] > _LEAST, (h[places] <= _LEAST) & (caps[places] > 0)
        return float(last[places][taken].max(initial=-inf)), float(first[places][spared].min(initial=inf))

    free = np.ones(len(h), np.bool_)
    for places in tight.values():
        free[places] = False
    own = {name: range_of(places) for name, places in tight.items()}
    least, most = range_of(free)
    # No group may be dearer than everybody else.
    mu = min(max(least, *(low for low, _ in own.values()), -inf), most)
    mu = mu if abs(mu) < inf else next((end for end in (most, least) if abs(end) < inf), 0.0)
    prices, nu = np.full(len(h), mu), {}
    for name, (_, high) in own.items():
        price = min(mu, high)
        prices[tight[name]], nu[name] = price, mu - price
    return mu, prices, nu


def _residual(m: Marginals, h: Float64, caps: Float64, prices: Float64) -> Float64:
    """How far a step against d - price would move a haircut within its bounds.

    In units of the account's own terms, and of the largest of those strictly inside, whose rounding the price has.
    """
    own, inside = m.flat + m.bent + m.size, (h > 0) & (h < caps)
    unit = own + float(own[inside].max(initial=0.0))
    with np.errstate(over="ignore"):
        step = np.divide(m.at(h) - prices, unit, out=np.zeros(len(h)), where=unit > 0)
    return np.abs(h - np.clip(h - step, 0.0, caps))
