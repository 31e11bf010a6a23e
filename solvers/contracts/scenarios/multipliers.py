"""Multipliers of the program over scenarios, and what they weigh each pair of account and scenario by."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from solvers.contracts.scenarios.venue import Venue
from solvers.money import Float64, Int64


@dataclass(frozen=True)
class Multipliers:
    """What proves a bound.

    price      m dollars a lot of each demand: what one more lot adds to the objective
    q          S weights of scenarios
    account, scenario, y    pairs whose loss counts by y instead of by q_s or nothing: those near the kink
    """

    price: Float64
    q: Float64
    account: Int64
    scenario: Int64
    y: Float64


@dataclass(frozen=True)
class Proof:
    """What bounds the program: prices of whole demands, q, y of each block's pairs, tolls of n whole caps."""

    price: Float64
    q: Float64
    y: list[Float64]
    toll: Float64


def marginal(venue: Venue, lots: Float64, multipliers: Multipliers) -> Float64:
    """What one more lot of each arc adds to the losses so weighted, A dollars."""
    found = np.zeros(len(lots))
    for _, arcs, _, _, moved in weighted(venue, lots, multipliers):
        found[arcs] = moved
    return found


def weighted(
    venue: Venue, lots: Float64, multipliers: Multipliers
) -> Iterator[tuple[Int64, Int64, Float64, Float64, Float64]]:
    """Accounts, their arcs, y, u and sum_s y_is slope_as, a few accounts at a time."""
    order = np.lexsort((multipliers.scenario, multipliers.account))
    account, scenario, named = (part[order] for part in (multipliers.account, multipliers.scenario, multipliers.y))
    none = np.zeros(len(lots))
    for (rows, before), (_, after) in zip(venue.margins(none), venue.margins(lots), strict=True):
        y = np.where(after > 0, multipliers.q, 0.0)
        first, last = rows[0], rows[-1] + 1
        some = slice(*np.searchsorted(account, (first, last)))
        y[account[some] - first, scenario[some]] = np.minimum(named[some], multipliers.q[scenario[some]])
        arcs = np.arange(*np.searchsorted(venue.account, (first, last)))
        share = y[venue.account[arcs] - first]
        yield rows, arcs, y, before, (share * venue.slopes(arcs)).sum(axis=1)


def worst_weights(losses: Float64, weights: Float64) -> Float64:
    """The q, 0 <= q <= weights and sum q = 1, of the largest sum q_s L_s, for weights that add up to 1 or more."""
    order = np.argsort(-losses, kind="stable")
    before = np.cumsum(weights[order]) - weights[order]
    q = np.empty(len(losses))
    q[order] = np.clip(1 - before, 0, weights[order])
    return q
