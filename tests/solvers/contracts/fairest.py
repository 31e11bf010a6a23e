"""Oracles of the fairest closing: rational arithmetic over sets of markets, linear programs, a quadratic one."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise

import cvxpy
import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from solvers.contracts.problem import ClosureProblem
from solvers.money import Float64


@dataclass(frozen=True)
class Bipartite:
    """w and cap of the bearers, what each can bring to each demand at most, and the needs; all in exact units."""

    bearers: list[int]
    demands: list[int]
    weight: list[Fraction]
    cap: list[Fraction]
    most: list[list[Fraction]]
    need: list[Fraction]

    @classmethod
    def of(cls, problem: ClosureProblem) -> "Bipartite":
        arcs = problem.arcs
        demands = np.flatnonzero(~problem.free).tolist()
        bearers = sorted({b for b, d in zip(arcs.bearer.tolist(), arcs.demand.tolist(), strict=True) if d in demands})
        most = [[Fraction(0)] * len(demands) for _ in bearers]
        for bearer, demand, lots in zip(arcs.bearer.tolist(), arcs.demand.tolist(), arcs.lots.tolist(), strict=True):
            if demand in demands:
                most[bearers.index(bearer)][demands.index(demand)] += problem.gaps[demand] * lots
        wealth = problem.wealth
        return cls(
            bearers,
            demands,
            [Fraction(int(wealth.endowment_units[row])) for row in bearers],
            [Fraction(int(wealth.cap_units[row])) for row in bearers],
            most,
            [problem.gaps[place] * problem.demands[place].lots for place in demands],
        )

    def closable(self) -> bool:
        """By the minimum cut over all sets of demands, when every bearer pays its cap."""
        places = range(len(self.need))
        return all(
            sum(min(cap, sum(most[d] for d in some)) for cap, most in zip(self.cap, self.most, strict=True))
            >= sum(self.need[d] for d in some)
            for size in range(1, len(self.need) + 1)
            for some in combinations(places, size)
        )


def rational(book: Bipartite) -> list[Fraction]:
    """What each bearer pays in the lexicographic optimum, exactly.

    From the top: the set of demands that forces the highest level (the largest such set) is paid by its holders up to
    that level, the full arcs of those who hold too little in it are a floor, and the other demands come next.
    """
    paid = [Fraction(0)] * len(book.weight)
    left = list(range(len(book.need)))
    while left:
        best: tuple[Fraction, int, tuple[int, ...]] | None = None
        for size in range(1, len(left) + 1):
            for some in combinations(left, size):
                found = (_level(book, paid, some), size, some)
                best = found if best is None or found[:2] > best[:2] else best
        assert best is not None
        height, _, some = best
        paid = [_clip(height * w, low, high) for w, low, high in _range(book, paid, some)]
        left = [demand for demand in left if demand not in some]
    return paid


def _range(book: Bipartite, paid: list[Fraction], some: tuple[int, ...]) -> list[tuple[Fraction, Fraction, Fraction]]:
    rows = zip(book.weight, book.cap, book.most, paid, strict=True)
    return [(w, low, min(cap, low + sum(most[d] for d in some))) for w, cap, most, low in rows]


def _level(book: Bipartite, paid: list[Fraction], some: tuple[int, ...]) -> Fraction:
    """The smallest t with sum clip(t w, low, high) = need + sum low, by walking over all breakpoints."""
    ranges = [(w, low, high) for w, low, high in _range(book, paid, some) if high > low]
    goal = sum((book.need[d] for d in some), Fraction(0)) + sum((low for _, low, _ in ranges), Fraction(0))
    breaks = sorted({edge / w for w, low, high in ranges for edge in (low, high)})
    for below, above in pairwise(breaks):
        start, end = (sum(_clip(t * w, low, high) for w, low, high in ranges) for t in (below, above))
        if end >= goal:
            return below if end == start else below + (above - below) * (goal - start) / (end - start)
    return breaks[-1] if breaks else Fraction(0)


def _clip(value: Fraction, low: Fraction, high: Fraction) -> Fraction:
    return min(max(value, low), high)


def by_linear_programs(book: Bipartite) -> Float64:
    """The lexicographic optimum by linear programs (HiGHS): the least worst haircut, who must bear it, and again.

    Who must: those whose constraint has a price. Amounts in units of the mean need, so that tolerances mean the same.
    """
    n, m, scale = len(book.weight), len(book.need), float(sum(book.need)) / len(book.need)
    arcs = [(i, d) for i in range(n) for d in range(m) if book.most[i][d]]
    w = np.array([float(one / Fraction(scale)) for one in book.weight])
    cap = np.array([float(one / Fraction(scale)) for one in book.cap])
    need = np.array([float(one / Fraction(scale)) for one in book.need])
    most = [float(book.most[i][d] / Fraction(scale)) for i, d in arcs]
    rows = csr_array(([1.0] * len(arcs), ([i for i, _ in arcs], range(len(arcs)))), shape=(n, len(arcs) + 1))
    columns = csr_array(([1.0] * len(arcs), ([d for _, d in arcs], range(len(arcs)))), shape=(m, len(arcs) + 1))
    fixed = np.full(n, np.nan)
    while np.isnan(fixed).any():
        open_rows = np.flatnonzero(np.isnan(fixed))
        level = csr_array((w[open_rows], (open_rows, [len(arcs)] * len(open_rows))), shape=rows.shape)
        right = np.where(np.isnan(fixed), 0.0, fixed)
        bounds = [*((0, one) for one in most), (0, None)]
        found = linprog(
            [0.0] * len(arcs) + [1.0],
            A_ub=vstack((rows - level, rows)),
            b_ub=np.concatenate((right, cap)),
            A_eq=columns,
            b_eq=need,
            bounds=bounds,
            method="highs-ds",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        assert found.status == 0, found.message
        t = found.x[-1]
        price = -found.ineqlin.marginals[:n]
        bound = [row for row in open_rows.tolist() if price[row] > 1e-9]
        if not bound or t <= 1e-12:
            paid = rows @ found.x
            fixed[open_rows] = paid[open_rows] if t > 1e-12 else 0.0
            break
        fixed[bound] = t * w[bound]
    return fixed * scale


def by_quadratic_program(book: Bipartite) -> Float64:
    """min sum x^2 / (2 w) by cvxpy with Clarabel, in units of the mean need."""
    n, m, scale = len(book.weight), len(book.need), float(sum(book.need)) / len(book.need)
    most = np.array([[float(one / Fraction(scale)) for one in row] for row in book.most])
    w, cap, need = (
        np.array([float(one / Fraction(scale)) for one in values]) for values in (book.weight, book.cap, book.need)
    )
    y = cvxpy.Variable((n, m), nonneg=True)
    x = cvxpy.sum(y, axis=1)
    objective = cvxpy.sum_squares(cvxpy.multiply(1 / np.sqrt(w), x)) / 2
    model = cvxpy.Problem(cvxpy.Minimize(objective), [y <= most, x <= cap, cvxpy.sum(y, axis=0) == need])
    tight = {"tol_gap_abs": 1e-13, "tol_gap_rel": 1e-13, "tol_feas": 1e-13, "max_iter": 200}
    model.solve(solver=cvxpy.CLARABEL, **tight, reduced_tol_gap_abs=1e-9, reduced_tol_gap_rel=1e-9)
    assert model.status in {"optimal", "optimal_inaccurate"}, model.status
    return np.asarray(x.value) * scale
