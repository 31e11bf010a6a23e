"""Laws of the next shock: the expected loss of an account as a function of its margin, without cancellation.

An account of equity e and gross notional n > 0 has the margin u = e / n, a ratio; the shock is a relative move Z,
and the account loses n max(-u - Z, 0) dollars (arXiv 2512.01112, section 6; the closed forms are MODEL 3's).

Symmetric continuous laws, z = |u| / s for a law of unit s and standard density f:
    psi(u) = s M(z) + max(-u, 0),   M(z) = integral over t > z of (t - z) f(t) dt
           = s (A(z) f(z) - z F(-z)) + max(-u, 0),   A = 1 (normal), (df + z^2) / (df - 1) (student-t).
The difference loses all digits as z grows, so M is taken as g(z) b(z) with g = f (1 + z^2/df), and
    b(z) = 1 / (df - 1) + H(z),   H(z) = 1 - z F(-z) / g(z);   df -> infinity is the normal law.
H comes from its definition below z = 5, and from there on from Gauss's continued fraction of F(-z), every term
of which is positive: F(-z) = g(z) / z 2F1(1/2, 1; df/2 + 1; -df/z^2).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import gamma, inf, isfinite, log, pi, sqrt
from typing import Protocol

import numpy as np
import scipy  # its submodules load on first use: scipy.special alone takes 0.15 s

from solvers.errors import ProblemError
from solvers.money import Float64

FAR = 5.0
"""From this z on, `DEPTH` terms of the continued fraction are exact to 1e-14 for every df > 1."""
DEPTH = 24
HUGE = 1e100
"""From this z on, log(1 + z^2/df) is 2 log z - log df in doubles, and z^2 need not be formed."""
KINK = 2.0**-46
"""Losses smaller than this part of what was at stake are rounding at the kink, where a loss is exactly nothing."""
BLOCK = 2**16
"""Losses (accounts times scenarios) held at a time, twice, 1 MB in all: the processor's own memory."""


class Law(Protocol):
    """A law of the relative move Z of one factor; all but the tail of one are symmetric about zero.

    `u` is an array of margins of any shape and sign, never NaN; answers have its shape.
    """

    def expected_loss(self, u: Float64) -> Float64:
        """psi(u) = E[max(-u - Z, 0)], a fraction of notional: convex, decreasing, psi(-u) = psi(u) + u."""
        ...

    def log_expected_loss(self, u: Float64) -> Float64:
        """log psi(u), to rank accounts whose psi is below the smallest double; -inf where psi is exactly 0."""
        ...

    def tail(self, u: Float64) -> Float64:
        """P(Z < -u) = -psi'(u), the chance that the account goes under water."""
        ...


class _Continuous(ABC):
    """`expected_loss` and its logarithm, from the two factors of M."""

    @property
    @abstractmethod
    def _unit(self) -> float:
        """s, the unit of z = |u| / s."""

    @abstractmethod
    def _factors(self, z: Float64) -> tuple[Float64, Float64]:
        """log g and b with M = g b, at z >= 0."""

    def expected_loss(self, u: Float64) -> Float64:
        """psi(u) to a relative 1e-12 down to the smallest normal double, 0 from there on."""
        with np.errstate(over="ignore"):
            log_g, b = self._factors(np.abs(u) / self._unit)
        return self._unit * np.exp(log_g) * b + np.maximum(-u, 0.0)

    def log_expected_loss(self, u: Float64) -> Float64:
        """log psi(u); finite as long as z^2 is (normal), or for every finite z (student-t)."""
        with np.errstate(over="ignore", divide="ignore"):
            log_g, b = self._factors(np.abs(u) / self._unit)
            inside = log(self._unit) + log_g + np.log(b)
            beyond = np.log(self._unit * np.exp(log_g) * b + np.maximum(-u, 0.0))
        return np.where(u > 0, inside, beyond)


