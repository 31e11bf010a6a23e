"""Decimals to units and to integers: exactly what `decimal` says, for every number that can arrive."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from solvers import money
from solvers.errors import ProblemError
from solvers.money import Numbers

ROUNDINGS = (ROUND_FLOOR, ROUND_CEILING, ROUND_HALF_EVEN)
EXACT = Context(prec=2_000)

amounts = st.one_of(
    st.floats(min_value=-9e11, max_value=9e11),
    st.decimals(min_value=-(10**10), max_value=10**10, places=6, allow_nan=False).map(float),
    st.integers(-(10**11), 10**11),
    st.decimals(min_value=-(10**10), max_value=10**10, places=9, allow_nan=False).map(lambda d: f"{d:f}"),
    st.integers(-(10**17), 10**17).map(lambda k: k / 10**6),
    st.sampled_from([0.1 + 0.2, 0.3, 1e-9, -1e-9, 5e-324, -5e-324, 2.5e-6, "1e-12", "-0", 1e11, 0.29, 8.7, 1.1e-6]),
)


@given(st.lists(amounts, min_size=1, max_size=8), st.integers(0, 7), st.sampled_from(ROUNDINGS))
@example([0.1 + 0.2], 6, ROUND_FLOOR)
@example([4.35, 1.005, 0.285], 2, ROUND_FLOOR)
def test_units_are_the_shortest_decimal_form_rounded_once(
    values: list[float | int | str], precision: int, rounding: str
) -> None:
    wanted = []
    for value in values:
        decimal = Decimal(value if isinstance(value, str) else repr(value))
        wanted.append(int(EXACT.scaleb(decimal, precision).to_integral_value(rounding, EXACT)))
    assume(sum(map(abs, wanted)) < 2**63)
    assert Numbers.parse("cash", values).units(precision, rounding).tolist() == wanted


@given(st.lists(amounts, min_size=1, max_size=8))
def test_exact_integers_are_exact(values: list[float | int | str]) -> None:
    integers, decimals = Numbers.parse("notional", values).exact
    assert [Fraction(int(k), 10**decimals) for k in integers] == [money.fraction(value) for value in values]


def test_a_whole_number_beyond_the_doubles_is_still_exact() -> None:
    assert Numbers.parse("cash", [2**53 + 1, "9223372036854.775807"]).units(0).tolist() == [2**53 + 1, 9223372036854]
    assert Numbers.parse("cash", ["9223372036854.775807"]).units(6).tolist() == [2**63 - 1]


@pytest.mark.parametrize("value", [2**63, -(2**63), 1e19, "9223372036854775808", 10**300, 1e300, "1e400"])
def test_amounts_of_two_to_the_sixty_third_are_refused(value: float | int | str) -> None:
    with pytest.raises(ProblemError) as refused:
        Numbers.parse("pnl", [1, value, 1]).units(0)
    assert refused.value.field == "pnl"
    assert list(refused.value.faults) == [1]
    assert "too large" in refused.value.faults[1]


def test_sums_of_two_to_the_sixty_third_are_refused_and_opposite_signs_do_not_hide_them() -> None:
    half = 2**62
    assert Numbers.parse("pnl", [half, half - 1]).units(0).sum() == 2**63 - 1
    for values in ([half, half], [half, half, -half], [-half, -half]):
        with pytest.raises(ProblemError, match="sum is too large"):
            Numbers.parse("pnl", values).units(0)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (float("nan"), "finite"),
        (float("inf"), "finite"),
        ("nan", "not a decimal"),
        ("Infinity", "not a decimal"),
        ("1,5", "not a decimal"),
        ("0x10", "not a decimal"),
        ("٣", "not a decimal"),
        ("1" * 65, "64 characters"),
        (True, "number or a decimal string"),
        (None, "number or a decimal string"),
        ([1], "number or a decimal string"),
        (10**400, "too large"),
    ],
)
def test_what_is_not_a_number_is_named(value: object, why: str) -> None:
    with pytest.raises(ProblemError) as refused:
        Numbers.parse("pnl", [1.5, value, 2])
    assert list(refused.value.faults) == [1]
    assert why in refused.value.faults[1]


def test_missing_values_are_remembered_where_they_may_be_missing() -> None:
    numbers = Numbers.parse("score", [None, 2, "3.5"], optional=True)
    assert numbers.missing is not None
    assert numbers.missing.tolist() == [True, False, False]
    np.testing.assert_array_equal(numbers.floats, [0, 2, 3.5])


def test_values_that_differ_far_down_have_different_texts_and_equal_ones_have_one() -> None:
    long = "0." + "1" * 40
    assert money.canonical(long) != money.canonical(long[:-1] + "2")
    assert money.canonical(long) == money.canonical("+" + long + "000") == money.canonical("0.0" + "1" * 40 + "e1")
    assert money.canonical("-0.0") == money.canonical(0) == "0"
