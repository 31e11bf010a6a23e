"""Answers as tables for files: a row an account, policy, close, violation or point."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson

from app import tabular
from app.cli import text as texts
from app.cli.failures import FAILED, REFUSED, Failure
from app.schemas.closures import CLOSING_MODELS
from app.schemas.policies import POLICY_MODELS
from app.schemas.wire import Wire
from app.store import Kind

Table = dict[str, list[Any]]

ALLOCATED = ("endowment", "seized", "pnl_after", "equity_after")
CLOSED = ("quantity", "price", "cost", "realised_pnl")
COMPARED = ("budget", "uncovered", "fairness_regret", "overshoot_regret", "expected_deficit_after", "ltv_kept")
MEASURED = ("expected_deficit", "cvar", "revenue_kept")
_AMOUNTS: dict[str, Sequence[str]] = {
    "allocation": ALLOCATED,
    "closure": CLOSED,
    "comparison": COMPARED,
    "frontier": MEASURED,
    "verification": (),
}
"""Columns of decimal strings, decimals in Parquet."""

_NONE = "the answer has no rows for a table: leave options.detail out, or take --format json"


def read(answer: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(answer)
    except ValueError:
        found = None
    if not isinstance(found, dict) or "id" not in found:
        raise Failure(FAILED, "the server's answer is none of this service: --url must be its address")
    return found


def refusal(answer: Mapping[str, Any]) -> str | None:
    """Why what was judged is not valid: its first broken rule."""
    if answer["valid"]:
        return None
    broken = answer["violations"]
    first = broken[0]
    who = next((f"{name} {first[name]}: " for name in ("account", "market") if first.get(name)), "")
    more = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
    return f"not valid: {first['rule']}, {who}{first['detail']}{more}"


def table(kind: Kind, answer: Mapping[str, Any], wanted: Literal["csv", "parquet"]) -> bytes:
    """Raises Failure where there are no rows, and LoadError without pyarrow."""
    columns = _COLUMNS[kind](answer)
    if wanted == "csv":
        return tabular.write_csv(columns)
    return tabular.write_parquet(columns, _AMOUNTS[kind])


def text(kind: Kind, answer: Mapping[str, Any], note: str | None = None) -> str:
    """For a reader: the figures that count, and the rows that matter most; `note` is what was not looked at."""
    match kind:
        case "allocation":
            return texts.allocation(answer, label(answer["policy"]), _columns(answer["allocations"]))
        case "closure":
            return texts.closing(answer, label(answer["policy"], CLOSING_MODELS), _columns(answer["closures"]))
        case "comparison":
            return texts.comparison(compared(answer), _reasons(answer))
        case "frontier":
            return texts.frontier(answer, swept(answer))
        case "verification":
            return texts.verification(answer, note)


def label(policy: Mapping[str, Any] | None, models: Mapping[str, type[Wire]] = POLICY_MODELS) -> str:
    """A policy's name, with the parameters that are not its defaults."""
    if policy is None:
        return "?"
    name = policy["name"]
    model = models.get(name)
    usual = model.model_validate({"name": name}).model_dump() if model else {}
    return _named({"name": name} | {key: value for key, value in policy.items() if value != usual.get(key)})


def labelled(answer: Mapping[str, Any], policies: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A comparison whose policies have the parameters that were given, defaults too: how who asked tells them apart."""
    results = zip(answer["results"], policies, strict=True)
    return {**answer, "results": [{**result, "label": _named(policy)} for result, policy in results]}


def _named(policy: Mapping[str, Any]) -> str:
    own = [f"{key}={_shown(value)}" for key, value in policy.items() if key != "name"]
    return ":".join(filter(None, (policy["name"], ",".join(own))))


def compared(answer: Mapping[str, Any]) -> Table:
    """A row a policy; where it was refused only its problem's code."""
    return _table([_compared(result) for result in answer["results"]])


def _compared(result: Mapping[str, Any]) -> dict[str, Any]:
    diagnostics = result.get("diagnostics") or {}
    solvency, fairness = diagnostics.get("solvency", {}), diagnostics.get("fairness", {})
    robustness, revenue = diagnostics.get("robustness") or {}, diagnostics.get("revenue") or {}
    problem = result.get("problem")
    return {
        "policy": result["label"],
        "status": problem["code"] if problem else result["status"],
        "budget": result.get("budget"),
        "uncovered": solvency.get("uncovered"),
        **{name: fairness.get(name) for name in ("max_haircut", "gini", "ptsr", "fairness_regret", "overshoot_regret")},
        "expected_deficit_after": robustness.get("expected_deficit_after"),
        "ltv_kept": revenue.get("ltv_kept"),
    }


def swept(answer: Mapping[str, Any]) -> Table:
    """The frontier's points, then the policies and the venue's own allocation held against it."""
    rows = [
        {"kind": "point", "policy": None, **_measures(point, answer), **_weights(point.get("weights", {}))}
        for point in answer["points"]
    ]
    others: list[tuple[str, str | None, Any]] = [
        ("policy", label(policy["policy"]), policy) for policy in answer["policies"]
    ]
    if answer.get("allocation") is not None:
        others.append(("allocation", None, answer["allocation"]))
    rows += [{"kind": kind, "policy": name, **_measures(one, answer), **_weights({})} for kind, name, one in others]
    return _table(rows)


def _measures(one: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    found = one.get("measures") or {}
    return {
        **{name: found.get(name) for name in answer["measures"]},
        "dominated": one.get("dominated"),
        "distance": one.get("distance"),
    }


def _weights(weights: Mapping[str, Any]) -> dict[str, Any]:
    return {f"weight_{name}": weights.get(name) for name in ("fairness", "robustness", "revenue")}


def _judged(answer: Mapping[str, Any]) -> Table:
    names = ["account", "rule", "detail"]
    if "closures" in answer:
        names[1:1] = ["market", "closure"]
    return {name: [broken[name] for broken in answer["violations"]] for name in names}


def _reasons(answer: Mapping[str, Any]) -> list[str]:
    refused = [result for result in answer["results"] if "problem" in result]
    return [f"{result['label']}: {result['problem']['detail']}" for result in refused]


def _rows(member: str, answer: Mapping[str, Any]) -> Table:
    columns = _columns(answer[member])
    if columns is None:
        raise Failure(REFUSED, _NONE)
    return columns


def _columns(found: Any) -> Table | None:
    return _table(found) if isinstance(found, list) else found


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


_COLUMNS: dict[str, Any] = {
    "allocation": lambda answer: _rows("allocations", answer),
    "closure": lambda answer: _rows("closures", answer),
    "comparison": compared,
    "frontier": swept,
    "verification": _judged,
}
