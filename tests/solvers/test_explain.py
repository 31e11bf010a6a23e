"""Formulas as text, ratios as they are shown, and scores."""

from fractions import Fraction

import pytest

from solvers.explain.formulas import evaluate, ratio, significant
from solvers.explain.policies import _RULES
from solvers.explain.scores import figures_of, scored
from solvers.registry import POLICIES


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("min(cap, 2 * w)", 3),
        ("max(cap - 2 * w, 0)", 0),
        ("w / 8 + abs(0 - w)", Fraction(9, 4)),
        ("(w / 3)^2 * 1e-1", Fraction(4, 90)),
        ("cap^(0 - 1)", Fraction(1, 3)),
        ("(w - 2)^(1 / 2)", 0),
    ],
)
def test_a_formula_is_exact(formula: str, value: Fraction) -> None:
    assert evaluate(formula, {"cap": Fraction(3), "w": Fraction(2)}) == value


def test_a_broken_power_has_sixty_digits() -> None:
    root = evaluate("x^(1 / 2)", {"x": Fraction(2)})
    assert abs(root**2 - 2) < Fraction(1, 10**55)


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (Fraction(2, 3), 3, Fraction(667, 1000)),
        (Fraction(-2, 3000), 2, Fraction(-67, 10**5)),
        (Fraction(99999), 4, Fraction(100000)),
        (Fraction(1, 7) * 10**40, 2, Fraction(14 * 10**38)),
        (Fraction(0), 5, Fraction(0)),
        (Fraction(10**5000 + 1, 10**5000), 3, Fraction(1)),
    ],
)
def test_a_ratio_has_the_digits_asked_for(value: Fraction, digits: int, shown: Fraction) -> None:
    assert significant(value, digits) == shown


def test_a_ratio_has_more_digits_where_the_amount_has() -> None:
    assert ratio(Fraction(1, 3), 10**6).value == Fraction(333_333_333_333, 10**12)
    most = 2**62
    assert abs(ratio(Fraction(1, 3), most).value - Fraction(1, 3)) * most < Fraction(1, 100)


def test_a_score_that_is_infinite_is_none_and_one_without_profit_is_nothing() -> None:
    figures = dict(zip(figures_of("bitmex"), map(Fraction, (5, 10, 8, 10)), strict=True))
    assert scored("bitmex", figures)[1] is None
    assert scored("bitmex", figures | {"bankruptcy_notional": Fraction(12)})[1] == Fraction(5, 8) * 5
    assert scored("bitmex", figures | {"pnl": Fraction(-4), "bankruptcy_notional": Fraction(12)})[1] == Fraction(-1, 10)
    assert scored("bitmex", figures | {"pnl": Fraction(-4)})[1] == 0
    under_water = {"pnl": Fraction(1), "cash": Fraction(-1), "maintenance_margin": Fraction(3)}
    assert scored("binance", under_water)[1] == 0


def test_every_policy_has_its_words() -> None:
    assert list(_RULES) == list(POLICIES)
