"""When a call is sent again, how long it waits, and when it gives up: told to a clock that tests move on."""

import json
import pickle
import ssl
from typing import Any

import httpx2
import pytest

from app.client import (
    AdlError,
    Client,
    Conflict,
    ConnectionFailed,
    InfeasibleBudget,
    Overloaded,
    RequestRefused,
    TimedOut,
    UnexpectedAnswer,
    errors,
)
from app.client.calls import POLICIES, READINESS, Call
from app.client.exchange import LONGEST_PAUSE, Broken, Outcome, Received, exchange
from app.problems import CODES, RequestProblem

CALL: Call[Any] = Call("POST", "/v1/allocations", body=b"{}", idempotency_key="key")
BROKEN = Broken(httpx2.ConnectError("Connection refused"))
GOOD = Received(200, {"x-request-id": "id", "idempotent-replayed": "true"}, b'{"id": "a"}')


def refusal(code: str, headers: dict[str, str] | None = None, **members: Any) -> Received:
    """As the service words it."""
    problem = RequestProblem(code, "why", members=members)
    return Received(CODES[code][0], headers or {}, json.dumps(problem.document()).encode())


class Course:
    """One exchange; `outcomes` come at once, after the pause that was asked for."""

    def __init__(self, outcomes: list[Outcome], seconds: float = 60, call: Call[Any] = CALL) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.limits: list[float] = []
        self.rest = outcomes
        self.steps = exchange(call, seconds, lambda: self.now)

    def run(self) -> Any:
        step = next(self.steps)
        while True:
            self.pauses.append(step.pause)
            self.limits.append(step.seconds)
            self.now += step.pause
            try:
                step = self.steps.send(self.rest.pop(0))
            except StopIteration as done:
                return done.value

    def fail(self) -> AdlError:
        with pytest.raises(AdlError) as caught:
            self.run()
        return caught.value


def test_pauses_double_and_are_not_the_same_for_everybody() -> None:
    course = Course([BROKEN] * 9 + [GOOD])
    answer = course.run()
    assert (answer.attempts, answer.replayed, answer.request_id) == (10, True, "id")
    most = [0, *(min(0.1 * 2**n, LONGEST_PAUSE) for n in range(9))]
    assert all(top / 2 <= pause <= top for pause, top in zip(course.pauses, most, strict=True))
    other = Course([BROKEN] * 9 + [GOOD])
    other.run()
    assert other.pauses != course.pauses


def test_every_attempt_has_what_is_left_of_the_time() -> None:
    course = Course([BROKEN, refusal("overloaded", {"retry-after": "3"}), GOOD], seconds=20)
    course.run()
    spent = 0.0
    for pause, limit in zip(course.pauses, course.limits, strict=True):
        spent += pause
        assert limit == pytest.approx(20 - spent)


@pytest.mark.parametrize(
    ("code", "retry_after"),
    [("overloaded", "3"), ("store-unavailable", "3"), ("rate-limited", "3"), ("idempotency-conflict", "3")],
)
def test_who_is_told_to_wait_does_not_come_before(code: str, retry_after: str) -> None:
    course = Course([refusal(code, {"retry-after": retry_after}), GOOD])
    assert course.run().attempts == 2
    assert 3 <= course.pauses[1] <= 3.75


@pytest.mark.parametrize("code", sorted(CODES))
@pytest.mark.parametrize("headers", [{}, {"retry-after": "1"}])
def test_what_another_attempt_cannot_change_is_raised_at_once(code: str, headers: dict[str, str]) -> None:
    again = (
        CODES[code][0] == 503
        or (code in ("rate-limited", "idempotency-conflict") and headers)
        or (
            code == "infeasible-budget" and headers  # which the service does not send
        )
    )
    course = Course([refusal(code, headers), GOOD])
    if again:
        assert course.run().attempts == 2
    else:
        failure = course.fail()
        assert (type(failure), failure.idempotency_key, len(course.pauses)) == (errors.CODES[code], "key", 1)
        assert isinstance(failure, RequestRefused)
        assert (failure.code, failure.detail, failure.status) == (code, "why", CODES[code][0])


