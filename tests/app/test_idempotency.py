"""Idempotency keys: the same request is answered once, whoever asks again, and whatever happened in between."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import ledger
from app.idempotency import digest_of
from app.main import create_app
from app.settings import Settings
from app.store import Claimed, Store
from tests.app import closures
from tests.app.requests import ALLOCATIONS, COMPARISONS, JSON, Body, comparison, request, send
from tests.app.services import SLOW


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/adl.db"


@pytest.fixture
def own(url: str) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(database_url=url))) as client:
        yield client


def sample(client: Any, name: str) -> float:
    """The value of a metric's line."""
    lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith(f"{name} ")]
    return float(lines[0].split()[-1]) if lines else 0.0


def keyed(client: Any, path: str, body: Any, key: str) -> Any:
    return send(client, path, body, **{"idempotency-key": key})


def test_the_same_key_and_body_get_the_answer_that_was_given(own: TestClient) -> None:
    first = keyed(own, ALLOCATIONS, request(), "a")
    again = keyed(own, ALLOCATIONS, request(), "a")
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["content-location"] == first.headers["content-location"]
    assert sample(own, 'adl_answers_total{kind="allocation",status="optimal"}') == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (ALLOCATIONS, request(policy={"name": "queue"})),
        (COMPARISONS, comparison([{"name": "queue"}])),
        (closures.CLOSURES, closures.EXAMPLE),
        (ALLOCATIONS, b"not JSON"),
    ],
)
def test_a_key_with_another_body_or_operation_is_a_conflict(
    own: TestClient, matches: Any, path: str, body: Any
) -> None:
    keyed(own, ALLOCATIONS, request(), "a")
    answer = keyed(own, path, body, "a")
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-conflict")
    assert "retry-after" not in answer.headers
    matches("Problem", answer.json())


def test_a_refused_request_leaves_its_key_free(own: TestClient) -> None:
    for wrong in (request([]), request() | {"shortfall": {"deficit": 1000}}, b"{"):
        assert keyed(own, ALLOCATIONS, wrong, "a").status_code in {409, 422}
    assert keyed(own, ALLOCATIONS, request(), "a").status_code == 200


@pytest.mark.parametrize("key", ["", " ", "two words", "é", "k" * 256, "tab\t"])
def test_a_key_that_is_none_is_refused(own: TestClient, key: str) -> None:
    answer = own.post(ALLOCATIONS, content=b"{}", headers=[*JSON.items(), (b"idempotency-key", key.encode("latin-1"))])
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert "Idempotency-Key" in answer.json()["detail"]


def test_two_keys_at_once_are_refused(own: TestClient) -> None:
    headers = [*JSON.items(), ("idempotency-key", "a"), ("idempotency-key", "b")]
    assert own.post(ALLOCATIONS, content=b"{}", headers=headers).status_code == 422


def test_of_many_at_once_one_is_solved_and_all_get_its_answer(own: TestClient) -> None:
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: keyed(own, COMPARISONS, SLOW, "a"), range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert sample(own, 'adl_answers_total{kind="comparison",status="done"}') == 1
    assert sample(own, 'adl_idempotent_requests_total{outcome="claimed"}') == 1


def test_a_key_survives_a_restart(own: TestClient, url: str) -> None:
    first = keyed(own, ALLOCATIONS, request(), "a")
    with TestClient(create_app(Settings(database_url=url))) as restarted:
        again = keyed(restarted, ALLOCATIONS, request(), "a")
        assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
        assert keyed(restarted, ALLOCATIONS, request([]), "a").status_code == 409


def abandoned(url: str, key: str, body: bytes, seconds: float) -> Claimed:
    """A claim as a killed process leaves it."""
    with closing(Store.open(url)) as store:
        claim = store.claim("", key, digest_of("allocation", body), seconds)
    assert isinstance(claim, Claimed)
    return claim


def test_the_request_of_a_process_that_was_killed_is_taken_over_when_its_lease_is_out(
    own: TestClient, url: str
) -> None:
    body = own.build_request("POST", ALLOCATIONS, json=request()).content
    abandoned(url, "a", body, 0.5)
    started = time.monotonic()
    answer = keyed(own, ALLOCATIONS, body, "a")
    assert answer.status_code == 200
    assert "idempotent-replayed" not in answer.headers
    assert time.monotonic() - started > 0.3


def test_a_request_whose_first_one_does_not_end_is_told_to_ask_again(url: str) -> None:
    with TestClient(create_app(Settings(database_url=url, time_limit=0.4))) as own:
        body = own.build_request("POST", ALLOCATIONS, json=request()).content
        abandoned(url, "a", body, 60)
        answer = keyed(own, ALLOCATIONS, body, "a")
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-conflict")
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.slow
def test_a_long_solve_keeps_its_claim_by_renewing_it(own: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "LEASE_SECONDS", 0.3)  # SLOW takes longer
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(keyed, own, COMPARISONS, SLOW, "a")
        time.sleep(0.1)
        second = threads.submit(keyed, own, COMPARISONS, SLOW, "a")
        assert first.result().content == second.result().content
    assert sample(own, 'adl_answers_total{kind="comparison",status="done"}') == 1
    assert sample(own, 'adl_store_operation_duration_seconds_count{operation="renew",outcome="done"}') >= 2


@pytest.mark.slow
def test_a_claim_that_was_lost_gets_the_answer_of_whoever_took_it(own: TestClient, url: str) -> None:
    """The lease ran out while this process stood still, and another has answered: one result, the other's."""
    taken: list[Any] = []

    def steal() -> None:
        with closing(Store.open(url)) as store:
            time.sleep(0.3)
            with store._writing.begin() as connection:
                connection.exec_driver_sql("UPDATE claims SET owner = 'another', lease_until = 0")
            with TestClient(create_app(Settings(database_url=url))) as other:
                taken.append(keyed(other, COMPARISONS, SLOW, "a"))

    thief = threading.Thread(target=steal)
    thief.start()
    answer = keyed(own, COMPARISONS, SLOW, "a")
    thief.join()
    assert answer.status_code == 200
    assert answer.content == taken[0].content
    with closing(Store.open(url)) as store:
        page = store.page("", "comparison", limit=10)
    assert len(page.lines) == 1


def test_a_key_may_be_used_by_each_caller(url: str) -> None:
    from app.access import issue  # noqa: PLC0415

    secrets = []
    with closing(Store.open(url)) as store:
        for name in ("one", "two"):
            key, secret = issue(name, ["solve", "read"], store._clock())
            store.add_key(key)
            secrets.append({"authorization": f"Bearer {secret}"})
    with TestClient(create_app(Settings(database_url=url, require_keys=True))) as client:
        bodies: list[Body] = [request(), request(policy={"name": "queue"})]
        answers = [
            send(client, ALLOCATIONS, body, **secret, **{"idempotency-key": "a"})
            for body, secret in zip(bodies, secrets, strict=True)
        ]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert all("idempotent-replayed" not in answer.headers for answer in answers)
        where = answers[0].headers["content-location"]
        assert client.get(where, headers=secrets[0]).content == answers[0].content
        stranger = client.get(where, headers=secrets[1])
        assert (stranger.status_code, stranger.json()["code"]) == (404, "not-found")
        assert len(client.get(ALLOCATIONS, headers=secrets[1]).json()["records"]) == 1
        assert client.get(where).status_code == 401
