"""Solutions and problems to answers."""

from dataclasses import asdict
from decimal import Decimal
from fractions import Fraction
from functools import cache, partial
from importlib import metadata
from typing import Any

import numpy as np
import orjson

from app.convert import encode
from app.convert.accounts import problem_errors
from app.convert.diagnostics import diagnostics
from app.convert.figures import floored, money, ratio, ratios, residual
from app.convert.requests import Asked, Chosen, Made
from app.problems import RequestProblem, invalid
from solvers import verify
from solvers.allocation import Certificate
from solvers.blend import Blend
from solvers.contracts.registry import CLOSING_POLICIES
from solvers.errors import InfeasibleBudget, ProblemError, SolverError, SolverTimeout
from solvers.money import total
from solvers.problem import HaircutProblem
from solvers.queue import lights
from solvers.registry import POLICIES, Policy
from solvers.revenue.revenue import Revenue
from solvers.robustness.cvar import CVar
from solvers.robustness.expected_deficit import ExpectedDeficit
from solvers.solve import Solution


@cache
def version(library: str) -> str:
    return metadata.version(library)


def allocation_answer(asked: Asked, chosen: Chosen[Policy], solution: Solution) -> dict[str, Any]:
    problem, allocation = solution.problem, solution.allocation
    put = partial(money, precision=problem.book.precision)
    least = solution.certificate.bound if isinstance(chosen.parameters, Revenue) else None
    found = diagnostics(problem, allocation.seized_units, least_churned=least, **_view(chosen.parameters))
    robust = isinstance(chosen.parameters, ExpectedDeficit | CVar) or _weighs_robustness(chosen.parameters)
    return {
        "id": asked.identity("allocation", chosen.shown),
        "status": solution.status,
        "reproducible": not solution.cut,
        "policy": chosen.shown,
        "budget": put(problem.budget_units),
        "notes": [*severity_notes(problem), *allocation.notes, *(model_notes(found["robustness"]) if robust else [])],
        "allocations": _accounts(asked, solution) if asked.full else None,
        "diagnostics": found,
        "certificate": certified(solution.certificate, problem.book.precision),
        "solver": {
            "method": allocation.method,
            "library": "/".join(allocation.libraries),
            "version": "/".join(map(version, allocation.libraries)),
        },
    }


def severity_notes(problem: HaircutProblem) -> list[str]:
    """What a severity rule protects and what it leaves open."""
    rule, put = problem.shortfall.severity, partial(money, precision=problem.book.precision)
    if isinstance(rule, Fraction):
        return []
    left = problem.residual_units - problem.amount_units
    share = f"Severity {floored(problem.severity)} by the rule {rule}"
    stays = f"{put(left)} of the residual stays open." if left else "nothing of the residual stays open."
    if rule == "match":
        done = "is socialised, up to the residual"
        if problem.amount_units < problem.budget_units:
            done = "is asked for, up to the residual, and the policy's own limits allow less"
        return [f"{share}: all that the caps allow {done}; {stays}"]
    second = problem.upper_quantile_units
    if second is None:
        return [f"{share}: there are no winners; {stays}"]
    top = int(problem.endowment_units.max())
    return [
        f"{share}: the budget is at most the second largest endowment, {put(second)}, so that whoever pays, the top "
        f"winner keeps at least {put(top - problem.budget_units)} of {put(top)}; {stays}"
    ]


_ENGINES = {
    "deleverage": "shrinks equity and position alike",
    "cash": "takes money and closes nothing",
    "both": "takes money and closes that share of the position",
}


def _weighs_robustness(parameters: Any) -> bool:
    return isinstance(parameters, Blend) and parameters.weights.robustness > 0


def model_notes(robustness: dict[str, Any]) -> list[str]:
    """Where an allocation that is robust by its own exposure model raises the expected deficit under another one."""
    before, own = robustness["expected_deficit_before"], robustness["exposure_model"]
    return [
        f"For an engine that {_ENGINES[model['exposure_model']]} (exposure model {model['exposure_model']}) the "
        f"expected deficit rises from {before} to {model['expected_deficit_after']}; this allocation looks at {own}."
        for model in robustness["models"]
        if model["exposure_model"] != own and Decimal(model["expected_deficit_after"]) > Decimal(before)
    ]


def _view(parameters: Any) -> dict[str, Any]:
    """The exposure model and level that a policy looks at the next shock with, where it has its own."""
    return {name: getattr(parameters, name) for name in ("exposure_model", "level") if hasattr(parameters, name)}


