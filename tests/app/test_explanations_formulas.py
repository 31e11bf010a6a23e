"""The formula of an explanation gives the amount of every account of any book, from its terms alone."""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, localcontext
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from app.convert.encode import dump
from app.convert.explanations import Alternatives, allocation_explanation
from app.convert.requests import allocation_of
from app.settings import Settings
from solvers.explain.policies import explain
from solvers.queue import Score
from solvers.solve import solve
from tests import books
from tests.app.requests import Body
from tests.problems import some

NOBODY = Alternatives({}, {})
BOOKS = books.nasty_books(40)
LAWS: dict[str, Body] = {
    "normal": {"law": "normal", "sigma": 0.1},
    "student-t": {"law": "student-t", "df": 3, "scale": 0.05},
    "two-point": {"law": "two-point", "size": 0.2},
    "scenarios": {"law": "scenarios", "moves": [[-0.3], [-0.1], [0.02], [0.2], [0.35]]},
}
CURVES: dict[str, Body] = {
    "linear": {"curve": "linear", "rate": 0.7},
    "power 1.5": {"curve": "power", "rate": 0.9, "exponent": 1.5},
    "power 2": {"curve": "power", "rate": 0.9, "exponent": 2},
    "power 3.3": {"curve": "power", "rate": 0.5, "exponent": 3.3},
    "exponential": {"curve": "exponential", "rate": 3},
}
AIMS: dict[str, Body] = {
    "expected-deficit": {"name": "expected-deficit"},
    "expected-deficit cash": {"name": "expected-deficit", "exposure_model": "cash"},
    "expected-deficit both": {"name": "expected-deficit", "exposure_model": "both"},
    "cvar": {"name": "cvar", "level": 0.9},
    "cvar cash": {"name": "cvar", "level": 0.9, "exposure_model": "cash"},
    "revenue": {"name": "revenue"},
    "revenue exact": {"name": "revenue", "exact": True},
    "rap optimal": {"name": "rap", "risk": "optimal"},
    "rap power 0.37": {"name": "rap", "risk": "power", "exponent": 0.37},
    "blend": {"name": "blend"},
    "blend of two": {"name": "blend", "weights": {"fairness": 0.05, "robustness": 1}},
    "blend of three": {"name": "blend", "weights": {"fairness": 0.05, "robustness": 1, "revenue": 2}},
    "blend of losses": {"name": "blend", "weights": {"fairness": 0, "robustness": 1}},
}
_NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?(?:e-?\d+)?)")


def value_of(formula: str, terms: Mapping[str, Any]) -> Decimal:
    """A formula by Python's own rules, in 90 digits; `terms` are decimal strings and numbers."""
    names = {"min": min, "max": max, "abs": abs, "D": Decimal, "__builtins__": {}}
    with localcontext(prec=90):
        text = _NUMBER.sub(r"D('\1')", formula).replace("^", "**")
        return Decimal(eval(text, names, {name: Decimal(term) for name, term in terms.items()}))


def explanations(body: Body) -> Iterator[Body]:
    """Of every account of a book, as they are sent; numbers with all of their digits."""
    asked, chosen = allocation_of(json.loads(json.dumps(body)), Settings.model_construct())
    solution = solve(asked.problem, chosen.policy, chosen.parameters, partial=asked.partial)
    for row in range(asked.accounts):
        told = explain(solution, chosen.policy, chosen.parameters, row)
        answer = allocation_explanation(chosen, solution, told, row, NOBODY)
        yield json.loads(dump(answer), parse_float=Decimal)


def off(told: Body, precision: int) -> Decimal:
    """By how many units the formula is off; what is told of that is so."""
    found, seized = value_of(told["formula"], told["terms"]), Decimal(told["seized"])
    unit = Decimal(1).scaleb(-precision)
    assert abs(found - Decimal(told["computed"])) <= unit / 1000
    assert abs(seized - found - Decimal(told["rounding"]["difference"])) <= unit / 1000
    return abs(found - seized) / unit


def aimed(rng: Random, policy: Body, law: str, curve: str) -> Body:
    """Up to 25 accounts with ties, caps, debts, no positions and no fees, and a budget up to all that they can bear."""
    rows, reachable = [], Decimal(0)
    for place in range(rng.randint(2, 25)):
        pnl = round(rng.choice([5, 5, 1, rng.uniform(0, 1000), rng.lognormvariate(5, 3), -rng.uniform(0, 50)]), 6)
        cash = round(rng.choice([0, 1, rng.uniform(0, 2000), -rng.uniform(0, 0.9) * max(pnl, 0)]), 6)
        notional = rng.choice([0, 10, 10, round(rng.uniform(0, 20000), 3)])
        row = {
            "id": f"account {place}",
            "cash": cash,
            "pnl": pnl,
            "notional": notional,
            "fees": rng.choice([0, 1, 1, round(rng.uniform(0, 30), 2)]),
            "max_haircut": rng.choice([1, 1, 0.5, 0.25]),
            "min_equity": rng.choice([0, 0, 0, 3]),
            "exposure": rng.choice([-1, 1]) * notional,
        }
        rows.append(row)
        equity, endowment = cash + pnl, max(pnl, 0) if cash + pnl > 0 else 0
        reachable += Decimal(max(min(row["max_haircut"] * endowment, equity - row["min_equity"]), 0))
    deficit = round(float(reachable) * rng.choice([0, 0.01, 0.3, 0.5, 0.9, 1]), 6)
    return {
        "snapshot": {"accounts": rows},
        "shortfall": {"deficit": deficit},
        "policy": policy,
        "options": {"shock": LAWS[law], "retention": CURVES[curve], "on_infeasible": "partial"},
    }


