"""What a closing does to risk, as an answer shows it."""

from dataclasses import asdict
from functools import partial
from math import fsum
from typing import Any

from app.convert.figures import ratio, rounded
from solvers.contracts.risk import ClosingRisk
from solvers.money import Float64


def risk(found: ClosingRisk, precision: int) -> dict[str, Any]:
    put, draining, losses = partial(rounded, precision=precision), found.draining, found.losses
    before, after = draining.before, draining.after
    moves, normal = before.factor is not None, None
    if draining.shortfall_before is not None and draining.shortfall_after is not None:
        normal = {
            "expected_deficit_before": put(draining.shortfall_before),
            "expected_deficit_after": put(draining.shortfall_after),
        }
    scenarios = None
    if losses is not None:
        scenarios = {name: value if name == "level" else put(value) for name, value in asdict(losses).items()}
    return {
        "effective_leverage": _change(before.equity, before.effective, after.effective),
        "factor_leverage": _change(before.equity, before.factor, after.factor),
        "normal": normal,
        "scenarios": scenarios,
        "hedged_accounts": len(draining.hedged) if moves else None,
        "hedges_broken": len(draining.broken) if moves else None,
    }


def _change(equity: Float64, *leverages: Float64 | None) -> dict[str, float | None] | None:
    """The largest and the mean before and after; None where neither is known, null where nobody has equity."""
    whole, figures = fsum(equity.tolist()), dict[str, float | None]()
    for when, leverage in zip(("before", "after"), leverages, strict=True):
        if leverage is None:
            return None
        figures[f"max_{when}"] = ratio(float(leverage.max())) if whole else None
        figures[f"mean_{when}"] = ratio(fsum((leverage * equity).tolist()) / whole) if whole else None
    return figures
