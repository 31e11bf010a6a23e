"""What closing for risk answers over HTTP, on the book of docs/closing-for-risk.md and its changes, by hand."""

import copy
import json
from random import Random
from typing import Any

import pytest

from app.convert.closures import closure_of
from app.engine import close_out
from app.problems import RequestProblem
from app.settings import Settings
from app.work import Clock
from tests.app.closures import CLOSURES
from tests.app.requests import Body, answer_to, send
from tests.processes import ROOT

BOOK: Body = json.loads((ROOT / "examples/closures-risk.json").read_bytes())
COVARIANCE = BOOK["policy"]["covariance"]


def risky(policy: Body | None = None, **snapshot: Any) -> Body:
    made = copy.deepcopy(BOOK)
    made["snapshot"] |= snapshot
    return made | {"policy": policy or made["policy"]}


def closed(answer: Body) -> dict[str, str]:
    return {row["account"]: row["quantity"] for row in answer["closures"]}


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 1, 0)])
def test_leverage_and_hedges_are_those_of_the_book_in_any_order_of_accounts(
    client: Any, matches: Any, order: tuple[int, ...]
) -> None:
    accounts = [BOOK["snapshot"]["accounts"][row] for row in order]
    answer = answer_to(client, CLOSURES, risky(accounts=accounts))
    matches("ClosureAnswer", answer)
    assert closed(answer) == {"una": "12"}
    risk = answer["diagnostics"]["risk"]
    # Notional 1800, 1800 and 2000 over equity 180, 180 and 2000; una is left with 600.
    assert risk["effective_leverage"] == {
        "max_before": 10.0,
        "mean_before": pytest.approx(5600 / 2360),
        "max_after": 10.0,
        "mean_after": pytest.approx(4400 / 2360),
    }
    assert (risk["hedged_accounts"], risk["hedges_broken"]) == (1, 0)
    # hal: -6 BTC and 24 ETH, una: -18 BTC, then -6; a sixth each of 30 %, and BTC 15 % with ETH 24 % or -12 %.
    assert risk["scenarios"]["expected_deficit_before"] == "102.000000"
    assert risk["scenarios"]["expected_deficit_after"] == "16.000000"


def test_shadow_prices_are_what_one_more_contract_or_dollar_would_add(client: Any) -> None:
    more = [{"market": "BTC", "quantity": 12.1, "price": 102}]

    def deficit(made: Body) -> float:
        return float(answer_to(client, CLOSURES, made)["certificate"]["objective"])

    for policy, unit in (({"name": "expected-deficit"}, 0.2), (BOOK["policy"], -0.1)):
        made = risky(policy)
        price = answer_to(client, CLOSURES, made)["markets"][0]["shadow_price"]
        assert deficit(made | {"liquidations": more}) - deficit(made) == pytest.approx(price * unit, rel=0.02)


def test_where_nothing_is_to_be_lost_prices_are_zero(client: Any) -> None:
    made = risky({"name": "cvar"})
    made["options"]["shock"]["moves"] = [[-0.01, 0.02], [0.02, 0.01]]
    answer = answer_to(client, CLOSURES, made)
    assert (answer["status"], answer["markets"][0]["shadow_price"]) == ("optimal", 0.0)


def test_without_a_covariance_a_note_says_what_is_not_looked_at(client: Any) -> None:
    answer = answer_to(client, CLOSURES, risky({"name": "leverage-draining"}))
    assert "hold other markets too" in answer["notes"][0]
    assert answer["diagnostics"]["risk"]["normal"] is None
    alone = [row for row in BOOK["snapshot"]["positions"] if row["market"] == "BTC"]
    assert answer_to(client, CLOSURES, risky({"name": "leverage-draining"}, positions=alone))["notes"] == []


@pytest.mark.parametrize("scale", [1e-8, 1e4])
def test_a_covariance_in_other_units_is_asked_about(client: Any, scale: float) -> None:
    policy = {"name": "leverage-draining", "covariance": [[scale * entry for entry in row] for row in COVARIANCE]}
    answer = answer_to(client, CLOSURES, risky(policy))
    assert answer["notes"][0].startswith("Is the covariance in units of price squared?")


