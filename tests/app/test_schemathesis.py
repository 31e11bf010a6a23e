"""Schemathesis on every operation of the specification: what it sends, good or bad, is answered as is written there.

Whatever the check: no 500, no status, content type, header or shape that the specification does not have, 405 with
Allow for other methods, and a refusal of what breaks the schema.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.processes import ROOT, service

SECONDS = 20
"""Far above what one request takes; a hang fails, it does not wait for ever."""

SAID_BY_THE_SCHEMA = re.compile(
    "is required|is not a known field|must not be empty|must be one of|must be a number or a decimal string|"
    "not a decimal number|characters|(input|string|list|dictionary|object) should (?!be a valid integer)",
)
"""What refuses data that breaks the schema, so never data that keeps it. 1.0 is an integer to JSON Schema, not to us.
Data that keeps it may still be refused: order, uniqueness and sizes that belong together have no words in it."""


def loaded(examples: int, *, coverage_of_posts: bool) -> Any:
    """The committed specification, which another test holds against the served one."""
    config = schemathesis.Config.from_dict(
        {
            "seed": 1,
            "generation": {"mode": "all", "max-examples": examples, "deterministic": True, "database": "none"},
            "operations": [{"include-method": "POST", "phases": {"coverage": {"enabled": coverage_of_posts}}}],
        }
    )
    return schemathesis.openapi.from_dict(json.loads((ROOT / "openapi/openapi.json").read_bytes()), config=config)


FEW, MANY = loaded(2, coverage_of_posts=False), loaded(100, coverage_of_posts=True)
RUN = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),  # a failure is told at once, not made small first
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with service() as address:
        yield address


def check(case: Any, response: Any) -> None:
    """Schemathesis' own checks, but for three made exact here. A time limit that passed is an answer, not a fault."""
    excluded = [positive_data_acceptance, not_a_server_error]
    assert response.status_code < 500 or response.status_code in {503, 504}, response.text
    body = response.json() if "json" in response.headers["content-type"][0] else {}
    if case.path == "/v1/comparisons" and any("problem" in result for result in body.get("results", ())):
        # Policies are refused one by one, inside an answer with the others.
        excluded.append(negative_data_rejection)
    case.validate_response(response, excluded_checks=excluded)
    if case.meta.generation.mode.is_positive and response.status_code == 422:
        wrong = [error for error in body["errors"] if SAID_BY_THE_SCHEMA.search(error["detail"])]
        assert not wrong, wrong
    if response.status_code >= 400:
        assert body["status"] == response.status_code
        assert len(response.content) < 20_000


def send(case: Any, address: str) -> None:
    check(case, case.call(base_url=address, timeout=SECONDS))


@FEW.parametrize()
@RUN
def test_every_operation_keeps_the_specification(case: Any, address: str) -> None:
    send(case, address)


@pytest.mark.slow
@MANY.parametrize()
@RUN
def test_every_operation_keeps_the_specification_at_length(case: Any, address: str) -> None:
    send(case, address)


def worked_example(operation: Any) -> Any:
    content = operation["requestBody"]["content"]["application/json"]
    return next(iter(content["examples"].values()))["value"]


def follow(schema: Any, address: str, *, runs: int) -> set[tuple[str, int]]:
    """Walk from the worked examples along the links of the specification; what was asked, and how it was answered."""
    seen: set[tuple[str, int]] = set()

    class Walk(schema.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"base_url": address, "timeout": SECONDS}

        def before_call(self, case: Any, **_: Any) -> None:
            if case.method == "POST":
                case.body = worked_example(schema.raw_schema["paths"][case.path]["post"])

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            seen.add((case.operation.label, response.status_code))
            check(case, response)

    run_state_machine_as_test(Walk, settings=settings(RUN, max_examples=runs, stateful_step_count=12))
    return seen


def test_the_links_of_an_answer_lead_to_its_record(client: Any, specification: Any) -> None:
    """Those of the worked examples, as OpenAPI says to read them."""
    paths = specification["paths"]
    path_of = {item["get"]["operationId"]: path for path, item in paths.items() if "get" in item}
    followed = 0
    for path, item in paths.items():
        if "post" in item:
            answer = client.post(path, json=worked_example(item["post"])).json()
            for link in item["post"]["responses"]["200"]["links"].values():
                assert link["parameters"] == {"id": "$response.body#/id"}
                found = client.get(path_of[link["operationId"]].format(id=answer["id"]))
                assert found.status_code == 200, found.text
                followed += 1
            page = client.get(path, params={"limit": 1}).json()
            (link,) = item["get"]["responses"]["200"]["links"].values()
            assert link["parameters"] == {"after": "$response.body#/after"}
            assert path_of[link["operationId"]] == path
            assert "after" in page
    assert followed == 15


@pytest.mark.slow
def test_walks_along_links_keep_the_specification(address: str) -> None:
    seen = follow(loaded(1, coverage_of_posts=False), address, runs=40)
    found = {label for label, status in seen if label.startswith("GET ") and "{id}" in label and status == 200}
    assert len(found) >= 10, found  # of 15, by chance; all of them, one by one, are followed above
