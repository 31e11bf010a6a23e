"""Dense matrices by tiles so small that BLAS gives each to one thread.

With all cores busy its threads wait for one another a hundred times as long as the work takes.
"""

import numpy as np

from solvers.money import Float64

TILE = 48
"""Side of a tile: products of two are below OpenBLAS' threshold for threads."""


_ONE_THREAD, _LOW = 2**18, 8
"""Multiplications that BLAS gives to one thread; tiles lower than this cost more than threads do."""


def lower(matrix: Float64) -> Float64:
    """L with L L' = matrix, symmetric and positive definite. Raises LinAlgError where it is not."""
    n = len(matrix)
    count = -(-n // TILE)
    padded = np.eye(count * TILE)
    padded[:n, :n] = matrix
    tiles = np.ascontiguousarray(padded.reshape(count, TILE, count, TILE).transpose(0, 2, 1, 3))
    for k in range(count):
        tiles[k, k] = np.linalg.cholesky(tiles[k, k])
        tiles[k, k + 1 :] = 0.0
        panel = tiles[k + 1 :, k] @ np.linalg.inv(tiles[k, k]).T
        tiles[k + 1 :, k] = panel
        tiles[k + 1 :, k + 1 :] -= panel[:, None] @ panel.transpose(0, 2, 1)
    found: Float64 = tiles.transpose(0, 2, 1, 3).reshape(count * TILE, -1)[:n, :n]
    return found


def gram(matrix: Float64) -> Float64:
    """matrix' matrix, for many rows."""
    rows, columns = matrix.shape
    height = _ONE_THREAD // columns**2
    if height < _LOW:
        found: Float64 = matrix.T @ matrix
        return found
    whole = rows - rows % height
    tiles = matrix[:whole].reshape(-1, height, columns)
    rest = matrix[whole:]
    total: Float64 = (tiles.transpose(0, 2, 1) @ tiles).sum(axis=0) + rest.T @ rest
    return total
