"""A bucket for each caller: what it lets through, what it says when it does not, and what it forgets."""

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.problems import CODES, RequestProblem
from app.rate import Rate


class Seconds:
    """A clock that tests move on."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def refused(rate: Rate, caller: str = "me") -> int | None:
    """None if it was admitted, else the seconds to wait."""
    try:
        rate.admit(caller)
    except RequestProblem as problem:
        return int(problem.headers["Retry-After"])
    return None


def test_a_caller_may_ask_for_a_second_s_worth_at_once_and_then_as_it_comes_in() -> None:
    time = Seconds()
    rate = Rate(4, time)
    assert [refused(rate) for _ in range(6)] == [None] * 4 + [1, 1]
    time.now += 0.25
    assert [refused(rate) for _ in range(2)] == [None, 1]
    time.now += 0.75
    assert refused(rate) is None
    time.now += 0.875
    assert [refused(rate) for _ in range(5)] == [None] * 4 + [1]
    time.now += 100
    assert [refused(rate) for _ in range(5)] == [None] * 4 + [1]


def test_a_slow_rate_lets_one_through_and_tells_when_the_next_may_come() -> None:
    time = Seconds()
    rate = Rate(0.1, time)
    assert [refused(rate) for _ in range(2)] == [None, 10]
    time.now += 7.5
    assert refused(rate) == 3
    time.now += 2.5
    assert refused(rate) is None


def test_a_refusal_says_how_often_one_may_ask_and_when_again() -> None:
    rate = Rate(0.5, Seconds())
    rate.admit("me")
    with pytest.raises(RequestProblem, match=r"^a caller may ask 0\.5 times a second: try again in 2 s$") as caught:
        rate.admit("me")
    assert (caught.value.code, caught.value.headers) == ("rate-limited", {"Retry-After": "2"})
    assert CODES["rate-limited"][0] == 429


def test_callers_do_not_take_from_each_other() -> None:
    rate = Rate(1, Seconds())
    assert [refused(rate, caller) for caller in ("me", "you", "", "me", "you", "")] == [None] * 3 + [1] * 3


@given(per_second=st.floats(0.01, 20), gaps=st.lists(st.just(0.0) | st.floats(0, 0.2) | st.floats(0, 3), min_size=1))
@example(per_second=3.0, gaps=[1 / 3] * 100)
def test_no_stretch_of_time_sees_more_than_the_rate_and_one_bucket(per_second: float, gaps: list[float]) -> None:
    time = Seconds()
    rate = Rate(per_second, time)
    admitted: list[float] = []
    for gap in gaps:
        time.now += gap
        if refused(rate) is None:
            admitted.append(time.now)
    assert admitted
    for first, start in enumerate(admitted):
        for last in range(first, len(admitted)):
            most = per_second * (admitted[last] - start) + max(per_second, 1)
            assert last - first + 1 <= most + 1e-5  # the clock's own rounding, in requests


@given(per_second=st.floats(0.01, 20), asked=st.integers(1, 30))
@example(per_second=1 / 49, asked=3)
def test_who_waits_as_long_as_told_is_admitted(per_second: float, asked: int) -> None:
    time = Seconds()
    rate = Rate(per_second, time)
    waits = 0
    for _ in range(asked):
        seconds = refused(rate)
        if seconds is not None:
            assert seconds >= 1
            time.now += seconds
            assert refused(rate) is None
            waits += 1
    assert waits == asked - 1 or per_second > 1


def test_the_rounding_of_the_clock_costs_no_second() -> None:
    time = Seconds(65531.9)
    rate = Rate(1 / 43, time)
    rate.admit("me")
    time.now += 1
    assert refused(rate) == 42
    time.now += 42
    assert refused(rate) is None


@given(
    per_second=st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.0]),
    steps=st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 2, 4, 8, 40]), st.sampled_from("aaab")), max_size=80),
)
def test_forgetting_callers_changes_no_decision(per_second: float, steps: list[tuple[int, str]]) -> None:
    time = Seconds()
    rate = Rate(per_second, time)
    most = max(Fraction(per_second), Fraction(1))
    kept: dict[str, Fraction] = {}
    for eighths, caller in steps:
        time.now += eighths / 8
        filled = Fraction(per_second) * eighths / 8
        kept = {name: min(tokens + filled, most) for name, tokens in kept.items()}
        tokens = kept.get(caller, most)
        assert (refused(rate, caller) is None) == (tokens >= 1)
        kept[caller] = tokens - (tokens >= 1)


def test_callers_are_forgotten_when_their_buckets_are_full_again() -> None:
    time = Seconds()
    rate = Rate(10, time)
    held = []
    for number in range(2_000):
        time.now += 0.01
        rate.admit(f"{number}")
        if number % 20 == 0:
            rate.admit("often")
        held.append(len(rate._buckets))
    assert 90 <= max(held) <= 102
    time.now += 1
    rate.admit("me")
    assert len(rate._buckets) == 1
