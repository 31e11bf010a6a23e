"""Severity by rule: what it takes, what it protects, and what it leaves open (MODEL 9)."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvers.diagnostics.screening import screening
from solvers.problem import HaircutProblem, Shortfall
from solvers.registry import POLICIES
from solvers.solve import solve
from tests.problems import book

AMOUNTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=8)


def problem(units: list[int], deficit: int, severity: Any, floors: list[int] | None = None) -> HaircutProblem:
    found = replace(book([0] * len(units), [0] * len(units)), pnl_units=np.array(units))
    if floors is not None:
        found = replace(found, min_equity_units=np.array(floors))
    return HaircutProblem(found, Shortfall(deficit, severity=severity))


@given(AMOUNTS, AMOUNTS, st.integers(0, 10**10))
def test_match_takes_all_that_the_caps_allow_and_never_more_than_the_residual(
    pnl: list[int], floors: list[int], deficit: int
) -> None:
    floors = (floors * len(pnl))[: len(pnl)]
    found = problem(pnl, deficit, "match", floors)
    assert found.budget_units == min(deficit, found.reachable_units)
    solution = solve(found, POLICIES["capped-pro-rata"], POLICIES["capped-pro-rata"].parameters())
    assert solution.status == ("optimal" if solution.certificate.objective is not None else "feasible")


@given(AMOUNTS, st.integers(0, 10**10))
def test_extreme_value_takes_no_more_than_the_second_largest_winner_has(pnl: list[int], deficit: int) -> None:
    found = problem(pnl, deficit, "extreme-value")
    second = sorted((w for w in pnl if w), reverse=True)[:2][-1:] or [0]
    assert found.budget_units == min(deficit, second[0])
    assert screening(found).sparing_severity in (None, found.severity)
    queued = solve(found, POLICIES["queue"], POLICIES["queue"].parameters()).allocation.seized_units
    largest = int(np.argmax(pnl))
    assert pnl[largest] - int(queued[largest]) >= pnl[largest] - second[0]


@pytest.mark.parametrize("rule", ["match", "extreme-value"])
def test_a_rule_answers_what_its_own_severity_answers(rule: Any) -> None:
    by_rule = problem([8, 4, 1], 15, rule)
    by_hand = problem([8, 4, 1], 15, by_rule.severity)
    assert by_rule.severity == {"match": Fraction(13, 15), "extreme-value": Fraction(4, 15)}[rule]
    assert by_rule.budget_units == by_hand.budget_units
