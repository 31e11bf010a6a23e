"""What the service says over HTTP beside its answers: headers, paths, media types, health and metrics."""

import json
import re
from typing import Any

import pytest

from tests.app.requests import (
    ALLOCATIONS,
    COMPARISONS,
    ROWS,
    VERIFICATIONS,
    answer_to,
    comparison,
    request,
    send,
    verification,
)

# Headers and paths --------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["a", "7f3a-b.c:d_E", "x" * 128])
def test_a_request_id_that_is_a_plain_token_comes_back(client: Any, token: str) -> None:
    for answer in (
        send(client, ALLOCATIONS, request(), **{"x-request-id": token}),
        send(client, ALLOCATIONS, [], **{"x-request-id": token}),
        client.get("/nowhere", headers={"x-request-id": token}),
    ):
        assert answer.headers.get_list("x-request-id") == [token]


@pytest.mark.parametrize("token", ["", "a b", "x" * 129, "<script>", "a,b", '"a"', "\u00e9"])
def test_a_request_id_of_another_kind_is_replaced(client: Any, token: str) -> None:
    first, second = (
        client.get("/healthz", headers={"x-request-id": token.encode("latin-1")}).headers["x-request-id"]
        for _ in range(2)
    )
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert first != second


@pytest.mark.parametrize("path", [ALLOCATIONS, COMPARISONS, VERIFICATIONS])
def test_durations_are_in_server_timing(client: Any, path: str) -> None:
    bodies = {
        ALLOCATIONS: request(),
        COMPARISONS: comparison([{"name": "queue"}]),
        VERIFICATIONS: verification([{"id": "ann", "seized": 1}]),
    }
    timing = send(client, path, bodies[path]).headers["server-timing"]
    assert re.fullmatch(r"parse;dur=\d+\.\d, solve;dur=\d+\.\d, total;dur=\d+\.\d", timing)


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "allow"),
    [
        ("GET", "/nowhere", 404, "not-found", None),
        ("POST", "/v1", 404, "not-found", None),
        ("GET", "/static/nothing.js", 404, "not-found", None),
        ("GET", "/static/%2e%2e/main.py", 404, "not-found", None),
        ("PATCH", ALLOCATIONS, 405, "method-not-allowed", "GET, POST"),
        ("PUT", COMPARISONS, 405, "method-not-allowed", "GET, POST"),
        ("DELETE", VERIFICATIONS, 405, "method-not-allowed", "GET, POST"),
        ("OPTIONS", ALLOCATIONS, 405, "method-not-allowed", "GET, POST"),
        ("POST", "/v1/policies", 405, "method-not-allowed", "GET"),
        ("POST", "/healthz", 405, "method-not-allowed", "GET"),
    ],
)
def test_unknown_paths_and_methods_are_problems(
    client: Any, matches: Any, method: str, path: str, status: int, code: str, allow: str | None
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.headers.get("allow") == allow
    assert answer.headers["x-request-id"]
    assert (answer.json()["code"], answer.json()["status"]) == (code, status)
    matches("Problem", answer.json())


@pytest.mark.parametrize("path", [ALLOCATIONS, COMPARISONS, VERIFICATIONS])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/jsonlines"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {"content-type": "application/json", "content-encoding": "identity, gzip"},
    ],
    ids=str,
)
def test_another_media_type_is_refused(client: Any, matches: Any, path: str, headers: dict[str, str]) -> None:
    answer = client.post(path, content=json.dumps(request()).encode(), headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/problem+json")
    assert answer.json()["code"] == "unsupported-media-type"
    matches("Problem", answer.json())


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "Application/JSON", "application/json ;charset=UTF-8"]
)
def test_json_may_name_its_charset(client: Any, media_type: str) -> None:
    answer = send(client, ALLOCATIONS, request(), **{"content-type": media_type})
    assert answer.content == send(client, ALLOCATIONS, request()).content


# Operations ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_the_service_is_healthy_and_ready(client: Any, matches: Any, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    matches("Health", answer.json())


def samples(client: Any) -> dict[str, float]:
    lines = client.get("/metrics").text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_metrics_count_requests_and_never_name_an_account(client: Any) -> None:
    secret = "account-7f3a"
    rows = [ROWS[0] | {"id": secret, "group": "group-7f3a"}, *ROWS[1:]]
    before = samples(client)
    answer_to(client, ALLOCATIONS, request(rows))
    answer_to(client, VERIFICATIONS, verification([{"id": secret, "seized": 1}], rows))
    assert send(client, ALLOCATIONS, request([*rows, rows[0]])).status_code == 422
    after = samples(client)
    moved = {name: after[name] - before.get(name, 0) for name in after}
    route = 'adl_request_duration_seconds_count{method="POST",route="/v1/allocations",status="%d"}'
    assert (moved[route % 200], moved[route % 422]) == (1, 1)
    assert moved['adl_solve_duration_seconds_count{policy="capped-pro-rata",status="optimal"}'] == 1
    assert moved['adl_rejected_requests_total{code="invalid-request"}'] == 1
    assert moved["adl_snapshot_accounts_count"] == 2
    assert after['adl_budget{policy="capped-pro-rata"}'] == 7.5
    assert after["adl_in_flight_requests"] == 1
    assert all(name.startswith(("adl_", "process_")) for name in after)
    assert not re.search(r"7f3a|\b(ann|bob|cy|dee|eve)\b", client.get("/metrics").text)


def test_the_last_allocation_is_one_that_was_asked_for_and_no_comparison_or_replay(client: Any) -> None:
    first = send(client, ALLOCATIONS, request() | {"shortfall": {"deficit": 2}})
    answer_to(client, ALLOCATIONS, request() | {"shortfall": {"deficit": 3}})
    answer_to(client, COMPARISONS, comparison([{"name": "capped-pro-rata"}], shortfall={"deficit": 4}))
    assert client.get(f"{first.headers['content-location']}/replay").json()["equal"] is True
    assert samples(client)['adl_budget{policy="capped-pro-rata"}'] == 3


def test_a_path_that_does_not_exist_makes_no_metric_of_its_own(client: Any) -> None:
    client.get("/nowhere/7f3b")
    client.request("BREW", "/nowhere/7f3b")
    metrics = client.get("/metrics").text
    assert "7f3b" not in metrics
    assert "BREW" not in metrics


def test_the_docs_page_loads_only_from_the_service(client: Any) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert not re.search(r"(src|href)=[\"'](https?:)?//", page.text)
