"""Rank inversions: pairs of which the richer ends below the poorer."""

import numpy as np

from solvers.money import Int64

_SIDE = 64
_MOST_CELLS = 4_000_000
_AT_ONCE = 1 << 20


def rank_inversions(before: Int64, after: Int64) -> int:
    """Pairs with before_i > before_j and after_i + 1 < after_j.

    Accounts stand in a row by descending `before`, cut into blocks, and `after` is cut into buckets of as many
    accounts. For account j the accounts ahead of it that count are those in earlier blocks and lower buckets (a table
    of sums), those in earlier blocks in the bucket where the limit after_j - 1 falls, and those in its own block
    (both compared one by one).
    """
    n = len(before)
    by_after = np.argsort(after)
    place = np.empty(n, np.int64)
    place[by_after] = np.arange(n)
    by_before = np.argsort(before)
    steps = np.diff(before[by_before], prepend=before[by_before[:1]]) > 0
    key = np.empty(n, np.int64)
    key[by_before] = np.cumsum(steps) * n
    # Of equal `before` the one with more `after` comes first, so that no such pair counts.
    order = np.argsort(key + place)[::-1]
    values = after[order]
    least = np.minimum.accumulate(values)
    passing = np.flatnonzero(values > least + 1)
    if not passing.size:
        return 0
    ascending = after[by_after]
    limit = np.empty(n, np.int64)
    limit[by_after] = np.searchsorted(ascending, ascending - 1)
    return _ahead_and_below(place[order], passing, limit[order[passing]])


def _ahead_and_below(place: Int64, places: Int64, limits: Int64) -> int:
    """Pairs i < j, j in `places`, with place_i < the limit of j; `place` is a permutation, 0 <= limit <= n."""
    n, side = len(place), _SIDE
    while (n // side) ** 2 > _MOST_CELLS:
        side *= 2
    blocks = -(-n // side)
    in_block = np.full((blocks, side), n, np.int32)
    in_block.flat[:n] = place
    in_bucket = np.full((blocks, side), n, np.int32)
    in_bucket.flat[place] = np.arange(n)
    cells = np.bincount(np.arange(n) // side * blocks + place // side, minlength=blocks**2).reshape(blocks, blocks)
    table = np.zeros((blocks + 1, blocks + 1), np.int32)
    np.cumsum(np.cumsum(cells, axis=0, dtype=np.int32), axis=1, out=table[1:, 1:])

    block, ahead = np.divmod(places.astype(np.int32), np.int32(side))
    bucket, below = np.divmod(limits.astype(np.int32), np.int32(side))
    count = int(table[block, bucket].sum(dtype=np.int64))
    start, limit, within = block * np.int32(side), limits.astype(np.int32), np.arange(side, dtype=np.int32)
    bucket = np.minimum(bucket, blocks - 1)  # nothing is below in the bucket after the last
    step = max(1, _AT_ONCE // side)
    for first in range(0, len(places), step):
        some = slice(first, first + step)
        own = (in_block[block[some]] < limit[some, None]) & (within < ahead[some, None])
        near = (in_bucket[bucket[some]] < start[some, None]) & (within < below[some, None])
        count += int(np.count_nonzero(own)) + int(np.count_nonzero(near))
    return count
