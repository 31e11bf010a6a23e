"""The metrics of several workers: whichever of them is asked tells those of all."""

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest

from tests.app.services import to, works
from tests.serving import Served, serving, wait_for

pytestmark = pytest.mark.slow

ANSWERED = 'adl_request_duration_seconds_count{method="POST",route="/v1/allocations",status="200"}'
UNFINISHED = (
    b"POST /v1/allocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    b"content-length: 100\r\n\r\n{"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("workers"), "--workers", "2") as served:
        wait_for(lambda: len(workers(samples(served))) == 2, seconds=60)
        yield served


def samples(served: Served) -> dict[str, float]:
    """By a connection of its own, and so from any worker."""
    lines = [line for line in httpx2.get(f"{served.address}/metrics").text.splitlines() if not line.startswith("#")]
    names = [line.rsplit(" ", 1)[0] for line in lines]
    assert len(set(names)) == len(names)
    return dict(zip(names, (float(line.rsplit(" ", 1)[1]) for line in lines), strict=True))


def workers(found: dict[str, float]) -> set[int]:
    """By the metrics that are one worker's."""
    names = [re.fullmatch(r'process_resident_memory_bytes{pid="(\d+)"}', name) for name in found]
    return {int(match[1]) for match in names if match}


def ask(served: Served, times: int) -> None:
    for _ in range(times):
        with to(served.address) as client:
            assert works(client)


def test_each_worker_tells_the_sums_of_all(served: Served) -> None:
    before = samples(served).get(ANSWERED, 0)
    ask(served, 20)
    assert {samples(served)[ANSWERED] - before for _ in range(10)} == {20}


def test_gauges_are_told_once_and_not_by_process(served: Served) -> None:
    ask(served, 1)
    found = samples(served)
    assert [value for name, value in found.items() if name.startswith("adl_build_info")] == [1]
    assert found["adl_in_flight_requests"] == 1
    assert found["adl_waiting_requests"] == 0
    assert found["adl_store_up"] == 1
    assert found['adl_budget{policy="capped-pro-rata"}'] == 3
    assert not [name for name in found if name.startswith("adl_") and "pid=" in name]
    for name in ("process_cpu_seconds_total", "process_open_fds", "process_start_time_seconds"):
        assert {f'{name}{{pid="{pid}"}}' for pid in workers(found)} <= found.keys()


def test_a_dead_worker_leaves_what_it_counted_and_nothing_that_was_only_then(served: Served) -> None:
    ask(served, 4)
    before = samples(served)
    dead = min(workers(before))
    with ExitStack() as stack:
        for _ in range(16):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", served.port)))
            connection.sendall(UNFINISHED)
        wait_for(lambda: samples(served)["adl_in_flight_requests"] == 17)
        os.kill(dead, signal.SIGKILL)
        wait_for(lambda: dead not in workers(samples(served)))
        assert samples(served)["adl_in_flight_requests"] < 17
    wait_for(lambda: len(workers(samples(served))) == 2, seconds=60)
    wait_for(lambda: samples(served)["adl_in_flight_requests"] == 1)
    after = samples(served)
    assert after[ANSWERED] == before[ANSWERED]
    assert [value for name, value in after.items() if name.startswith("adl_build_info")] == [1]
