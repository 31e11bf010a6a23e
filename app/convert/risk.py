"""What a closing does to risk, as an answer shows it."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from math import fsum
from typing import Any

import numpy as np

from app.convert.figures import ratio, rounded
from solvers.contracts.problem import ClosureProblem
from solvers.contracts.risk import ClosingRisk
from solvers.contracts.scenarios.diagnostics import ClosingLosses
from solvers.money import Float64


def risk(problem: ClosureProblem, found: ClosingRisk) -> dict[str, Any]:
    put, draining = partial(rounded, precision=problem.accounts.precision), found.draining
    before, after = draining.before, draining.after
    equity = np.where(before.solvent, problem.account_equity_units, 0).astype(np.float64)
    moves = before.factor is not None
    shortfalls = {"before": draining.shortfall_before, "after": draining.shortfall_after}
    return {
        "effective_leverage": _change(equity, before.effective, after.effective),
        "factor_leverage": _change(equity, before.factor, after.factor),
        **{
            f"expected_shortfall_{when}": None if shortfall is None else put(shortfall)
            for when, shortfall in shortfalls.items()
        },
        "losses": None if found.losses is None else _losses(found.losses, put),
        "hedged_accounts": len(draining.hedged) if moves else None,
        "hedges_broken": len(draining.broken) if moves else None,
    }


def _change(equity: Float64, *leverages: Float64 | None) -> dict[str, float | None] | None:
    """Before and after, None where neither is known; `equity` is zero where an account's is not told."""
    whole = fsum(equity.tolist())
    figures: dict[str, float | None] = {}
    for when, leverage in zip(("before", "after"), leverages, strict=True):
        if leverage is None:
            return None
        figures[f"max_{when}"] = ratio(float(leverage.max())) if whole else None
        figures[f"mean_{when}"] = ratio(fsum((leverage * equity).tolist()) / whole) if whole else None
    return figures


def _losses(losses: ClosingLosses, put: Callable[[float], str]) -> dict[str, Any]:
    return {name: value if name == "level" else put(value) for name, value in asdict(losses).items()}
