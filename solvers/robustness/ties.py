"""What `cvar` leaves to fairness: haircuts that the worst cases do not depend on."""

import numpy as np

from solvers.between import fairest
from solvers.money import Bool, Float64
from solvers.robustness.tail_program import Venue
from solvers.robustness.worst import at_risk

_SAME = 1e-12
"""CVaRs within this of each other are the same."""

_AT_END = 1e-12
"""A haircut this far outside of a range of haircuts, relative to its end, is in it."""


def fair(venue: Venue, haircuts: Float64, weights: Float64, caps: Float64) -> tuple[Float64, Float64]:
    """Haircuts of the same CVaR: of the venue's accounts, and of the idle ones, with endowments and caps in dollars.

    Accounts that are alike get their mean haircut, which costs nothing, losses being convex. Accounts that lose
    nothing in the tail may pay as much more or less as keeps it so, and share what they all pay with the idle ones,
    capped-pro-rata. If that lifts another scenario into the tail, it is one more in which they must lose nothing.
    """
    w, n = venue.pieces.endowment, len(haircuts)
    haircuts = _alike(venue, haircuts)
    chances = venue.pieces.scenarios.probabilities
    losses = venue.losses(haircuts)
    var, cvar = at_risk(losses, chances, venue.level)
    tail = losses >= var
    while True:
        low, high = _lossless(venue, haircuts, tail)
        x, _ = fairest(
            np.concatenate((np.where(w > 0, w, 1.0), weights)),
            np.concatenate((w * low, np.zeros(len(caps)))),
            np.concatenate((w * high, caps)),
            venue.amount,
        )
        found = np.divide(x[:n], w, out=np.zeros(n), where=w > 0)
        found, idle = np.where(low < high, np.clip(found, low, high), haircuts), x[n:] / weights
        losses = venue.losses(found)
        more = (losses > var) & ~tail
        if at_risk(losses, chances, venue.level)[1] <= cvar * (1 + _SAME) or not more.any():
            return found, idle
        tail |= more


def _alike(venue: Venue, haircuts: Float64) -> Float64:
    if not len(haircuts):
        return haircuts
    pieces = venue.pieces
    figures = 0.0 + np.column_stack((pieces.equity, pieces.exposure, pieces.endowment, pieces.gap, venue.most))
    bytes_of = np.ascontiguousarray(figures).view(f"V{figures.shape[1] * figures.itemsize}")[:, 0]
    _, group, sizes = np.unique(bytes_of, return_inverse=True, return_counts=True)
    means = np.bincount(group, haircuts) / sizes
    return np.where(sizes[group] > 1, np.minimum(means[group], venue.most), haircuts)


def _lossless(venue: Venue, haircuts: Float64, tail: Bool) -> tuple[Float64, Float64]:
    """The haircuts with which an account loses nothing in these scenarios, if its own is one of them; else its own."""
    pieces = venue.pieces.in_scenarios(np.flatnonzero(tail))
    low, high = np.empty((2, len(haircuts)))
    for some, margins in pieces.blocks():
        a, b = pieces.linear(venue.model, some, margins)
        b = np.broadcast_to(b, a.shape)
        zero = np.divide(-a, b, out=np.where(a > 0, np.inf, -np.inf), where=b != 0)
        low[some] = np.where(b <= 0, zero, -np.inf).max(axis=1)
        high[some] = np.where(b > 0, zero, np.inf).min(axis=1)
    low, high = np.maximum(low, 0.0), np.minimum(high, venue.most)
    inside = (low < high) & (haircuts >= low * (1 - _AT_END)) & (haircuts <= high * (1 + _AT_END))
    return np.where(inside, low, haircuts), np.where(inside, high, haircuts)
