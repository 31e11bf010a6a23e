"""Hostile bodies, headers and paths over raw HTTP: each is refused by name, in bounded time and memory."""

import http.client
import json
import re
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.app.bad_requests import MARK
from tests.app.corpus import GOOD, large, mutated, places, small, spliced, whole
from tests.serving import Served, group, serving

BODY_LIMIT = 16 * 2**20
MEMORY_PER_BYTE = 60
"""Peak memory of all processes above what they have at rest, for each byte that one body may have.

Lists in lists took 48: two of them are 150 bytes of memory, and five of a body.
"""
SECONDS = 30.0
"""The longest that one body of the limit may take on a machine that does other things too."""
REFUSALS = {409: {"infeasible-budget"}, 413: {"payload-too-large"}, 422: {"invalid-request"}}
FEW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
)
MANY = settings(FEW, max_examples=2_000)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("fuzz")
    with serving(folder, ADL_MAX_BODY_BYTES=f"{BODY_LIMIT}", ADL_SOLVER_PROCESSES="1", ADL_BODY_SECONDS="1") as served:
        post(
            served, "/v1/allocations", json.dumps(GOOD["/v1/allocations"]).encode() + b" " * 5_000_000
        )  # starts a process
        yield served
        assert b"Traceback" not in served.out.read_bytes() + served.err.read_bytes()


def never(token: str) -> Any:
    raise AssertionError(f"{token} in an answer")


