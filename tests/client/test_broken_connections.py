"""Connections that break at every stage: the call is sent again, and solved once."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.request import urlopen

import pytest

from app.client import AdlError, ConnectionFailed, TimedOut
from tests.client.clients import book, opened
from tests.client.proxy import NOTHING_BACK, NOTHING_SENT, SLOW, Proxy, wait_for
from tests.problems import one_in
from tests.processes import free_port

pytestmark = pytest.mark.slow

GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"


def solved(address: str) -> int:
    """How often the service has solved anything."""
    with urlopen(f"{address}/metrics") as answer:
        told = answer.read().decode()
    return sum(int(float(n)) for n in re.findall(r"(?m)^adl_solve_duration_seconds_count\{.*\} (.*)$", told))


def kept(client: Any, venue: str) -> list[str]:
    return [record["id"] for record in client.allocations.list(venue=venue)]


@pytest.mark.parametrize(
    "fault", one_in(2, [*NOTHING_SENT, *NOTHING_BACK, GATEWAY]), ids=[*NOTHING_SENT, *NOTHING_BACK, "gateway"]
)
def test_a_broken_connection_costs_another_attempt_and_no_second_solve(
    kind: str, address: str, proxy: Proxy, fault: str
) -> None:
    before = solved(address)
    proxy.faults.append(fault)
    asked = book()
    with opened(kind, proxy.address) as client:
        answer = client.allocate(asked)
        assert kept(client, asked["snapshot"]["venue"]) == [answer.data["id"]]
    assert answer.attempts == 2
    assert solved(address) == before + 1
    sent = [seen for seen in proxy.seen if seen.method == "POST"]
    assert len(sent) == (1 if fault in NOTHING_SENT else 2)
    assert {seen.headers["idempotency-key"] for seen in sent} == {answer.idempotency_key}
    assert len({seen.body for seen in sent}) == 1
    if fault != "left":  # the service may see that nobody waits before it begins
        assert answer.replayed == (fault in NOTHING_BACK)


@pytest.mark.slow
def test_one_trouble_after_another_is_still_one_answer(kind: str, address: str, proxy: Proxy) -> None:
    before = solved(address)
    proxy.faults.extend(["half-body", "closed", "unanswered"])
    with opened(kind, proxy.address) as client:
        answer = client.allocate(book())
    assert (answer.attempts, answer.replayed, solved(address)) == (4, True, before + 1)


def test_what_was_answered_can_be_read_over_a_bad_connection_too(kind: str, one: Any, proxy: Proxy) -> None:
    id_ = one.allocate(book()).data["id"]
    proxy.faults.extend(["half-body", "closed"])
    with opened(kind, proxy.address) as client:
        answer = client.allocations.get(id_)
    assert (answer.data["id"], answer.attempts, answer.idempotency_key) == (id_, 3, None)
    assert all("idempotency-key" not in seen.headers for seen in proxy.seen)


def test_a_service_that_is_not_there_yet_is_waited_for(kind: str, address: str) -> None:
    port = free_port()
    proxies: list[Proxy] = []

    def start() -> None:
        proxies.append(Proxy(address, port).__enter__())

    timer = threading.Timer(0.5, start)
    with opened(kind, f"http://127.0.0.1:{port}") as client:
        timer.start()
        try:
            answer = client.allocate(book())
        finally:
            timer.join()
            proxies[0].__exit__(None, None, None)
    assert answer.attempts > 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["closed", "unanswered"])
def test_who_gives_up_can_ask_again_under_the_same_key(kind: str, address: str, proxy: Proxy, fault: str) -> None:
    before = solved(address)
    proxy.faults.extend([fault] * 20)
    asked = book()
    with (
        opened(kind, proxy.address, timeout=0.4) as client,
        pytest.raises((ConnectionFailed, TimedOut), match=r"^no answer") as caught,
    ):
        client.allocate(asked)
    key = caught.value.idempotency_key
    assert key is not None
    with opened(kind, address) as client:
        answer = client.allocate(asked, idempotency_key=key)
        assert kept(client, asked["snapshot"]["venue"]) == [answer.data["id"]]
    assert answer.idempotency_key == key
    assert solved(address) == before + 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", SLOW)
def test_the_timeout_is_of_the_whole_call(kind: str, proxy: Proxy, fault: str) -> None:
    proxy.faults.append(fault)
    started = time.monotonic()
    with (
        opened(kind, proxy.address, timeout=0.5) as client,
        pytest.raises(TimedOut, match=r"^no answer within 0\.5 seconds$") as caught,
    ):
        client.allocate(book())
    assert 0.5 <= time.monotonic() - started < 10  # all of the dripping takes a minute
    assert caught.value.idempotency_key is not None


def test_every_call_has_a_key_of_its_own(one: Any) -> None:
    asked = book()
    first, second = one.allocate(asked), one.allocate(asked)
    assert first.data == second.data
    assert first.idempotency_key != second.idempotency_key
    assert not second.replayed
    again = one.allocate(asked, idempotency_key=first.idempotency_key)
    assert (again.data, again.replayed, again.attempts) == (first.data, True, 1)


def test_nothing_listens_there(kind: str) -> None:
    with opened(kind, f"http://127.0.0.1:{free_port()}", timeout=0.3) as client:
        with pytest.raises(ConnectionFailed) as caught:
            client.policies()
        assert caught.value.idempotency_key is None
        with pytest.raises(AdlError):
            client.ready()


def test_many_threads_share_a_client_over_a_bad_connection(address: str, proxy: Proxy) -> None:
    before = solved(address)
    proxy.faults.extend(["unanswered", "closed", "half-body", "left"] * 3)
    books = [book() for _ in range(12)]
    with opened("sync", proxy.address) as client, ThreadPoolExecutor(len(books)) as threads:
        answers = list(threads.map(client.allocate, books))
    wait_for(lambda: solved(address) >= before + 12)
    assert len({answer.data["id"] for answer in answers}) == 12
    assert sum(answer.attempts for answer in answers) == 24
    assert solved(address) == before + 12
