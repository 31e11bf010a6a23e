"""What is around every answer: security headers, and nothing of an error of ours."""

import asyncio
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.metrics import Metrics
from app.middleware import SECURITY, Observe
from tests.app.requests import ALLOCATIONS, request, send


def expected(**others: str) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in SECURITY.items()} | others


def secured(headers: Any) -> dict[str, list[str]]:
    return {name.decode(): headers.get_list(name.decode()) for name in SECURITY}


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/v1/policies", "/openapi.json", "/nowhere"])
def test_every_answer_has_the_security_headers_once(client: Any, path: str) -> None:
    answer = client.get(path, follow_redirects=False)
    assert secured(answer.headers) == {name: [value] for name, value in expected().items()}


def test_an_answer_and_a_refusal_have_them(client: Any) -> None:
    for body in (request(), {}):
        answer = send(client, ALLOCATIONS, body)
        assert secured(answer.headers) == {name: [value] for name, value in expected().items()}


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_has_a_policy_of_its_own_and_the_other_headers(client: Any, path: str) -> None:
    headers = client.get(path).headers
    (policy,) = headers.get_list("content-security-policy")
    assert "script-src 'self'" in policy
    others = expected(**{"content-security-policy": policy})
    assert secured(headers) == {name: [value] for name, value in others.items()}


def test_static_files_may_be_kept_but_are_asked_for_again(client: Any) -> None:
    answer = client.get("/static/swagger-ui/swagger-ui.css")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    assert client.get(answer.url, headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_an_answer_says_itself_is_kept() -> None:
    async def app(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Cache-Control", b"max-age=60")]})
        await send({"type": "http.response.body", "body": b""})

    answer = TestClient(Observe(app, Metrics())).get("/")
    assert answer.headers.get_list("cache-control") == ["max-age=60"]


def test_an_error_is_a_problem_of_ours_and_says_nothing_of_it() -> None:
    async def app(*_: Any) -> None:
        raise KeyError("account-7f3a")

    answer = TestClient(Observe(app, Metrics())).get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["code"] == "internal-error"
    assert "7f3a" not in answer.text
    assert "KeyError" not in answer.text


def test_a_request_that_the_server_cancels_is_answered_that_it_stops() -> None:
    metrics = Metrics()
    sent: list[Any] = []

    async def app(*_: Any) -> None:
        await asyncio.Event().wait()

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    async def keep(message: Any) -> None:
        sent.append(message)

    async def cancel() -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        task = asyncio.create_task(Observe(app, metrics)(scope, receive, keep))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        task.cancel()
        await task

    asyncio.run(cancel())
    assert sent[0]["status"] == 503
    assert (b"retry-after", b"1") in sent[0]["headers"]
    assert b"stopping" in sent[1]["body"]
    assert b'adl_rejected_requests_total{code="overloaded"} 1.0' in metrics.text()
    assert b"adl_in_flight_requests 0.0" in metrics.text()