@pytest.mark.parametrize(
    ("policy", "moves", "pointer", "says"),
    [
        ({"covariance": [[450]]}, None, "/policy/covariance", "2 rows of 2 numbers, in the order of the markets: BTC"),
        ({"covariance": [[450, 1], [2, 135]]}, None, "/policy/covariance", "rows 0 and 1 are not"),
        ({"covariance": [[1, 2], [2, 1]]}, None, "/policy/covariance", "positive semidefinite"),
        ({"covariance": [[450, "x"], [2, 135]]}, None, "/policy/covariance/0/1", "number"),
        ({"covariance": COVARIANCE, "factors": 3}, None, "/policy/factors", "between 1 and 2"),
        ({"factors": 1}, None, "/policy/factors", "none is given"),
        ({"name": "cvar"}, [[0.1], [0.2]], "/options/shock/moves", "rows of 2 numbers, in the order of the markets"),
        ({"name": "cvar"}, [[0.1, 10], [0.1, -10]], "/options/shock/moves", "0.1 is a move of 10 %"),
        ({"name": "cvar", "level": 1}, None, "/policy/level", "less than 1"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_where_it_stands(
    client: Any, policy: Body, moves: Any, pointer: str, says: str
) -> None:
    made = risky({"name": "leverage-draining"} | policy)
    if moves is not None:
        made["options"]["shock"]["moves"] = moves
    answer = send(client, CLOSURES, made)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert says in error["detail"]


def test_exact_lots_are_not_for_what_does_not_minimise_the_worst_haircut(client: Any) -> None:
    for name in ("leverage-draining", "expected-deficit", "cvar"):
        made = risky({"name": name} | ({"covariance": COVARIANCE} if name == "leverage-draining" else {}))
        made["options"]["integer"] = "exact"
        assert send(client, CLOSURES, made).json()["errors"][0]["pointer"] == "/options/integer"


@pytest.mark.parametrize("name", ["leverage-draining", "expected-deficit", "cvar"])
def test_what_runs_out_of_time_is_refused_or_answers_its_best_as_asked(name: str, large: Body) -> None:
    """With a clock that is over at once, and one that never is."""

    class Over(Clock):
        def left(self, *, best: bool = False) -> float:
            return 0.0

    made = large | {"policy": {"name": name} | ({"covariance": COVARIANCE} if name == "leverage-draining" else {})}
    asked = [
        closure_of(made | {"options": made["options"] | {"on_timeout": wanted}}, Settings())
        for wanted in ("reject", "best")
    ]
    with pytest.raises(RequestProblem) as refused:
        close_out(*asked[0], Over(60, print))
    assert refused.value.code == "solver-timeout"
    cut, whole = (close_out(*asked[1], clock(60, print)) for clock in (Over, Clock))
    assert (cut["reproducible"], whole["reproducible"]) == (False, True)
    assert (cut["status"], whole["status"]) == ("feasible", "optimal")
    assert cut["notes"][0].startswith("The time was up")
    assert cut["certificate"]["objective"] >= whole["certificate"]["objective"]
    assert cut["certificate"]["bound"] <= whole["certificate"]["objective"]
    assert cut["certificate"]["budget_error"] == "0.000000"


@pytest.fixture(scope="module")
def large() -> Body:
    """Forty accounts, half of them hedged, of leverage from 1 to 20."""
    rng = Random(6)
    ids = [f"a{i:02}" for i in range(40)]
    positions = [
        {"account": name, "market": market, "quantity": sign * rng.randint(5, 60), "entry_price": price}
        for name in ids
        for market, sign, price in (("BTC", -1, 130), ("ETH", rng.choice((-1, 1)), 50))
    ]
    accounts = [{"id": name, "cash": rng.randint(-100, 200)} for name in ids]
    liquidations = [
        {"market": "BTC", "quantity": 300, "price": 103},
        {"market": "ETH", "quantity": 50, "price": 51},
    ]
    return risky(accounts=accounts, positions=positions) | {"liquidations": liquidations}
