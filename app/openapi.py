"""The specification: bodies and answers the routes read and write themselves, with worked examples.

The examples' answers are computed when the specification is made, so they are what the service answers.
"""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.body import parse_json
from app.convert.encode import dump
from app.engine import unseen
from app.problems import CODES
from app.schemas import answers, closings, closures, explanations, frontiers, records, requests
from app.settings import Settings
from app.tasks import TASKS
from app.work import Clock

EXAMPLES = Path(__file__).parent / "static" / "examples"

TAGS = [
    {"name": "solve", "description": "Allocate a shortfall, compare policies, trade aims off, close contracts, judge."},
    {"name": "recall", "description": "What was answered: every answer is recorded before it is sent."},
    {"name": "operate", "description": "Health, readiness and metrics."},
]
DESCRIPTION = """
When liquidations fail and the insurance fund is empty, a perpetual-futures venue covers its losers' shortfall from its
winners' profits. This service takes a snapshot of accounts and a shortfall, and answers who is haircut by how much; or
one of markets and positions, and answers which contracts of which accounts are closed; with solvency and fairness
diagnostics and a certificate that anyone can check.

**Money.** In requests an amount is a JSON number, read as its shortest decimal form, or a decimal string, which is
exact. It becomes whole units of the settlement currency once (`precision`, default 6 decimals): cash, pnl and the fund
are rounded down, min_equity, deficit and the budget up. In answers amounts are decimal strings; ratios are numbers of
12 significant digits, null where undefined.

**Errors** are `application/problem+json` with a stable `code`; `errors` point at the fields at fault and name the
accounts. Nothing is ever half applied.
"""

REFUSED = ("unauthorized", "forbidden", "rate-limited", "store-unavailable")
_PROBLEMS = (
    "invalid-request",
    "payload-too-large",
    "unsupported-media-type",
    "request-timeout",
    "idempotency-conflict",
    "overloaded",
    "solver-timeout",
    "solver-failed",
    "internal-error",
)
_MODELS: tuple[type[BaseModel], ...] = (
    requests.AllocationRequest,
    requests.ComparisonRequest,
    requests.FrontierRequest,
    closures.ClosureRequest,
    closures.AnyVerificationRequest,
    answers.AllocationAnswer,
    answers.ComparisonAnswer,
    frontiers.FrontierAnswer,
    closings.ClosureAnswer,
    closings.AnyVerificationAnswer,
    records.RecordsAnswer,
    records.ReplayAnswer,
    explanations.AllocationExplanation,
    explanations.ClosureExplanation,
    answers.Problem,
)
_WORKED = {
    "/v1/allocations": ("five-accounts", "columns", "queue"),
    "/v1/comparisons": ("comparison",),
    "/v1/frontiers": ("frontier",),
    "/v1/closures": ("closures", "closures-risk"),
    "/v1/verifications": ("verification", "closures-verification"),
}
_REF = "#/components/schemas/{model}"
SECURITY: list[dict[str, list[str]]] = [{}, {"key": []}]
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "Sent again with the same body, it gets the same answer, solved once, for a day. Scoped by caller.",
}
_HEADERS = {
    "Content-Location": {"schema": {"type": "string"}, "description": "Where the answer can be had again."},
    "Idempotent-Replayed": {"schema": {"const": "true"}, "description": "Only on an answer that was given before."},
}


def operation(request: type[BaseModel], answer: type[BaseModel], *, budget: bool = False) -> dict[str, Any]:
    """What FastAPI cannot see of a route that reads its own body; `budget`: it may refuse an infeasible one."""
    codes = (*_PROBLEMS, *REFUSED, *(["infeasible-budget"] if budget else []))
    return {
        "responses": {200: {"description": "The answer."}},
        "openapi_extra": {
            "parameters": [_IDEMPOTENCY_KEY],
            "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(request)}}},
            "responses": {
                "200": {"content": {"application/json": {"schema": _ref(answer)}}, "headers": _HEADERS},
                **{str(status): told for status, told in problems(codes).items()},
            },
            "security": SECURITY,
        },
    }


def reading(answer: type[BaseModel] | None, *codes: str) -> dict[str, Any]:
    """What FastAPI cannot see of a route that answers bytes of its own; `codes`: what it refuses beside the usual."""
    schema: dict[str, Any] = {"type": "object"} if answer is None else _ref(answer)
    return {
        "responses": {
            200: {"description": "The answer."},
            **problems((*codes, *REFUSED, "invalid-request", "internal-error")),
        },
        "openapi_extra": {
            "responses": {"200": {"content": {"application/json": {"schema": schema}}}},
            "security": SECURITY,
        },
    }


def problems(codes: Iterable[str]) -> dict[int | str, Any]:
    """Responses by status; several codes may have one."""
    told: dict[int, list[str]] = {}
    for code in codes:
        status, title = CODES[code]
        told.setdefault(status, []).append(f"{title} (`{code}`).")
    content = {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}}
    return {status: {"description": " ".join(titles), "content": content} for status, titles in sorted(told.items())}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def answer_to(path: str, raw: bytes) -> dict[str, Any]:
    """The answer of one of the worked operations to one body."""
    settings = Settings.model_construct()
    task = next(task for task in TASKS.values() if task.path == path)
    return task.solve(*task.convert(parse_json(raw), settings), Clock(settings.time_limit, lambda _: None), unseen)


def self_test() -> bool:
    """The five accounts of the documentation come out as worked by hand."""
    answer = answer_to("/v1/allocations", (EXAMPLES / "five-accounts.json").read_bytes())
    seized = [account["seized"] for account in answer["allocations"]]
    return seized == ["4.800000", "2.400000", "0.300000", "0.000000", "0.000000"]


def install(app: FastAPI) -> None:
    """Complete the application's specification, once, when it is first asked for."""
    plain = app.openapi

    @cache
    def complete() -> dict[str, Any]:
        specification = plain()
        _, shared = models_json_schema([(model, "validation") for model in _MODELS], ref_template=_REF)
        specification["components"]["schemas"].update(shared["$defs"])
        specification["components"]["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer", "description": "An API key; see docs/operations.md."}
        }
        for path, names in _WORKED.items():
            _add_examples(specification["paths"][path]["post"], path, names)
            _add_links(specification["paths"], path)
        return specification

    app.openapi = complete  # type: ignore[method-assign]


def _add_links(paths: dict[str, Any], path: str) -> None:
    """From an answer to what is recorded of it, and from a page to the next one."""

    def link(to: str, parameter: str, member: str, text: str) -> dict[str, Any]:
        operation = paths[to]["get"]["operationId"]
        return {"operationId": operation, "parameters": {parameter: f"$response.body#/{member}"}, "description": text}

    paths[path]["post"]["responses"]["200"]["links"] = {
        name: link(f"{path}/{{id}}{rest}", "id", "id", text)
        for name, rest, text in (
            ("answer", "", "The same answer again."),
            ("request", "/request", "What was asked."),
            ("replay", "/replay", "Solve it again."),
        )
    }
    paths[path]["get"]["responses"]["200"]["links"] = {
        "next": link(path, "after", "after", "The next page; `after` is null on the last one.")
    }


def _add_examples(operation: dict[str, Any], path: str, names: tuple[str, ...]) -> None:
    asked, told = {}, {}
    for name in names:
        raw = (EXAMPLES / f"{name}.json").read_bytes()
        asked[name] = {"value": json.loads(raw)}
        told[name] = {"value": json.loads(dump(answer_to(path, raw)))}
    operation["requestBody"]["content"]["application/json"]["examples"] = asked
    operation["responses"]["200"]["content"]["application/json"]["examples"] = told
