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
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.processes import ROOT, service

SECONDS = 20
"""Far above what one request takes; a hang fails, it does not wait for ever."""

BEYOND_A_SCHEMA = re.compile(
    "must be unique|must be different ones|has [0-9]+ elements where|must be one finite weight|"
    "no account is in this group|is not an? (account|market) of the snapshot|is missing|needs? |"
    "must be (above|below|at|from|between|more|less|at least|at most|not|whole|a whole|finite|signed|strictly)|"
    "must not be (negative|zero|above|below|all)|may (only|not|have)|cannot|not all|too (large|small)|"
    "is not a cursor|not a whole number of|must lie in|stands twice|only the|has no|has none|is null|for no",
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


FEW, MANY = loaded(6, coverage_of_posts=False), loaded(150, coverage_of_posts=True)
RUN = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)


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


def test_the_links_of_an_answer_lead_to_its_record(address: str) -> None:
    seen = follow(loaded(1, coverage_of_posts=False), address, runs=10)
    found = {label for label, status in seen if label.startswith("GET ") and "{id}" in label and status == 200}
    assert len(found) >= 3, seen


@pytest.mark.slow
def test_all_links_lead_to_what_they_say(address: str) -> None:
    seen = follow(loaded(1, coverage_of_posts=False), address, runs=150)
    found = {label for label, status in seen if label.startswith("GET ") and "{id}" in label and status == 200}
    assert len(found) >= 12, seen