@dataclass(frozen=True)
class Normal(_Continuous):
    """Z = sigma N(0, 1). psi(u) = sigma pdf(z) - u cdf(-z), z = u / sigma. Refused: sigma not above 0."""

    sigma: float

    def __post_init__(self) -> None:
        _require_positive("sigma", self.sigma)

    @property
    def _unit(self) -> float:
        return self.sigma

    def _factors(self, z: Float64) -> tuple[Float64, Float64]:
        near = z < FAR
        b = np.empty_like(z)
        b[near] = 1 - sqrt(pi / 2) * z[near] * scipy.special.erfcx(z[near] / sqrt(2))
        b[~near] = _fraction(z[~near], [float(j) for j in range(1, DEPTH + 1)])
        return -z * z / 2 - log(2 * pi) / 2, b

    def tail(self, u: Float64) -> Float64:
        with np.errstate(over="ignore"):
            return scipy.special.ndtr(-u / self.sigma)

    def ppf(self, p: float) -> float:
        """The p-quantile of Z, min {x: P(Z <= x) >= p}, for p in [0, 1]."""
        return self.sigma * float(scipy.special.ndtri(p))


@dataclass(frozen=True)
class StudentT(_Continuous):
    """Z = scale t, t Student's with df degrees of freedom; scale is not the standard deviation.

    psi(u) = scale ((df + z^2) / (df - 1) f(z) - z F(-z)), z = u / scale. Refused: scale not above 0, and
    df <= 1, for which the expected loss is infinite.
    """

    df: float
    scale: float

    def __post_init__(self) -> None:
        if not (isfinite(self.df) and self.df > 1):
            raise ProblemError("df", "must be finite and above 1: with df <= 1 the expected loss is infinite")
        _require_positive("scale", self.scale)

    @property
    def _unit(self) -> float:
        return self.scale

    def _factors(self, z: Float64) -> tuple[Float64, Float64]:
        df, near = self.df, z < FAR
        growth = np.log1p(np.minimum(z, HUGE) ** 2 / df) + 2 * np.log(np.maximum(z, HUGE) / HUGE)
        log_g = _log_student_constant(df) - (df - 1) / 2 * growth
        b = np.empty_like(z)
        b[near] = 1 - z[near] * scipy.special.stdtr(df, -z[near]) / np.exp(log_g[near])
        b[~near] = _fraction(z[~near], [_student_coefficient(df, j) for j in range(1, DEPTH + 1)])
        return log_g, b + 1 / (df - 1)

    def tail(self, u: Float64) -> Float64:
        with np.errstate(over="ignore"):
            return np.asarray(scipy.special.stdtr(self.df, -u / self.scale), np.float64)

    def ppf(self, p: float) -> float:
        """The p-quantile, by both inverse incomplete betas: x = df / (df + t^2) and 1 - x keep their digits.

        For p >= 1e-150. scipy's own stdtrit answers +inf for tiny p.
        """
        half, below = self.df / 2, min(p, 1 - p)
        x = float(scipy.special.betaincinv(half, 0.5, 2 * below))
        rest = float(scipy.special.betainccinv(0.5, half, 2 * below))
        t = sqrt(self.df) * sqrt(rest / x) if x > 0 else inf
        return self.scale * (-t if p < 0.5 else t)


@dataclass(frozen=True)
class TwoPoint:
    """Z = +size or -size, each with probability 1/2. Refused: size not above 0.

    psi(u) = (max(size - u, 0) + max(-size - u, 0)) / 2. At its kinks `tail` is the right derivative of -psi.
    """

    size: float

    def __post_init__(self) -> None:
        _require_positive("size", self.size)

    def expected_loss(self, u: Float64) -> Float64:
        return _beyond(self.size - u, self.size) / 2 + _beyond(-self.size - u, self.size) / 2

    def log_expected_loss(self, u: Float64) -> Float64:
        with np.errstate(divide="ignore"):
            return np.log(self.expected_loss(u))

    def tail(self, u: Float64) -> Float64:
        return ((u < self.size).astype(np.float64) + (u < -self.size)) / 2

    def ppf(self, p: float) -> float:
        """The p-quantile."""
        return -self.size if p <= 0.5 else self.size


