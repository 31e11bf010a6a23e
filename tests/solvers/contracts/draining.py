"""Covariances for random books, and least expected shortfalls by cutting planes and by quadratic programs."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog, minimize
from scipy.stats import norm

from solvers.contracts.problem import ClosureProblem
from solvers.money import Float64


def moves(problem: ClosureProblem, seed: int = 0, daily: float = 0.1, rank: int | None = None) -> Float64:
    """A covariance of prices: moves of `daily` times the mark or so, correlated; of a lower rank if one is given."""
    rng, count = np.random.default_rng([7, seed]), len(problem.markets)
    marks = np.array([float(mark) for mark in problem.markets.marks])
    loads = rng.normal(size=(count, rank or 3))
    loads[:, 0] = np.abs(loads[:, 0]) + 0.5
    shape = loads @ loads.T + (0 if rank else np.diag(rng.uniform(0.2, 1.0, count)))
    scale = marks * daily * rng.uniform(0.5, 2.0, count) / np.sqrt(shape.diagonal())
    cov: Float64 = shape * scale[:, None] * scale
    return (cov + cov.T) / 2


@dataclass(frozen=True)
class Program:
    """min sum f(k) over 0 <= k <= u, sum by demand = Q, sum by account of g k <= cap; dense, an account at a time."""

    problem: ClosureProblem
    covariance: Float64
    need: Float64

    @property
    def owner(self) -> Float64:
        return self.problem.positions.account[self.problem.arcs.position]

    def account(self, row: int, closed: Float64) -> tuple[float, Float64]:
        """The expected shortfall of one account and its gradient in all arcs, from the definition."""
        problem, arcs = self.problem, self.problem.arcs
        sizes = np.array([float(size) for size in problem.markets.lots])
        y, gradient = np.zeros(len(problem.markets)), np.zeros(len(closed))
        for position in np.flatnonzero(problem.positions.account == row):
            y[problem.positions.market[position]] += problem.lots[position]
        mine = np.flatnonzero(self.owner == row)
        at = problem.positions.market[arcs.position[mine]]
        sign = np.sign(problem.lots[arcs.position[mine]])
        np.subtract.at(y, at, sign * closed[mine])
        y *= sizes
        e = float(problem.account_equity_units[row]) / 10**problem.accounts.precision
        s = float(np.sqrt(max(y @ self.covariance @ y, 0.0)))
        if s == 0:
            return max(-e, 0.0), gradient
        gradient[mine] = -norm.pdf(e / s) * sign * sizes[at] * (self.covariance @ y)[at] / s
        return s * norm.pdf(e / s) - e * norm.cdf(-e / s), gradient

    def value(self, closed: Float64) -> float:
        return sum(self.account(row, closed)[0] for row in np.unique(self.owner).tolist())

    def gradient(self, closed: Float64) -> Float64:
        return np.sum([self.account(row, closed)[1] for row in np.unique(self.owner).tolist()], axis=0)

    def matrices(self) -> tuple[Float64, Float64, Float64]:
        arcs = self.problem.arcs
        demand = (arcs.demand == np.arange(len(self.need))[:, None]).astype(float)
        bearers = np.unique(arcs.bearer)
        cost = (arcs.bearer == bearers[:, None]) * self.problem.gap_floats[arcs.demand]
        return demand, cost, self.problem.wealth.cap_units[bearers].astype(float)

    def by_cutting_planes(self, scale: float, gap: float = 1e-7, rounds: int = 400) -> tuple[float, float]:
        """(value, lower bound) by Kelley's method: tangents of each account, and an LP in units of `scale`."""
        arcs, rows = self.problem.arcs, np.unique(self.owner).tolist()
        demand, cost, cap = self.matrices()
        u, n, count = arcs.lots.astype(float), len(arcs.lots), len(rows)
        k = u * (self.need / np.maximum(demand @ u, 1.0))[arcs.demand]
        best, bound, cuts, right = np.inf, -np.inf, [], []
        spent, most = cost * u, np.maximum(self.need, 1.0)
        used = cap > 0
        spent, cap = spent[used] / cap[used, None], np.ones(int(used.sum()))
        for _ in range(rounds):
            if (demand @ k >= self.need * (1 - 1e-9)).all() and (spent @ (k / u) <= 1 + 1e-9).all():
                best = min(best, self.value(k))
            for place, row in enumerate(rows):
                f, g = self.account(row, k)
                cuts.append(np.concatenate((g * u, -np.eye(count)[place] * scale)) / scale)
                right.append((g @ k - f) / scale)
            tangents = np.vstack([np.array(cuts), np.hstack([spent, np.zeros((len(cap), count))])])
            b = np.concatenate((right, cap))
            equal = np.hstack([demand * u / most[:, None], np.zeros((len(self.need), count))])
            c = np.concatenate((np.zeros(n), np.ones(count)))
            bounds = [(0, 1)] * n + [(0, None)] * count
            done = linprog(c, tangents, b, equal, self.need / most, bounds, "highs", options=_TIGHT)
            assert done.status == 0, done.message
            bound = max(bound, float(done.fun) * scale)
            k = np.clip(done.x[:n], 0, 1) * u
            if best < np.inf and best - bound <= gap * best:
                break
        return best, bound

    def by_quadratic_programs(self) -> float:
        """The value that SLSQP finds from the same share of everything; inf where that is not feasible."""
        arcs = self.problem.arcs
        demand, cost, cap = self.matrices()
        u = arcs.lots.astype(float)
        x = (self.need / np.maximum(demand @ u, 1.0))[arcs.demand]
        scale, equal = self.value(x * u), np.maximum(self.need, 1.0)
        weight = np.maximum(cap, 1.0)
        closes, costs = demand * u / equal[:, None], cost * u / weight[:, None]
        done = minimize(
            lambda x: self.value(x * u) / scale,
            x,
            jac=lambda x: self.gradient(x * u) * u / scale,
            bounds=[(0, 1)] * len(u),
            constraints=[
                {"type": "eq", "fun": lambda x: (demand @ (x * u) - self.need) / equal, "jac": lambda _: closes},
                {"type": "ineq", "fun": lambda x: (cap - cost @ (x * u)) / weight, "jac": lambda _: -costs},
            ],
            method="SLSQP",
            options={"ftol": 1e-15, "maxiter": 2000},
        )
        x = np.clip(done.x, 0, 1)
        off = np.abs(demand @ (x * u) - self.need) / equal
        over = (cost @ (x * u) - cap) / weight
        return self.value(x * u) if off.max() < 1e-8 and over.max(initial=0) < 1e-8 else np.inf


_TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
