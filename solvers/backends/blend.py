"""The blend under group limits as one parametrised convex program: cvxpy with Clarabel."""

import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
import scipy  # its submodules load on first use

from solvers.backends.cvxpy import STATUSES
from solvers.errors import SolverFailed
from solvers.money import Bool, Float64, Int64

_TOLERANCE = 1e-7


class GroupModel:
    """min sum w_i (a h_i^2 / 2 - b gain_i h_i + c churn_i h_i^p) over caps, the amount and group limits.

    The weights a, b, c, the amount and the limits are parameters (disciplined parametrised programming), so that
    cvxpy compiles the program at the first solve and fills in numbers at the next. What is fixed: n accounts of
    endowments w and caps in the same money, their gain and churn, p >= 1, and the G groups.

    In units of the mean haircut s = amount / sum w, with weights of mean one and v = sqrt(w) h / s, so that heavy and
    light accounts weigh the same; costs are divided by the largest of their coefficients. Nobody loses more than the
    amount, so a cap above that is brought down to it.
    """

    def __init__(
        self, w: Float64, caps: Float64, amount: float, gain: Float64, churn: Float64, p: float, groups: Sequence[Int64]
    ) -> None:
        cp: Any = import_module("cvxpy")  # 2 s, so not before it is needed

        n, s, roots = len(w), amount / float(w.sum()), np.sqrt(w / float(w.mean()))
        v = cp.Variable(n, bounds=[np.zeros(n), roots * (np.minimum(caps, amount) / w / s)])
        self._solver, self._failure = cp.CLARABEL, cp.SolverError
        self._unit = amount / n
        self._weights, self._largest = cp.Parameter(3, nonneg=True), np.full(3, s)
        self._amount, self._limits = cp.Parameter(nonneg=True), cp.Parameter(len(groups), nonneg=True)
        cost = self._weights[0] * cp.sum_squares(v) / 2
        with np.errstate(over="ignore", invalid="ignore"):
            gains, churns = gain * roots, churn * s ** (p - 1) * roots ** (2 - p)
        self._largest = np.array([s, *(float(np.abs(part).max()) or 1.0 for part in (gains, churns))])
        if not np.isfinite(self._largest).all():
            raise SolverFailed("the coefficients of the convex program are beyond the doubles")
        if gain.any():
            cost -= self._weights[1] * ((gains / self._largest[1]) @ v)
        if churn.any():
            power = v if p == 1 else cp.power(v, p)
            cost += self._weights[2] * ((churns / self._largest[2]) @ power)
        columns = np.concatenate(groups)
        starts = np.cumsum([0, *map(len, groups)])
        members = scipy.sparse.csr_array((roots[columns], columns, starts), shape=(len(groups), n))
        self._within = members @ v <= self._limits
        self._program = cp.Problem(cp.Minimize(cost), [roots @ v == self._amount, self._within])

    def binding(self, weights: Float64, amount: float, limits: Float64) -> Bool:
        """Which limits bind at the optimum, as far as Clarabel's accuracy: whose price is above what they leave.

        weights   (a, b, c).  Raises SolverFailed or SolverTimeout by STATUSES.
        """
        logarithms = np.log(np.where(weights > 0, weights, 1.0)) + np.log(self._largest)
        shares = np.exp(logarithms - logarithms[weights > 0].max())
        self._weights.value = np.where(weights > 0, shares, 0.0)
        self._amount.value, self._limits.value = amount / self._unit, limits / self._unit
        status: object = "solver_error"
        try:
            with warnings.catch_warnings(action="ignore", category=UserWarning):  # the status says as much
                self._program.solve(
                    solver=self._solver,
                    tol_gap_abs=_TOLERANCE,
                    tol_gap_rel=_TOLERANCE,
                    tol_feas=_TOLERANCE,
                    max_threads=1,
                )
            status = self._program.status
        except (self._failure, ValueError):  # cvxpy refuses some large powers
            status = "solver_error"
        error = STATUSES.get(str(status), SolverFailed)
        if error is not None:
            raise error(f"Clarabel ended with status {status}")
        slack = self._limits.value - self._within.args[0].value
        return np.asarray(self._within.dual_value > np.maximum(slack, 0.0), np.bool_)
