"""Covariances of price moves: what is refused, and the leading factors of one."""

from collections.abc import Sequence

import numpy as np

from solvers.contracts.book import Markets
from solvers.errors import ProblemError
from solvers.money import Float64

Matrix = Sequence[Sequence[float]]
"""Rows of numbers, as they come."""

ROUNDING = 1e-9
"""Correlations may be this far from symmetric, or an eigenvalue of theirs this far below zero, and be rounding."""


def checked(covariance: Matrix | Float64, markets: Markets) -> Float64:
    """The covariance as an M x M array, exactly symmetric.

    covariance    in units of price squared, in the order of the markets; positive semidefinite, singular allowed
    Refused, naming `covariance`: another shape, numbers that are not finite, asymmetry or a negative eigenvalue of the
    correlations beyond rounding, moves with a variance of zero that covary with others.
    """
    try:
        S = np.array(covariance, np.float64)
    except (TypeError, ValueError):
        S = np.zeros(0)
    if S.shape != (len(markets), len(markets)):
        raise ProblemError("covariance", f"must be {len(markets)} rows of {markets.shape}")
    if not np.isfinite(S).all():
        raise ProblemError("covariance", "must be finite")
    variance = S.diagonal()
    if (variance < 0).any():
        raise ProblemError("covariance", "has a negative variance on its diagonal")
    moving = variance > 0
    if S[~moving].any() or S[:, ~moving].any():
        raise ProblemError("covariance", "has a market of variance zero that covaries with another")
    deviation = np.sqrt(np.where(moving, variance, 1.0))
    correlations = S / deviation[:, None] / deviation
    apart = np.abs(correlations - correlations.T)
    if float(apart.max(initial=0.0)) > ROUNDING:
        row, column = sorted(np.unravel_index(int(apart.argmax()), apart.shape))
        detail = f"must be symmetric to {ROUNDING:g} of the two deviations; rows {row} and {column} are not"
        raise ProblemError("covariance", detail)
    correlations = (correlations + correlations.T) / 2
    if float(np.linalg.eigvalsh(correlations).min(initial=0.0)) < -ROUNDING * len(markets):
        raise ProblemError("covariance", "must be positive semidefinite: one of its eigenvalues is below zero")
    symmetric: Float64 = (S + S.T) / 2
    return symmetric


def leading(covariance: Float64, factors: int) -> Float64:
    """V, M x K: the K leading eigenvectors times the roots of their eigenvalues, so that V V' stands for S.

    Refused, naming `factors`: fewer than one, or more than there are markets. Each column's largest entry is positive.
    """
    if not 1 <= factors <= len(covariance):
        raise ProblemError("factors", f"must lie between 1 and {len(covariance)}, the number of markets")
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1][:factors], vectors[:, ::-1][:, :factors]
    largest = vectors[np.argmax(np.abs(vectors), axis=0), np.arange(factors)]
    found: Float64 = vectors * np.sign(largest) * np.sqrt(np.maximum(values, 0.0))
    return found
