"""Formulas as text, what they give, and what is told with them.

A formula is over names, numbers, + - * / ^, `min`, `max` and `abs`. What it gives is computed from the text itself and
from the terms as they are shown, so that what is told and what is computed cannot differ.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache
from math import log10
from typing import Any, Literal

from solvers.money import fraction

DIGITS = 12
"""Significant digits of a ratio, where an amount does not need more."""

_SPARE = 3
"""Further digits than the amount in units has: a product is then exact to a thousandth of a unit."""

_POWERS = Context(prec=60)


@dataclass(frozen=True)
class Term:
    """One number of a formula: `money` in currency, a `number` exactly as it was given, or a `ratio`, rounded."""

    value: Fraction
    kind: Literal["money", "number", "ratio"]
    digits: int = DIGITS


@dataclass(frozen=True)
class Told:
    """How an amount comes about.

    rule       in a sentence or two
    formula    over `terms`; None where others' data would be needed or no formula can be written out: `rule` says why
    computed   what it gives, in currency
    """

    rule: str
    formula: str | None
    terms: dict[str, Term]
    computed: Fraction | None


def money(units: int, precision: int) -> Term:
    """Whole units as a term."""
    return Term(Fraction(int(units), 10**precision), "money")


def ratio(value: Fraction | float, most_units: int = 0, digits: int = DIGITS) -> Term:
    """A ratio with at least so many digits, and as many as a product of up to `most_units` whole units needs."""
    digits = max(digits, len(str(most_units)) + _SPARE)
    return Term(significant(Fraction(value), digits), "ratio", digits)


def significant(value: Fraction, digits: int) -> Fraction:
    """Rounded to so many significant digits."""
    if not value:
        return value
    bits = value.numerator.bit_length() - value.denominator.bit_length()
    power = int(bits * log10(2)) + 1
    while abs(value) < Fraction(10) ** power:
        power -= 1
    scale = Fraction(10) ** (digits - 1 - power)
    return round(value * scale) / scale


def told(rule: str, formula: str | None, terms: dict[str, Term]) -> Told:
    """With what the formula gives."""
    values = {name: term.value for name, term in terms.items()}
    return Told(rule, formula, terms, None if formula is None else evaluate(formula, values))


def evaluate(formula: str, values: Mapping[str, Fraction]) -> Fraction:
    """What a formula gives: exactly, but for broken powers, which have 60 digits."""
    return _value(_parsed(formula), values)


@cache
def _parsed(formula: str) -> ast.expr:
    return ast.parse(formula.replace("^", "**"), mode="eval").body


_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_FUNCTIONS: dict[str, Callable[..., Fraction]] = {"min": min, "max": max, "abs": abs}


def _value(node: ast.expr, values: Mapping[str, Fraction]) -> Fraction:
    match node:
        case ast.Name(id=name):
            return values[name]
        case ast.Constant(value=int() | float() as number):
            return fraction(number)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left, values), _value(right, values))
        case ast.BinOp(left=left, op=op, right=right):
            found: Fraction = _OPERATORS[type(op)](_value(left, values), _value(right, values))
            return found
        case ast.Call(func=ast.Name(id=name), args=args):
            return _FUNCTIONS[name](*(_value(arg, values) for arg in args))
    raise TypeError("a formula has names, numbers, operators and functions only")


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator == 1:
        return base ** int(exponent)
    one, other = (_POWERS.divide(Decimal(part.numerator), Decimal(part.denominator)) for part in (base, exponent))
    return Fraction(_POWERS.power(one, other)) if base else base
