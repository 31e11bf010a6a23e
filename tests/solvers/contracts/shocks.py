"""Closing problems with price scenarios, and the plain linear program over them as an oracle."""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack, vstack

from solvers.contracts.problem import ClosureProblem
from solvers.money import Float64
from solvers.robustness.laws import Scenarios


def worth(problem: ClosureProblem) -> Float64:
    """Dollars a lot of each market is worth at the mark."""
    pairs = zip(problem.markets.lots, problem.markets.marks, strict=True)
    return np.array([float(size * mark) for size, mark in pairs])


def shocked(problem: ClosureProblem, moves: Any, weights: Any = None) -> ClosureProblem:
    """With scenarios of one move a market, and the exposures that wealth space asks for."""
    rows = problem.positions
    exposure = np.zeros((len(problem.accounts.ids), len(problem.markets)))
    exposure[rows.account, rows.market] = problem.lots * worth(problem)[rows.market]
    shock = Scenarios(np.array(moves, np.float64), None if weights is None else np.array(weights, np.float64))
    return replace(problem, accounts=replace(problem.accounts, exposure=exposure), shock=shock)


def random_moves(seed: int, scenarios: int, markets: int, size: float = 0.05) -> Float64:
    """Heavy-tailed moves with a common part."""
    rng = np.random.default_rng([20251010, seed, 6])
    common = rng.standard_t(3, (scenarios, 1)) * rng.uniform(0.5, 1.5, markets)
    found: Float64 = np.clip(size * (common + 0.7 * rng.standard_t(3, (scenarios, markets))), -0.95, 3)
    return found


def levered(problem: ClosureProblem, seed: int, most: float = 50.0) -> ClosureProblem:
    """With cash such that solvent accounts have gross leverage from 1 to `most`, log-uniform."""
    rng = np.random.default_rng([20251010, seed, 7])
    leverage = np.exp(rng.uniform(0, np.log(most), len(problem.accounts.ids)))
    equity = np.rint(problem.account_notional / leverage * 10.0**problem.accounts.precision).astype(np.int64)
    cash = np.where(problem.account_equity_units > 0, equity - problem.account_pnl_units, problem.accounts.cash_units)
    return replace(problem, accounts=replace(problem.accounts, cash_units=cash))


def losses_by_hand(problem: ClosureProblem, lots: Any) -> Float64:
    """L_s of a closing, account by account and scenario by scenario, straight from the definition."""
    shock, value, unit = problem.shock, worth(problem), 10.0**problem.accounts.precision
    assert isinstance(shock, Scenarios)
    held = problem.lots.astype(np.float64)
    paid = np.zeros(len(problem.accounts.ids))
    for arc, closed in enumerate(np.asarray(lots, np.float64).tolist()):
        position = int(problem.arcs.position[arc])
        held[position] -= np.sign(held[position]) * closed
        paid[problem.positions.account[position]] += closed * float(problem.gaps[problem.arcs.demand[arc]]) / unit
    total = np.zeros(len(shock.moves))
    for account, units in enumerate(problem.account_equity_units.tolist()):
        if units <= 0:
            continue
        rows = np.flatnonzero(problem.positions.account == account)
        markets = problem.positions.market[rows]
        for place, move in enumerate(shock.moves):
            gain = float((held[rows] * value[markets] * move[markets]).sum())
            total[place] += max(-(units / unit - paid[account]) - gain, 0.0)
    return total


def plain(problem: ClosureProblem, need: Float64, level: float | None) -> float:
    """The least expected deficit or CVaR by linprog, a variable for every account in every scenario."""
    shock, value, unit, arcs = problem.shock, worth(problem), 10.0**problem.accounts.precision, problem.arcs
    assert isinstance(shock, Scenarios)
    exposure = np.zeros((len(problem.accounts.ids), len(problem.markets)))
    exposure[problem.positions.account, problem.positions.market] = problem.lots * value[problem.positions.market]
    solvent = np.flatnonzero(problem.account_equity_units > 0)
    arcs_in_all, n, many = len(arcs.lots), len(solvent), len(shock.moves)
    held = arcs.lots.astype(np.float64)
    market = problem.positions.market[arcs.position]
    sign = np.sign(problem.lots[arcs.position])
    gap = problem.gap_floats[arcs.demand] / unit
    margins = -(problem.account_equity_units[solvent] / unit)[:, None] - exposure[solvent] @ shock.moves.T
    scale = max(float(np.abs(margins).mean()), 1e-300)
    place = np.full(len(problem.accounts.ids), -1)
    place[solvent] = np.arange(n)
    slope = (gap[:, None] + (sign * value[market])[:, None] * shock.moves[:, market].T) * held[:, None] / scale
    owner = place[arcs.bearer]
    rows = (owner[:, None] * many + np.arange(many)).ravel()
    pairs = csr_array((slope.ravel(), (rows, np.repeat(np.arange(arcs_in_all), many))), shape=(n * many, arcs_in_all))
    loss = -csr_array((np.ones(n * many), (np.arange(n * many), np.arange(n * many))), shape=(n * many, n * many))
    extra = 0 if level is None else 1 + many
    blocks: list[Any] = [hstack([pairs, loss, csr_array((n * many, extra))]) if extra else hstack([pairs, loss])]
    limits = [-margins.ravel() / scale]
    if level is None:
        cost = np.concatenate((np.zeros(arcs_in_all), np.tile(shock.probabilities, n)))
    else:
        sums = csr_array(
            (np.ones(n * many), (np.tile(np.arange(many), n), np.arange(n * many))), shape=(many, n * many)
        )
        free = csr_array(np.hstack((-np.ones((many, 1)), -np.eye(many))))
        blocks.append(hstack([csr_array((many, arcs_in_all)), sums, free]))
        limits.append(np.zeros(many))
        cost = np.concatenate((np.zeros(arcs_in_all + n * many), [1.0], shock.probabilities / (1 - level)))
    caps = problem.wealth.cap_units[solvent] / unit
    priced = np.flatnonzero(gap > 0)
    large = np.maximum(caps, 1e-6)
    spend = csr_array(
        (gap[priced] * held[priced] / large[owner[priced]], (owner[priced], priced)), shape=(n, len(cost))
    )
    blocks.append(spend)
    limits.append(caps / large)
    share = np.divide(held, need[arcs.demand], out=np.zeros(arcs_in_all), where=need[arcs.demand] > 0)
    closing = csr_array((share, (arcs.demand, np.arange(arcs_in_all))), shape=(len(need), len(cost)))
    some = np.flatnonzero(need > 0)
    bounds = (
        [(0.0, 1.0 if one > 0 else 0.0) for one in share]
        + [(0.0, None)] * (n * many)
        + ([] if level is None else [(None, None)] + [(0.0, None)] * many)
    )
    found = linprog(
        cost, vstack(blocks), np.concatenate(limits), closing[some], np.ones(len(some)), bounds, method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )  # fmt: skip
    assert found.status == 0, found.message
    return float(found.fun) * scale