@dataclass(frozen=True)
class Scenarios:
    """S joint moves of F factors: account i loses max(-e_i - (exposure_i . m_s), 0) dollars in scenario s.

    moves     S x F, relative moves, a row a scenario
    weights   S non-negative numbers, only their proportions matter; None makes all scenarios equally likely

    Below, `equity` is n dollars and `exposure` n x F signed dollars, long is positive. Sums over scenarios are
    elementwise and not BLAS products, whose last digit depends on where in the block an account stands.
    Refused: empty or non-finite moves, weights that are negative, all zero, not finite or not S in number.
    """

    moves: Float64
    weights: Float64 | None = None

    def __post_init__(self) -> None:
        if self.moves.ndim != 2 or not self.moves.size:
            raise ProblemError("moves", "must be a row a scenario and a column a factor, at least one of each")
        if not np.isfinite(self.moves).all():
            raise ProblemError("moves", "must be finite")
        if self.weights is None:
            return
        if self.weights.shape != (len(self.moves),):
            raise ProblemError("weights", f"must be one number a scenario: {len(self.moves)}")
        if not (np.isfinite(self.weights).all() and (self.weights >= 0).all() and self.weights.any()):
            raise ProblemError("weights", "must be finite and not negative, and at least one above 0")

    @cached_property
    def probabilities(self) -> Float64:
        """The S weights, scaled to add up to 1."""
        relative = np.ones(len(self.moves)) if self.weights is None else self.weights / self.weights.max()
        shares: Float64 = relative / relative.sum()
        return shares

    def expected_shortfall(self, equity: Float64, exposure: Float64) -> Float64:
        """sum_s p_s max(-e_i - (exposure_i . m_s), 0): n dollars, an account's depending on its own row alone."""
        expected = np.empty(len(equity))
        for rows, margins in self.margins(equity, exposure):
            losses = np.maximum(margins, 0.0, out=margins)
            expected[rows] = np.multiply(losses, self.probabilities, out=losses).sum(axis=1)
        return expected

    def margins(self, equity: Float64, exposure: Float64) -> Iterator[tuple[slice, Float64]]:
        """-e_i - exposure_i . m_s of some accounts in all scenarios: what they lose where it is above 0, exactly 0 at
        the kink. The array is used again for the next block.
        """
        count, (scenarios, factors) = len(equity), self.moves.shape
        if exposure.shape != (count, factors):
            raise ProblemError("exposure", f"must be signed dollars for each factor of the shock, {factors} an account")
        columns = np.ascontiguousarray(self.moves.T)
        height = max(1, min(BLOCK // scenarios, count))
        margins, change = np.empty((2, height, scenarios))
        for start in range(0, count, height):
            rows = slice(start, min(start + height, count))
            part, scratch = margins[: rows.stop - start], change[: rows.stop - start]
            part[:] = -equity[rows, None]
            for factor, moves in enumerate(columns):
                part -= np.multiply(exposure[rows, factor, None], moves, out=scratch)
            np.abs(part, out=scratch)
            part[scratch <= KINK * np.abs(equity[rows, None])] = 0.0
            yield rows, part


Parametric = Normal | StudentT | TwoPoint
Shock = Parametric | Scenarios


def _beyond(loss: Float64, at_stake: float) -> Float64:
    """max(loss, 0), where a loss of rounding alone is none."""
    return np.where(loss > KINK * at_stake, loss, 0.0)


def _require_positive(field: str, value: float) -> None:
    if not (isfinite(value) and value > 0):
        raise ProblemError(field, "must be finite and above 0")


def _fraction(z: Float64, k: list[float]) -> Float64:
    """H = k1 v / (1 + k1 v + T), T = k2 v / (1 + k3 v / (1 + ...)), v = 1 / z^2; z >= FAR."""
    v = 1 / (z * z)
    rest = np.zeros_like(z)
    for kj in reversed(k[1:]):
        rest += 1
        np.divide(kj * v, rest, out=rest)
    return k[0] * v / (1 + k[0] * v + rest)


def _student_coefficient(df: float, j: int) -> float:
    """Coefficient j of Gauss's fraction for 2F1(1/2, 1; c; -df v), c = df/2 + 1, times df; tends to j as df grows."""
    c, m = df / 2 + 1, j // 2
    if j % 2:
        return df / (c + 2 * m) * (m + 0.5) * ((c + m - 1) / (c + 2 * m - 1))
    return df / (c + 2 * m - 1) * m * ((c + m - 1.5) / (c + 2 * m - 2))


def _log_student_constant(df: float) -> float:
    """log f(0) = log(Gamma((df + 1)/2) / (sqrt(df pi) Gamma(df/2))); from df = 200 on by Stirling's series."""
    a = df / 2
    if a < 100:
        return log(gamma(a + 0.5) / gamma(a)) - log(df * pi) / 2
    r = 1 / a
    return r * (-1 / 8 + r * r * (1 / 192 - r * r / 640)) - log(2 * pi) / 2