def _accounts(asked: Asked, solution: Solution) -> dict[str, orjson.Fragment] | list[dict[str, Any]]:
    """One entry an account, in the order they came; columns in, columns out."""
    problem, allocation = solution.problem, solution.allocation
    book, seized, endowment = problem.book, allocation.seized_units, problem.endowment_units
    column = partial(encode.moneys, precision=book.precision)
    ranks = quantiles = encode.nulls(len(book))
    if allocation.rank is not None:
        ranked = allocation.rank > 0
        quantile = np.zeros_like(allocation.rank)
        quantile[ranked] = lights(allocation.rank[ranked])
        ranks, quantiles = (
            encode.column_of([value if given else None for value, given in zip(values, ranked.tolist(), strict=True)])
            for values in (allocation.rank.tolist(), quantile.tolist())
        )
    columns = {
        "id": encode.column_of(book.ids),
        "endowment": column(endowment),
        "haircut": encode.column_of(ratios(problem.haircuts(seized))),
        "seized": column(seized),
        "pnl_after": column(book.pnl_units - seized),
        "equity_after": column(book.equity_units - seized),
        "capped": encode.flags((endowment > 0) & (seized == problem.cap_units)),
        "rank": ranks,
        "quantile": quantiles,
    }
    return encode.laid_out(columns, asked.table.columnar)


def certified(certificate: Certificate, precision: int) -> dict[str, Any]:
    """What every certificate has."""
    return {
        "objective": ratio(certificate.objective),
        "bound": ratio(certificate.bound),
        "relative_gap": residual(certificate.relative_gap),
        "kkt_residual": residual(certificate.kkt_residual),
        "budget_error": money(certificate.budget_error_units, precision),
        "cap_violation": money(certificate.cap_violation_units, precision),
        "multiplier": ratio(certificate.multiplier),
    }


def verification_answer(asked: Asked, made: Made) -> dict[str, Any]:
    """Judge an allocation against the budget; where a shortage is accepted, any total up to it will do."""
    problem, seized = asked.problem, made.seized_units
    if asked.partial:
        problem = problem.reduced(min(total(seized), problem.budget_units))
    broken: list[dict[str, str | None]] = [
        {"account": account, "rule": "unknown-account", "detail": "the account is not in the snapshot"}
        for account in made.strangers
    ]
    broken.extend(_violation(problem, found) for found in verify.violations(problem, seized))
    return {
        "id": asked.identity("verification", seized.tolist(), made.strangers),
        "valid": not broken,
        "violations": broken,
        "diagnostics": diagnostics(problem, seized),
    }


def _violation(problem: HaircutProblem, found: verify.Violation) -> dict[str, str | None]:
    seized, allowed = (money(units, problem.book.precision) for units in (found.seized_units, found.allowed_units))
    over = found.seized_units - found.allowed_units
    off = money(abs(over), problem.book.precision)
    way = "much" if over > 0 else "little"
    details = {
        "negative": f"{seized} was seized, which is below zero",
        "not-a-winner": f"{seized} was seized from an account without an endowment",
        "over-cap": f"{seized} was seized where the cap is {allowed}",
        "budget": f"{seized} was seized in all where the budget is {allowed}: {off} too {way}",
    }
    account = None if found.row is None else problem.book.ids[found.row]
    return {"account": account, "rule": found.rule, "detail": details[found.rule]}


def policies_answer(schemas: dict[str, dict[str, Any]], closing: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Both registries; `schemas` and `closing` are the JSON Schemas of the parameters."""
    return {
        "policies": [
            {
                "name": policy.name,
                "class": policy.policy_class,
                "summary": policy.summary,
                "parameters": schemas[policy.name],
                "axioms": [asdict(axiom) for axiom in policy.axioms],
                "cost": policy.cost,
            }
            for policy in POLICIES.values()
        ],
        "closing_policies": [
            {
                "name": policy.name,
                "class": policy.policy_class,
                "summary": policy.summary,
                "parameters": closing[policy.name],
                "integer": ["rounded", "exact"] if policy.searched else ["rounded"],
                "cost": policy.cost,
            }
            for policy in CLOSING_POLICIES.values()
        ],
    }


def problem_of(asked: Asked, exc: SolverError, policy: tuple[str | int, ...]) -> RequestProblem:
    """What a solver refused, as a problem document; `policy`: where it stands in the request."""
    match exc:
        case ProblemError():
            return invalid(problem_errors(exc, asked.table, policy), exc.total)
        case InfeasibleBudget():
            return _infeasible(asked, exc)
        case SolverTimeout():
            return RequestProblem("solver-timeout", f"{exc}; nothing was applied")
        case _:
            return RequestProblem("solver-failed", f"{exc}; nothing was applied")


def _infeasible(asked: Asked, exc: InfeasibleBudget) -> RequestProblem:
    """409: the shortage is against what this policy can take, which for pro-rata may be less than all caps."""
    problem, precision = asked.problem, asked.problem.book.precision
    ids = problem.book.ids
    errors = [(asked.table.row_pointer(row), "the haircut would pass this account's cap", ids[row]) for row in exc.rows]
    members = {
        "budget": money(exc.budget_units, precision),
        "reachable_capacity": money(problem.reachable_units, precision),
        "shortage": money(exc.budget_units - exc.reachable_units, precision),
        "largest_feasible_severity": floored(Fraction(exc.reachable_units, problem.residual_units)),
    }
    return RequestProblem("infeasible-budget", exc.detail, errors=errors, members=members)
