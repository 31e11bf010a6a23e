"""The bounds of docs/exactness.md, from the request and the answer's multiplier alone."""

from collections.abc import Callable
from math import erf, exp, log, pi, sqrt
from typing import Any

import pytest

Body = dict[str, Any]
Term = Callable[[float], float]

SIGMA, LEVEL, Q = 0.2, 0.9, -0.2 * 1.2815515655446004
SHOCK = {"law": "normal", "sigma": SIGMA}
LINEAR, POWER = {"curve": "linear", "rate": 0.5}, {"curve": "power", "rate": 0.5, "exponent": 1.5}
ENTROPY = {"method": "convex", "disutility": "entropy"}
EXPONENTIAL = {"curve": "exponential", "rate": 2}
ROWS: list[Body] = [
    {"id": "ann", "cash": 2, "pnl": 8, "notional": 40, "fees": 0.6, "group": "mm"},
    {"id": "bob", "cash": 1, "pnl": 4, "notional": 10, "fees": 0.15, "group": "mm"},
    {"id": "cy", "cash": 0.5, "pnl": 3.5, "notional": 30, "fees": 0.3, "max_haircut": 0.4},
    {"id": "dan", "cash": 5, "pnl": -1, "notional": 20, "fees": 0.2},
    {"id": "eve", "cash": 0, "pnl": -15},
]
BUDGET = 7.5


def psi(u: float) -> float:
    z = u / SIGMA
    return SIGMA * (exp(-z * z / 2) / sqrt(2 * pi) - z * (1 - erf(z / sqrt(2))) / 2)


def psi_of_the_tail(u: float) -> float:
    return max(-u - Q, 0) + psi(max(u, -Q)) / (1 - LEVEL)


def loss(row: Body, model: str, psi: Term) -> Term:
    """f_i by the table of docs/robustness.md."""
    n, e, w = row.get("notional", 0), row["cash"] + row["pnl"], max(row["pnl"], 0)
    if n == 0 or e <= 0:
        return lambda h: 0
    return {
        "deleverage": lambda h: (1 - h) * n * psi(e / n),
        "cash": lambda h: n * psi((e - h * w) / n),
        "both": lambda h: (1 - h) * n * psi((e - h * w) / ((1 - h) * n)) if h < 1 else max(w - e, 0),
    }[model]


def lost_fees(row: Body, curve: Body) -> Term:
    fees, k, p = row.get("fees", 0), curve["rate"], curve.get("exponent", 1)
    return lambda h: fees * (1 - exp(-k * h) if curve["curve"] == "exponential" else k * h**p)


def least(f: Term, last: float) -> float:
    """Of a convex function on [0, last] by thirds; of a concave one the ends decide."""
    low, high = 0.0, last
    for _ in range(200):
        one, other = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, other) if f(one) <= f(other) else (one, high)
    return min(f(0), f(last), f(low))


def entropy(h: float) -> float:
    return h * log(h) if h > 0 else 0


CASES: list[tuple[str, Body, Callable[[Body], Term], Body]] = [
    ("capped-pro-rata", {}, lambda row: lambda h: row["pnl"] * h * h / 2, {}),
    (
        "capped-pro-rata",
        {"method": "convex", "disutility": "entropy"},
        lambda row: lambda h: row["pnl"] * entropy(h),
        {},
    ),
    *(
        (name, {"exposure_model": model, **more}, lambda row, model=model, law=law: loss(row, model, law), {})
        for model in ("deleverage", "cash", "both")
        for name, law, more in (("expected-deficit", psi, {}), ("cvar", psi_of_the_tail, {"level": LEVEL}))
    ),
    *(
        ("revenue", {}, lambda row, curve=curve: lost_fees(row, curve), {"retention": curve})
        for curve in (LINEAR, POWER, EXPONENTIAL)
    ),
    *(
        (
            "blend",
            {"weights": {"fairness": 0.01, "robustness": 2, "revenue": 3}},
            lambda row, curve=curve: (
                lambda h: (
                    0.01 * max(row["pnl"], 0) * h * h / 2
                    + 2 * loss(row, "deleverage", psi)(h)
                    + 3 * lost_fees(row, curve)(h)
                )
            ),
            {"retention": curve},
        )
        for curve in (LINEAR, POWER)
    ),
]


IDS = [f"{name} {parameters} {options}" for name, parameters, _, options in CASES]


@pytest.mark.parametrize(("name", "parameters", "term", "options"), CASES, ids=IDS)
def test_anyone_can_compute_the_bound_from_the_multiplier(
    client: Any, name: str, parameters: Body, term: Callable[[Body], Term], options: Body
) -> None:
    body = {
        "snapshot": {"accounts": ROWS},
        "shortfall": {"severity": 0.5},
        "policy": {"name": name, **parameters},
        "options": {"shock": SHOCK, "retention": LINEAR, **options},
    }
    answer = client.post("/v1/allocations", json=body).json()
    certificate, price = answer["certificate"], answer["certificate"]["multiplier"]
    if parameters.get("disutility") == "entropy":
        price = log(price) + 1
    bound = price * BUDGET
    for row in ROWS:
        w = max(row["pnl"], 0)
        last = row.get("max_haircut", 1) if w else 0
        bound += least(lambda h, row=row, w=w: term(row)(h) - price * w * h if w or h == 0 else 0, last)
    assert certificate["bound"] == pytest.approx(bound, rel=1e-8)
    value = sum(term(row)(account["haircut"]) for row, account in zip(ROWS, answer["allocations"], strict=True))
    assert certificate["objective"] == pytest.approx(value, rel=1e-5)
