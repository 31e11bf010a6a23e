"""The worst part of a distribution of losses: its quantile, its mean, and its weights."""

from math import fsum

import numpy as np

from solvers.money import Float64

_REACHED = 1e-12
"""Cumulative weights within this of the level have reached it: twenty scenarios of 0.05 add up to no exact 0.95."""


def at_risk(losses: Float64, probabilities: Float64, level: float) -> tuple[float, float]:
    """(VaR, CVaR) of S losses. VaR: the smallest loss whose cumulative probability reaches the level. CVaR
    (Rockafellar-Uryasev): VaR + sum_s p_s max(L_s - VaR, 0) / (1 - level).
    """
    ascending = np.argsort(losses, kind="stable")
    var = float(losses[ascending[_place(probabilities[ascending], level)]])
    excess = fsum((probabilities * np.maximum(losses - var, 0.0)).tolist())
    return var, var + excess / (1 - level)


def tail_weights(losses: Float64, probabilities: Float64, level: float) -> Float64:
    """S weights q, 0 <= q_s <= p_s / (1 - level), that add up to 1, with sum q_s L_s = CVaR."""
    ascending = np.argsort(losses, kind="stable")
    place = _place(probabilities[ascending], level)
    weights = np.zeros(len(losses))
    above = ascending[place + 1 :]
    weights[above] = probabilities[above] / (1 - level)
    weights[ascending[place]] = max(1 - fsum(weights.tolist()), 0.0)
    return weights


def admissible(weights: Float64, probabilities: Float64, level: float) -> Float64:
    """The nearest weights, more or less, with 0 <= q_s <= p_s / (1 - level) that add up to 1."""
    most = probabilities / (1 - level)
    clipped = np.clip(weights, 0.0, most)
    missing, room = 1 - fsum(clipped.tolist()), most - clipped
    if missing <= 0:
        return clipped / fsum(clipped.tolist())
    # What is missing goes first to scenarios that have a weight already.
    for some in (room * (clipped > 0), room):
        if fsum(some.tolist()) >= missing:
            return clipped + some * (missing / fsum(some.tolist()))
    return most / fsum(most.tolist())


def _place(probabilities: Float64, level: float) -> int:
    """Where the cumulative probability first reaches the level."""
    place: np.intp = np.searchsorted(np.cumsum(probabilities), level - _REACHED)
    return min(int(place), len(probabilities) - 1)
