"""Elimination without BLAS: its last digit depends on nothing but the numbers, and small systems come many at a time.

A threaded BLAS may split a product otherwise on another machine, and waits for other processes on a busy one.
"""

import numpy as np

from solvers.money import Float64

SMALL = 6
"""Matrices up to this size are inverted entry by entry for all accounts at once."""

_PIVOT = 1e-14
"""Pivots of a matrix with ones on its diagonal that are smaller than this are rounding."""


def inverses(matrices: Float64) -> Float64:
    """The inverses of N positive definite matrices n x n, given and returned as n x n x N."""
    n = len(matrices)
    if n == 1:
        return 1 / matrices
    if n > SMALL:
        found = np.linalg.inv(np.moveaxis(matrices, 2, 0))
        return np.ascontiguousarray(np.moveaxis(found, 0, 2))
    A = matrices.copy()
    for k in range(n):
        pivot = 1 / A[k, k]
        row, column = A[k] * pivot, A[:, k].copy()
        for i in range(n):
            if i != k:
                A[i] -= column[i] * row
                A[i, k] = -column[i] * pivot
        A[k] = row
        A[k, k] = pivot
    return A


def solved(matrix: Float64, right: Float64) -> Float64:
    """x with A x = b, of one symmetric positive definite matrix m x m of any scaling."""
    scale = 1 / np.sqrt(matrix.diagonal())
    A, x = matrix * scale[:, None] * scale, right * scale
    m = len(x)
    for k in range(m - 1):
        column = A[k + 1 :, k] / max(float(A[k, k]), _PIVOT)
        A[k + 1 :, k + 1 :] -= np.multiply.outer(column, A[k, k + 1 :])
        x[k + 1 :] -= column * x[k]
    for k in range(m - 1, -1, -1):
        rest = float(np.add.reduce(A[k, k + 1 :] * x[k + 1 :]))
        x[k] = (x[k] - rest) / max(float(A[k, k]), _PIVOT)
    return x * scale