def test_who_would_come_too_late_is_told_the_refusal_at_once() -> None:
    course = Course([refusal("overloaded", {"retry-after": "30"})], seconds=20)
    failure = course.fail()
    assert isinstance(failure, Overloaded)
    assert (failure.retry_after, course.now) == (30, 0)
    assert isinstance(Course([refusal("idempotency-conflict", {"retry-after": "9" * 400})]).fail(), Conflict)


@pytest.mark.parametrize("said", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1.5", ""])
def test_what_does_not_say_how_many_seconds_is_asked_again_soon(said: str) -> None:
    course = Course([refusal("rate-limited", {"retry-after": said}), GOOD])
    course.run()
    assert 0.05 <= course.pauses[1] <= 0.1


def test_trouble_until_the_time_is_up_is_told_by_its_last_kind() -> None:
    assert isinstance(Course([BROKEN] * 99, seconds=5).fail(), ConnectionFailed)
    busy = refusal("overloaded", {"retry-after": "1"})
    assert isinstance(Course([BROKEN, *[busy] * 99], seconds=5).fail(), Overloaded)
    assert isinstance(Course([busy, Broken(httpx2.ReadTimeout("timed out"))]).fail(), TimedOut)


def test_a_host_that_swallows_packets_is_tried_again() -> None:
    assert Course([Broken(httpx2.ConnectTimeout("timed out")), GOOD]).run().attempts == 2


def test_a_certificate_that_is_not_trusted_is_told_at_once() -> None:
    why = httpx2.ConnectError("certificate verify failed")
    why.__cause__ = OSError()
    why.__cause__.__context__ = ssl.SSLCertVerificationError()
    course = Course([Broken(why), GOOD])
    assert isinstance(course.fail(), ConnectionFailed)
    assert len(course.pauses) == 1


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b'{"detail": "Not Found"}', b'{"code": 1, "detail": "", "status": 404}']
)
@pytest.mark.parametrize("status", [200, 301, 404, 409, 502, 503, 504])
def test_an_answer_of_something_else_is_no_answer(status: int, body: bytes) -> None:
    if status == 200 and body.startswith(b"{"):
        return
    course = Course([Received(status, {}, body)] * 99, seconds=1)
    failure = course.fail()
    assert isinstance(failure, UnexpectedAnswer)
    assert f"status {status} " in str(failure)
    assert (len(course.pauses) > 1) == (status in (502, 503, 504))


def test_readiness_is_asked_once() -> None:
    failing = Received(503, {}, b'{"status": "failing"}')
    assert Course([failing], call=READINESS).run().data == {"status": "failing"}
    assert isinstance(Course([BROKEN], call=READINESS).fail(), ConnectionFailed)
    assert isinstance(Course([Received(503, {}, b"")], call=READINESS).fail(), UnexpectedAnswer)


def test_an_unknown_code_is_a_refusal_all_the_same() -> None:
    body = b'{"code": "from-tomorrow", "detail": "why", "status": 418}'
    failure = Course([Received(418, {}, body)], call=POLICIES).fail()
    assert type(failure) is RequestRefused
    assert str(failure) == "from-tomorrow: why"


def test_errors_can_be_sent_between_processes() -> None:
    members = {"budget": "3", "reachable_capacity": "1", "shortage": "2", "largest_feasible_severity": 0.5}
    refused = Course([refusal("infeasible-budget", **members)]).fail()
    for failure in (refused, Course([BROKEN], seconds=0.01).fail()):
        again = pickle.loads(pickle.dumps(failure))
        assert (type(again), str(again), again.idempotency_key) == (type(failure), str(failure), "key")
    assert isinstance(refused, InfeasibleBudget)
    assert {name: getattr(refused, name) for name in members} == members


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000", "ftp://a", "http://", "http://a b", "http://a?b", "http://u:p@a", "http://a:x"]
)
def test_an_address_that_is_none_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ValueError, match="the address must be like"):
        Client(url)


def test_keys_that_are_no_header_are_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match=r"^the key must be the text that `adl keys create` told$"):
        Client("http://127.0.0.1:1", key="a\r\nb")
    with Client("http://127.0.0.1:1") as client:
        for key in ("", "a b", "é", "a" * 256):
            with pytest.raises(ValueError, match="1 to 255 visible ASCII characters"):
                client.allocate({}, idempotency_key=key)
        with pytest.raises(TypeError, match="not both"):
            client.allocate({}, accounts=[])
        with pytest.raises(TypeError, match="`disconnect`"):
            client.close()
