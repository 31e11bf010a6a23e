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
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.processes import ROOT, service

SECONDS = 20
"""Far above what one request takes; a hang fails, it does not wait for ever."""

BEYOND_A_SCHEMA = re.compile(
    "must be unique|must have as many|must be different ones|has [0-9]+ elements where|must be one finite weight|"
    "no account is in this group|is not an? (account|market) of the snapshot|is missing|needs? |is needed|"
    "must be (above|below|at|from|between|more|less|at least|at most|not|whole|a whole|finite|signed|strictly)|"
    "must not be (negative|zero|above|below|all)|may (only|not|have)|cannot|not all|too (large|small)|"
    "is not a cursor|valid integer|"  # 1.0 is an integer to JSON Schema
    "not a whole number of|must lie in|stands twice|only the|has no|has none|is null|for no",
)
"""What a refusal of data that keeps the schema says: order, uniqueness, sizes that belong together, and the ranges of
numbers that may also come as texts. JSON Schema has no words for these; everything else it has to say itself."""


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
    """Schemathesis' own checks, but for two that are made exact here."""
    excluded = [positive_data_acceptance]
    body = response.json() if "json" in response.headers["content-type"][0] else {}
    if case.path == "/v1/comparisons" and any("problem" in result for result in body.get("results", ())):
        # Policies are refused one by one, inside an answer with the others.
        excluded.append(negative_data_rejection)
    case.validate_response(response, excluded_checks=excluded)
    if case.meta.generation.mode.is_positive and response.status_code == 422:
        said = [error["detail"] for error in body["errors"]]
        assert all(map(BEYOND_A_SCHEMA.search, said)), said
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


def follow(schema: Any, address: str, *, runs: int) -> set[tuple[str, int]]:
    """Walk along the links of the specification; what was asked, and with what status it was answered."""
    seen: set[tuple[str, int]] = set()

    class Walk(schema.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"base_url": address, "timeout": SECONDS}

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            seen.add((case.operation.label, response.status_code))
            check(case, response)

    run_state_machine_as_test(Walk, settings=settings(RUN, max_examples=runs, stateful_step_count=6))
    return seen


def test_the_links_of_an_answer_lead_to_its_record(client: Any, specification: Any) -> None:
    """Those of the worked examples, as OpenAPI says to read them."""
    paths = specification["paths"]
    path_of = {item["get"]["operationId"]: path for path, item in paths.items() if "get" in item}
    followed = 0
    for path, item in paths.items():
        for example in item.get("post", {}).get("requestBody", {"content": {}})["content"].values():
            made = next(iter(example["examples"].values()))["value"]
            answer = client.post(path, json=made).json()
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
def test_all_links_lead_to_what_they_say(address: str) -> None:
    seen = follow(loaded(1, coverage_of_posts=False), address, runs=25)
    found = {label for label, status in seen if label.startswith("GET ") and "{id}" in label and status == 200}
    assert len(found) >= 8, seen
