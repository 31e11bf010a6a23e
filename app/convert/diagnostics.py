"""Diagnostics of an allocation, whoever made it, as an answer shows them."""

from dataclasses import asdict
from functools import partial
from typing import Any

from app.convert.figures import floored, money, ratio, rounded
from solvers.diagnostics.fairness import Fairness, fairness
from solvers.diagnostics.revenue import RevenueKept, revenue_kept
from solvers.diagnostics.robustness import Robustness, robustness
from solvers.diagnostics.screening import Screening, screening
from solvers.diagnostics.solvency import Solvency, solvency
from solvers.money import Int64
from solvers.problem import HaircutProblem


def diagnostics(
    problem: HaircutProblem, seized_units: Int64, *, least_churned: float | None = None, **view: Any
) -> dict[str, Any]:
    """All diagnostics; `view` is the exposure model and level of the robustness ones, where not the default.

    least_churned   a proven bound on the churned fees of this total, in dollars, where there is one
    """
    precision = problem.book.precision
    return {
        "solvency": _solvency(solvency(problem, seized_units), precision),
        "fairness": _fairness(fairness(problem, seized_units), precision),
        "robustness": _robustness(robustness(problem, seized_units, **view), precision),
        "revenue": _revenue(revenue_kept(problem, seized_units, least_churned), precision),
        "screening": _screening(screening(problem), precision),
    }


def _solvency(found: Solvency, precision: int) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for name, value in asdict(found).items():
        if name.endswith("_units"):
            answer[name.removesuffix("_units")] = None if value is None else money(value, precision)
        else:
            answer[name] = value
    return {**answer, "severity": floored(found.severity)}


def _fairness(found: Fairness, precision: int) -> dict[str, Any]:
    put = partial(money, precision=precision)
    regret, lorenz = found.fairness_regret_units, found.lorenz
    return {
        "ptsr": ratio(found.ptsr),
        "pmr": ratio(found.pmr),
        "max_haircut": ratio(found.max_haircut),
        "mean_haircut": ratio(found.mean_haircut),
        "top_winner_survival": ratio(found.top_winner_survival),
        "gini": ratio(found.gini),
        "jain": ratio(found.jain),
        "rank_inversions": found.rank_inversions,
        "lorenz": None if lorenz is None else [[ratio(p), ratio(share)] for p, share in lorenz],
        "versus": {"capped-pro-rata": found.versus_capped, "queue": found.versus_queue},
        "fairness_regret": None if regret is None else put(regret),
        "overshoot_regret": put(found.overshoot_regret_units),
    }


def _robustness(found: Robustness | None, precision: int) -> dict[str, Any] | None:
    if found is None:
        return None
    put, regret = partial(rounded, precision=precision), found.expected_deficit_regret
    losses = {
        f"{name}_{when}": put(getattr(found, f"{name}_{when}"))
        for name in ("expected_deficit", "var", "cvar")
        for when in ("before", "after")
    }
    masses = [
        {"above": mass.above, "before": ratio(mass.before), "after": ratio(mass.after)}
        for mass in found.leverage_masses
    ]
    models = [
        {
            "exposure_model": loss.exposure_model,
            "level": found.level,
            "expected_deficit_after": put(loss.expected_deficit_after),
            "cvar_after": put(loss.cvar_after),
        }
        for loss in found.models
    ]
    return {
        "exposure_model": found.exposure_model,
        "level": found.level,
        **losses,
        "expected_deficit_regret": None if regret is None else put(regret),
        "max_leverage_before": ratio(found.max_leverage_before),
        "max_leverage_after": ratio(found.max_leverage_after),
        "leverage_masses": masses,
        "models": models,
    }


def _revenue(found: RevenueKept | None, precision: int) -> dict[str, Any] | None:
    if found is None:
        return None
    put, regret = partial(rounded, precision=precision), found.churn_regret
    return {
        "fees": put(found.fees),
        "ltv_kept": put(found.ltv_kept),
        "churned_fees": put(found.churned_fees),
        "share_kept": ratio(found.share_kept),
        "churn_regret": None if regret is None else put(regret),
    }


def _screening(found: Screening, precision: int) -> dict[str, Any]:
    quantile = found.upper_quantile_units
    return {
        "winners": found.winners,
        "hill_endowment": ratio(found.hill_endowment),
        "hill_leverage": ratio(found.hill_leverage),
        "order_statistics_endowment": found.order_statistics_endowment,
        "order_statistics_leverage": found.order_statistics_leverage,
        "upper_quantile": None if quantile is None else money(quantile, precision),
        "severity_load": ratio(found.severity_load),
        "leverage_imbalance": ratio(found.leverage_imbalance),
        "sparing_severity": ratio(found.sparing_severity),
        "verdict": found.verdict,
        "severity_load_threshold": ratio(found.severity_load_threshold),
        "tail_index_threshold": ratio(found.tail_index_threshold),
    }