@pytest.mark.parametrize("policy", books.POLICIES.values(), ids=books.POLICIES)
@pytest.mark.parametrize("book", some(range(len(BOOKS)), 8))
def test_the_formula_gives_every_amount_of_a_nasty_book_to_the_unit(book: int, policy: Body) -> None:
    body = books.with_policy(BOOKS[book], policy, on_infeasible="partial")
    seen = 0
    for told in explanations(body):
        assert off(told, body["snapshot"]["precision"]) <= 1, told
        seen += 1
    assert seen == len(body["snapshot"]["accounts"])


@pytest.mark.parametrize("policy", AIMS)
@pytest.mark.parametrize("seed", some(60, 6))
def test_the_formula_gives_every_amount_of_an_aim_or_is_not_told(seed: int, policy: str) -> None:
    rng = Random(f"{seed} {policy}")
    law, curve = rng.choice(list(LAWS)), rng.choice(list(CURVES))
    if curve == "exponential" and policy == "blend of three":
        curve = "power 2"
    for told in explanations(aimed(rng, AIMS[policy], law, curve)):
        inside = told["outcome"] in ("spared", "part", "cap")
        if told["formula"] is None:
            assert inside
            assert (told["computed"], told["rounding"]) == (None, None)
            assert not closed_form(policy, law, curve), told
        else:
            assert off(told, 6) <= 2, told
        if "saved" in told["terms"] and told["formula"]:
            kept(told, Decimal(told["terms"]["saved"]) - Decimal(told["terms"]["price"]))
        elif "cost" in told["terms"] and curve != "exponential":
            kept(told, Decimal(told["terms"]["price"]) - Decimal(told["terms"]["cost"]))


def closed_form(policy: str, law: str, curve: str) -> bool:
    """Whether every account's amount follows from its own figures and one number."""
    name = AIMS[policy]["name"]
    match policy:
        case "expected-deficit cash":
            return law in ("normal", "student-t")
        case "expected-deficit both" | "cvar cash":
            return False
        case "revenue exact":
            return curve != "exponential"
        case "blend of three":
            return curve in ("linear", "power 2")
    return name != "cvar" or law != "scenarios"


def kept(told: Body, gain: Decimal) -> None:
    """Whoever is on the one side of the price is full, on the other spared."""
    if Decimal(told["seized"]) and told["outcome"] == "part":
        assert abs(gain) <= abs(Decimal(told["terms"]["price"])) * Decimal("1e-9"), told
    slack = abs(Decimal(told["terms"]["price"])) * Decimal("1e-9") + Decimal("1e-300")
    assert gain >= -slack if told["outcome"] == "cap" else True, told
    assert gain <= slack if told["outcome"] == "spared" else True, told


@pytest.mark.parametrize("score", books.SCORES)
def test_a_queue_is_in_the_order_of_the_scores_it_tells(score: Score) -> None:
    compared = 0
    for book in BOOKS:
        body = books.with_policy(book, {"name": "queue", "score": score}, on_infeasible="partial")
        ranked = {told["rank"]: told for told in explanations(body) if told["rank"]}
        assert sorted(ranked) == list(range(1, len(ranked) + 1))
        scores = []
        for rank in sorted(ranked):
            told = ranked[rank]
            assert told["ranked"] == len(ranked)
            assert told["quantile"] == 4 - 5 * (rank - 1) // len(ranked)
            shown = told["score"]["value"]
            scores.append((Decimal("inf") if shown is None else Decimal(shown), told["account"]))
            if shown:
                found = value_of(told["score"]["formula"], told["score"]["figures"])
                assert abs(found - Decimal(shown)) <= abs(found) * Decimal("1e-11")
        for (one, first), (other, second) in pairwise(scores):
            assert one == other or one >= other - abs(other) * Decimal("1e-11")
            compared += one != other
            if one == other == 0:
                assert first < second
    assert compared > 20


@pytest.mark.parametrize("method", ["convex", "lp"])
def test_a_generic_solver_has_no_formula(method: str) -> None:
    body = aimed(Random(3), {"name": "capped-pro-rata", "method": method}, "normal", "linear")
    body["shortfall"] = {"deficit": 10}
    found = [told for told in explanations(body) if told["outcome"] in ("spared", "part", "cap")]
    assert found
    assert {told["formula"] for told in found} == {None}
    assert {told["terms"]["multiplier"] for told in found} == {found[0]["terms"]["multiplier"]}