def post(served: Served, path: str, raw: bytes, **headers: str) -> tuple[int, bytes, str]:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=SECONDS)
    try:
        connection.request("POST", path, raw, {"content-type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers["content-type"]
    finally:
        connection.close()


def usual(served: Served, path: str) -> bytes:
    status, content, _ = post(served, path, json.dumps(GOOD[path]).encode())
    assert status == 200, content
    return content


def sent(served: Served, path: str, raw: bytes, what: object) -> int:
    """The status of the answer to a hostile body, after what holds for each was checked."""
    began = time.monotonic()
    status, content, media_type = post(served, path, raw)
    assert time.monotonic() - began < SECONDS, what
    answer = json.loads(content, parse_constant=never)
    if status != 200:
        assert answer["code"] in REFUSALS.get(status, ()), (what, status, content[:300])
        assert media_type == "application/problem+json"
        assert len(content) < 20_000, what
        # Names of fields and ids of accounts may be told, cut; values never.
        assert MARK * 8 not in content.decode(), what
    return status


def peaks(served: Served) -> int:
    """Bytes of memory that the service's processes had at most, each at its own peak."""
    total = 0
    for process in group(served.process.pid):
        with suppress(OSError):
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
            total += 1024 * int(found[1]) if found else 0
    return total


def batch(served: Served, path: str, bodies: Iterable[tuple[object, bytes]]) -> set[int]:
    before, found = usual(served, path), set()
    for what, raw in bodies:
        found.add(sent(served, path, raw, (path, what)))
    assert usual(served, path) == before
    return found


# Bodies -------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("path", GOOD)
def test_small_hostile_texts_are_refused_wherever_they_stand(served: Served, path: str) -> None:
    """Each at two places: the whole table is for the slow test. Frontiers that are solved take their time."""
    spots, texts = list(places(GOOD[path])), dict(list(small().items())[:: 12 if path == "/v1/frontiers" else 1])
    chosen = [
        ((at, what), spliced(GOOD[path], at, text))
        for number, (what, text) in enumerate(texts.items())
        for at in (spots[number * 7 % len(spots)], spots[(number * 11 + 5) % len(spots)])
    ]
    assert 422 in batch(served, path, chosen)


@pytest.mark.slow
@pytest.mark.parametrize("path", GOOD)
def test_small_hostile_texts_are_refused_at_every_place(served: Served, path: str) -> None:
    good = GOOD[path]
    chosen = (((at, what), spliced(good, at, text)) for at in places(good) for what, text in small().items())
    assert batch(served, path, chosen) >= {200, 422}


@pytest.mark.slow
@pytest.mark.parametrize("path", GOOD)
def test_what_is_no_object_in_utf_8_is_refused(served: Served, path: str) -> None:
    assert batch(served, path, whole(GOOD[path]).items()) == {422}


def test_large_hostile_texts_are_refused_in_bounded_time_and_memory(served: Served) -> None:
    path = "/v1/allocations"
    usual(served, path)
    resting, texts = peaks(served), large()
    chosen: dict[str, Any] = {
        "1000000 both": ("unknown",),
        "an integer of a million digits": ("snapshot", "accounts", 0, "cash"),
        "the same id 200,000 times": ("snapshot", "accounts"),
    }
    bodies = ((what, spliced(GOOD[path], at, texts[what])) for what, at in chosen.items())
    assert batch(served, path, bodies) == {422}
    assert peaks(served) - resting < MEMORY_PER_BYTE * BODY_LIMIT


@pytest.mark.slow
@pytest.mark.parametrize("path", GOOD)
def test_every_large_hostile_text_is_refused(served: Served, path: str) -> None:
    """Each at one place, another for each: all of them everywhere would take an hour."""
    usual(served, path)
    resting, good = peaks(served), GOOD[path]
    spots = [at for at in places(good) if len(at) < 3 or at[-1] in {"id", "cash", "account", "law"}]
    chosen = (
        (what, spliced(good, spots[number * 5 % len(spots)], text))
        for number, (what, text) in enumerate(large().items())
    )
    batch(served, path, chosen)
    assert peaks(served) - resting < MEMORY_PER_BYTE * BODY_LIMIT


@pytest.mark.slow
@pytest.mark.parametrize("part", ["", "shortfall", "options", "options/shock", "snapshot"])
def test_very_many_unknown_fields_are_one_error(served: Served, part: str) -> None:
    """Told one by one, a hundred thousand of them took seconds, in which no other thread ran."""
    unknown = {f"x{number}": 1 for number in range(100_000)}
    made = json.loads(json.dumps(GOOD["/v1/allocations"]))
    here = made
    for name in part.split("/") if part else ():
        here = here.setdefault(name, {})
    here |= unknown
    status, content, _ = post(served, "/v1/allocations", json.dumps(made).encode())
    problem = json.loads(content)
    assert (status, problem["errors_total"]) == (422, 1)
    assert problem["errors"][0]["pointer"] == (f"/{part}" if part else "")
    assert problem["errors"][0]["detail"] == "has 100000 fields that are not known"


@pytest.mark.slow
@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
def test_of_very_many_unknown_fields_of_a_table_twenty_are_told_and_all_counted(served: Served, columns: bool) -> None:
    unknown = {f"x{number}": [1] for number in range(100_000)}
    accounts: Any = {"id": ["a"], "cash": [1], "pnl": [1], **unknown} if columns else [unknown]
    made = GOOD["/v1/allocations"] | {"snapshot": {"accounts": accounts}}
    status, content, _ = post(served, "/v1/allocations", json.dumps(made).encode())
    problem = json.loads(content)
    assert status == 422
    assert (len(problem["errors"]), problem["errors_total"]) == (20, 100_000 if columns else 100_003)
    assert all(error["detail"] in {"is required", "is not a known field"} for error in problem["errors"])


def check_mutation(client: Any, made: tuple[str, bytes]) -> None:
    path, raw = made
    answer = client.post(path, content=raw, headers={"content-type": "application/json"})
    document = json.loads(answer.content, parse_constant=never)
    assert answer.status_code == 200 or document["code"] in REFUSALS.get(answer.status_code, ()), answer.text[:500]


@FEW
@given(made=mutated())
def test_mutated_requests_are_answered_or_refused_by_name(client: Any, made: tuple[str, bytes]) -> None:
    check_mutation(client, made)


@pytest.mark.slow
@MANY
@given(made=mutated())
def test_many_mutated_requests_are_answered_or_refused_by_name(client: Any, made: tuple[str, bytes]) -> None:
    check_mutation(client, made)


# Requests -----------------------------------------------------------------------------------------


def exchanged(served: Served, request: bytes) -> tuple[int, bytes]:
    """Status and bytes of all that comes back until the service closes; 0 where nothing comes."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=SECONDS) as connection:
        found = b""
        with suppress(ConnectionError):
            connection.sendall(request)
            while chunk := connection.recv(65_536):
                found += chunk
    return (int(found.split(b" ", 2)[1]) if found else 0), found


BODY = json.dumps(GOOD["/v1/allocations"]).encode()
HEAD = b"POST /v1/allocations HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
TYPED = HEAD + b"content-type: application/json\r\n"
LENGTH = b"content-length: %d\r\n" % len(BODY)
CHUNKED = TYPED + b"transfer-encoding: chunked\r\n"
CHUNK = b"%x" % len(BODY)

RAW: dict[str, tuple[bytes, set[int]]] = {
    "gzip that is said": (TYPED + b"content-encoding: gzip\r\n" + LENGTH + b"\r\n" + BODY, {415}),
    "two encodings": (TYPED + b"content-encoding: identity, gzip\r\n" + LENGTH + b"\r\n" + BODY, {415}),
    "gzip on a second line": (
        TYPED + b"content-encoding: identity\r\ncontent-encoding: gzip\r\n" + LENGTH + b"\r\n" + BODY, {415},
    ),
    "no content type": (HEAD + LENGTH + b"\r\n" + BODY, {415}),
    "a content type that is no text": (HEAD + b"content-type: \xff\xfe\r\n" + LENGTH + b"\r\n" + BODY, {415}),
    "a shorter length": (TYPED + b"content-length: 10\r\n\r\n" + BODY, {422}),
    "a negative length": (TYPED + b"content-length: -1\r\n\r\n" + BODY, {400}),
    "a length with a sign": (TYPED + b"content-length: +5\r\n\r\n" + BODY, {400}),
    "a length of many digits": (TYPED + b"content-length: " + b"9" * 40 + b"\r\n\r\n" + BODY, {400, 413}),
    "two lengths": (TYPED + LENGTH + b"content-length: 5\r\n\r\n" + BODY, {400}),
    "a length and chunks": (CHUNKED + LENGTH + b"\r\n" + CHUNK + b"\r\n" + BODY + b"\r\n0\r\n\r\n", {400}),
    "chunks with extensions": (CHUNKED + b"\r\n" + CHUNK + b';a="b";c\r\n' + BODY + b"\r\n0;z\r\n\r\n", {200}),
    "chunks and trailers": (CHUNKED + b"\r\n" + CHUNK + b"\r\n" + BODY + b"\r\n0\r\nx-a: b\r\n\r\n", {200}),
    "a chunk's length that is none": (CHUNKED + b"\r\nzz\r\n" + BODY, {400, 0}),
    "a chunk longer than all memory": (CHUNKED + b"\r\n" + b"f" * 20 + b"\r\n" + BODY, {400, 0}),
    "100,000 short headers": (TYPED + b"".join(b"a%d:\r\n" % n for n in range(100_000)) + b"\r\n", {400, 0}),
    "500 short headers": (TYPED + b"".join(b"a%d:\r\n" % n for n in range(500)) + LENGTH + b"\r\n" + BODY, {200}),
    "a folded header": (TYPED + b"x-a: b\r\n c\r\n" + LENGTH + b"\r\n" + BODY, {200, 400}),
    "a header's name with a space": (TYPED + b"x a: b\r\n" + LENGTH + b"\r\n" + BODY, {400}),
    "a zero byte in a header": (TYPED + b"x-a: b\0c\r\n" + LENGTH + b"\r\n" + BODY, {400}),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {400, 0}),
    "HTTP/9.9": (HEAD.replace(b"1.1", b"9.9") + b"\r\n", {400}),
    "a method nobody knows": (HEAD.replace(b"POST", b"BREW") + b"\r\n", {400, 405}),
    "a path of 30,000 bytes": (HEAD.replace(b"allocations", b"a" * 30_000) + b"\r\n", {404}),
}  # fmt: skip


@pytest.mark.parametrize("what", RAW)
def test_requests_that_break_http_are_refused(served: Served, what: str) -> None:
    request, statuses = RAW[what]
    status, found = exchanged(served, request)
    assert status in statuses, found[:400]
    assert sent(served, "/v1/allocations", BODY, what) == 200


HEADERS = ("idempotency-key", "authorization", "x-request-id", "traceparent", "tracestate", "accept", "cookie")
VALUES = st.binary(max_size=80).map(lambda value: re.sub(rb"[\0\r\n]", b"", value))


def check_header(served: Served, name: str, value: bytes) -> None:
    line = name.encode() + b": " + value + b"\r\n"
    status, found = exchanged(served, TYPED + line + LENGTH + b"\r\n" + BODY)
    assert status in {200, 400, 401, 409, 422}, (name, value, found[:400])
    if status != 400:  # that is the server's own
        given_back = re.search(rb"x-request-id: ([^\r]*)\r\n", found)
        assert given_back
        assert re.fullmatch(rb"[A-Za-z0-9._:-]{1,128}", given_back[1])


@FEW
@given(name=st.sampled_from(HEADERS), value=VALUES)
@example("traceparent", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01")
@example("traceparent", b"ff-" + b"f" * 32 + b"-" + b"f" * 16 + b"-ff" + b"-more" * 50)
@example("authorization", b"Bearer adl_" + b"0" * 12 + b"_" + b"0" * 64)
@example("authorization", b"Basic \xff\xfe")
def test_headers_of_any_bytes_are_answered_or_refused(served: Served, name: str, value: bytes) -> None:
    check_header(served, name, value)


@pytest.mark.slow
@MANY
@given(name=st.sampled_from(HEADERS), value=VALUES)
def test_many_headers_of_any_bytes_are_answered_or_refused(served: Served, name: str, value: bytes) -> None:
    check_header(served, name, value)


RECALLED = st.tuples(
    st.sampled_from([path.removeprefix("/v1/") for path in GOOD]),
    st.sampled_from(["/{}", "/{}/request", "/{}/replay", "/{}/explanations/{}", "?after={}", "?since={}", "?{}={}"]),
    st.binary(max_size=40),
    st.binary(max_size=40),
)


def check_reading(served: Served, wanted: tuple[str, str, bytes, bytes]) -> None:
    kind, form, first, second = wanted
    target = f"/v1/{kind}" + form.format(quote_from_bytes(first, ""), quote_from_bytes(second, ""))
    request = f"GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode()
    status, found = exchanged(served, request)
    assert status in {200, 404, 422}, (target, found[:400])
    assert len(found) < 20_000 or status == 200


@FEW
@given(wanted=RECALLED)
@example(("allocations", "/{}", b"\0", b""))
@example(("allocations", "?{}={}", b"venue", b"\0"))
@example(("allocations", "?since={}", b"0001-01-01T00:00:00+14:00", b""))
@example(("closures", "/{}/explanations/{}", b"\xff", b"\xed\xa0\x80"))
def test_ids_and_queries_of_any_bytes_are_answered_or_refused(served: Served, wanted: Any) -> None:
    check_reading(served, wanted)


@pytest.mark.slow
@MANY
@given(wanted=RECALLED)
def test_many_ids_and_queries_of_any_bytes_are_answered_or_refused(served: Served, wanted: Any) -> None:
    check_reading(served, wanted)
