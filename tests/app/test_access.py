"""Who is let in: by a key, or without one where none is needed; and what is remembered of keys."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from hypothesis import assume, given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from app.access import issue, may_listen
from app.problems import CODES, RequestProblem
from app.store import SCOPES, KeyScope
from tests.app.desks import ELSEWHERE, HERE, NOW, UNKNOWN, Desk, bearing, refusal, request


@pytest.mark.parametrize("scopes", [held for count in (1, 2, 3) for held in combinations(SCOPES, count)], ids=" ".join)
def test_a_key_allows_its_scopes_and_nothing_else(desk: Desk, scopes: tuple[KeyScope, ...]) -> None:
    key, token = desk.issue(*scopes)
    for needed in SCOPES:
        if needed in scopes:
            assert desk.access.caller(bearing(token), needed) == key.id
            assert desk.access.cached(bearing(token), needed) == key.id
        else:
            problem = refusal(desk.access, bearing(token), needed)
            assert (problem.code, CODES[problem.code][0]) == ("forbidden", 403)
            assert needed in problem.detail
            with pytest.raises(RequestProblem, match=needed):
                desk.access.cached(bearing(token), needed)


def test_every_key_that_does_not_count_is_refused_in_the_same_words(desk: Desk) -> None:
    _, token = desk.issue()
    revoked, revoked_token = desk.issue()
    desk.store.revoke_key(revoked.id)
    good = f"Bearer {token}".encode()
    refused = [
        *[
            [value]
            for value in (
                f"Bearer {revoked_token}".encode(), f"Bearer {UNKNOWN}".encode(), good[:-1], good + b"0", good + b" ",
                good[:-64] + b"0" * 64, good.upper(), b"", b"Bearer", b"Bearer ", b"Basic YTpi", token.encode(),
                good.replace(b" ", b""), good.replace(b" ", b"\t"), good.replace(b"adl", b"abc"), good + b"\n", b"\xff",
            )
        ],
        [good, good],
        [good, b"Basic YTpi"],
    ]  # fmt: skip
    problems = [refusal(desk.access, request(*((b"authorization", value) for value in values))) for values in refused]
    (answer,) = {(problem.code, problem.detail, *problem.headers.items()) for problem in problems}
    assert answer[0] == "unauthorized"
    assert CODES["unauthorized"][0] == 401
    assert answer[2:] == (("WWW-Authenticate", "Bearer"),)
    assert "`adl keys create`" in answer[1]
    assert desk.access.caller(bearing(token), "solve")


def test_the_scheme_is_read_in_any_case(shared: Desk) -> None:
    key, token = shared.issue()
    for scheme in ("bearer", "BEARER", "Bearer  "):
        assert shared.access.caller(request((b"authorization", f"{scheme} {token}".encode())), "read") == key.id


@pytest.mark.parametrize("require", [True, False, None])
def test_arbitrary_headers_are_refused_or_passed_and_nothing_else(shared: Desk, require: bool | None) -> None:
    access = shared.open(require)
    _, token = shared.issue()
    good = f"Bearer {token}".encode()
    names = st.sampled_from([b"authorization", b"host", b"forwarded", b"x-forwarded-for", b"via"]) | st.binary()
    values = st.binary() | st.sampled_from([b"localhost", b"127.0.0.1:80", good[:-1], good[:9] + b"\0" + good[10:]])
    servers = st.none() | st.tuples(st.ip_addresses().map(str) | st.text(), st.integers(0, 65535))

    @given(st.lists(st.tuples(names, values), max_size=6), servers, servers)
    def check(headers: list[tuple[bytes, bytes]], server: Any, client: Any) -> None:
        scope = request(*headers, server=server, client=client)
        if require is True or b"authorization" in dict(headers):
            assert refusal(access, scope).code == "unauthorized"
        elif require is False:
            assert access.caller(scope, "solve") == ""
        else:
            try:
                assert access.caller(scope, "solve") == ""
            except RequestProblem as problem:
                assert "from this machine" in problem.detail  # noqa: PT017  (either is right)

    check()


def test_no_key_but_the_right_one_passes(shared: Desk) -> None:
    _, token = shared.issue()
    good = f"Bearer {token}".encode()

    @given(st.integers(len(b"Bearer "), len(good) - 1), st.integers(0, 255))
    def check(place: int, byte: int) -> None:
        assume(good[place] != byte)
        header = good[:place] + bytes([byte]) + good[place + 1 :]
        assert refusal(shared.access, request((b"authorization", header))).code == "unauthorized"

    check()


@pytest.mark.parametrize("needed", SCOPES)
def test_without_a_key_everything_or_nothing_is_allowed_as_required(shared: Desk, needed: KeyScope) -> None:
    assert shared.open(False).caller(request(), needed) == ""
    assert shared.open(False).cached(request(), needed) == ""
    for require in (True, None):
        problem = refusal(shared.open(require), request(), needed)
        assert (problem.code, problem.headers) == ("unauthorized", {"WWW-Authenticate": "Bearer"})
        assert "`adl keys create`" in problem.detail
        assert "ADL_REQUIRE_KEYS=false" in problem.detail
    assert refusal(shared.open(True), request(server=HERE)).code == "unauthorized"


@pytest.mark.parametrize("require", [False, None])
def test_a_key_that_comes_is_checked_where_none_is_needed(shared: Desk, require: bool | None) -> None:
    access = shared.open(require)
    key, token = shared.issue("read")
    local = {"server": ("testserver", 80)}
    assert access.caller(bearing(token) | local, "read") == key.id
    assert refusal(access, bearing(token) | local, "solve").code == "forbidden"
    assert refusal(access, bearing(UNKNOWN) | local).code == "unauthorized"


LOCALHOST = (b"host", b"localhost:8000")


@pytest.mark.parametrize(
    "scope",
    [
        request(LOCALHOST, server=HERE),
        request((b"host", b"LocalHost"), server=HERE),
        request((b"host", b"adl-service:80"), server=HERE),
        request((b"host", b"127.0.0.1:8000"), server=HERE, client=("127.0.0.1", 50000)),
        request((b"host", b"127.9.9.9"), server=("127.9.9.9", 80), client=("127.0.0.1", 50000)),
        request((b"host", b"[::1]:8000"), server=("::1", 8000), client=("::1", 50000)),
        request(LOCALHOST, server=("::ffff:127.0.0.1", 8000), client=("::ffff:127.0.0.1", 50000)),
        request((b"host", b"testserver"), server=("testserver", 80), client=("testclient", 50000)),
        request((b"host", b"adl"), server=("/run/adl.sock", None)),
        request(server=("/run/adl.sock", None)),
    ],
)
def test_local_requests_are_anonymous_and_may_do_everything(shared: Desk, scope: Scope) -> None:
    access = shared.open(None)
    for needed in SCOPES:
        assert access.caller(scope, needed) == ""
        assert access.cached(scope, needed) == ""


@pytest.mark.parametrize(
    "scope",
    [
        request(LOCALHOST, server=ELSEWHERE),
        request(LOCALHOST, server=("::ffff:10.1.2.3", 8000)),
        request(LOCALHOST, server=("fe80::1%eth0", 8000)),
        request(LOCALHOST, server=("0.0.0.0", 8000)),
        request(LOCALHOST, server=HERE, client=("10.1.2.3", 50000)),
        request(LOCALHOST, server=None),
        request(server=HERE),
        request(LOCALHOST, LOCALHOST, server=HERE),
        *[
            request((b"host", host), server=HERE)
            for host in (
                b"", b"rebound.example", b"localhost.example", b"127.0.0.1.example", b"rebound.example:127",
                b"10.1.2.3", b"localhost:8000@rebound.example", b"localhost\n", b"::1", b"127.0.0.1:", b"127.1",
            )
        ],
        *[
            request(LOCALHOST, (name, b""), server=server)
            for name in (
                b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"via",
            )
            for server in (HERE, ("/run/adl.sock", None), ("testserver", 80))
        ],
    ],
)  # fmt: skip
def test_requests_that_are_not_local_need_a_key(shared: Desk, scope: Scope) -> None:
    problem = refusal(shared.open(None), scope)
    assert problem.code == "unauthorized"
    assert "from this machine" in problem.detail


class Serving(uvicorn.Server):
    """Serves in a thread, and is there when its block starts."""

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            deadline = time.monotonic() + 10
            while not self.started:
                assert thread.is_alive()
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield
        finally:
            self.should_exit = True
            thread.join()


def test_real_connections_are_told_apart(shared: Desk, tmp_path: Path) -> None:
    access = shared.open(None)
    key, token = shared.issue()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = PlainTextResponse(f"caller {access.caller(scope, 'solve')}")
        except RequestProblem as problem:
            response = problem.response()
        await response(scope, receive, send)

    common: dict[str, Any] = {"lifespan": "off", "log_config": None}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with (
            Serving(uvicorn.Config(app, fd=listening.fileno(), **common)).running(),
            httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client,
        ):
            tries = [{}, {"Host": "rebound.example"}, {"X-Forwarded-For": "127.0.0.1"}]
            told = [client.get("/", headers=headers) for headers in tries]
            assert [answer.status_code for answer in told] == [200, 401, 401]
            assert told[0].text == "caller "
            assert told[1].headers["www-authenticate"] == "Bearer"
            told = [client.get("/", headers={**headers, "Authorization": f"Bearer {token}"}) for headers in tries]
            assert [answer.text for answer in told] == [f"caller {key.id}"] * 3
    path = f"{tmp_path / 'adl.sock'}"
    with (
        Serving(uvicorn.Config(app, uds=path, **common)).running(),
        httpx2.Client(transport=httpx2.HTTPTransport(uds=path)) as client,
    ):
        tries = [{}, {"Host": "adl.internal"}, {"Forwarded": "for=127.0.0.1"}]
        told = [client.get("http://localhost/", headers=headers) for headers in tries]
        assert [answer.status_code for answer in told] == [200, 200, 401]


def test_secrets_are_not_stored_logged_printed_or_told(
    desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key, token = desk.issue()
    secret = token.rpartition("_")[2]
    desk.access.caller(bearing(token), "solve")
    desk.store.revoke_key(key.id)
    desk.time.now += 10
    problem = refusal(desk.access, bearing(token))
    told = (
        f"{problem!r} {problem.document()} {problem.headers} {key!r} {desk.store.keys()} {desk.access!r} {caplog.text}"
    )
    assert secret not in told
    assert key.hash not in told
    files = [path.read_bytes() for path in tmp_path.iterdir()]
    assert any(key.id.encode() in content for content in files)
    assert not any(secret.encode() in content or bytes.fromhex(secret) in content for content in files)


def test_every_key_is_another() -> None:
    made = [issue("one", ["admin", "solve", "solve"], NOW) for _ in range(100)]
    assert (
        len({token for _, token in made})
        == len({key.id for key, _ in made})
        == len({key.hash for key, _ in made})
        == 100
    )
    assert {key.scopes for key, _ in made} == {("solve", "admin")}


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb", "a\0b", "\ud800"])
def test_a_name_that_could_not_be_shown_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 100 printable characters"):
        issue(name, ["solve"], NOW)
    issue("Ünïcode " * 12, ["solve"], NOW)


@pytest.mark.parametrize("scopes", [[], ["write"], ["solve", "write"]])
def test_a_key_without_a_scope_or_with_an_unknown_one_is_refused(scopes: list[str]) -> None:
    with pytest.raises(ValueError, match="one or more of solve, read, admin"):
        issue("one", scopes, NOW)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("require", [True, False, None])
@pytest.mark.parametrize("has_keys", [True, False])
def test_the_service_may_always_listen_on_loopback(host: str, require: bool | None, has_keys: bool) -> None:
    assert may_listen(host, require, has_keys) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.1.2.3", "adl.internal", "127.1", "localhost.example"])
def test_elsewhere_it_may_only_where_there_are_keys_or_none_are_wanted(host: str) -> None:
    for require in (True, None):
        reason = may_listen(host, require, has_keys=False)
        assert reason is not None
        assert "`adl keys create`" in reason
        assert may_listen(host, require, has_keys=True) is None
    for has_keys in (True, False):
        assert may_listen(host, require=False, has_keys=has_keys) is None
