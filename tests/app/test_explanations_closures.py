"""What an account's closes cost follows from its own positions and its markets' levels, shares or queues."""

import json
from collections.abc import Iterator
from decimal import Decimal
from random import Random

import pytest

from app.convert.closures import closure_of
from app.convert.encode import dump
from app.convert.explanations import Alternatives, closure_explanation
from app.settings import Settings
from solvers.contracts.explain.policies import explain_closing
from solvers.contracts.registry import CLOSING_POLICIES
from solvers.contracts.solve import close
from tests.app import closures
from tests.app.requests import Body
from tests.app.test_explanations_formulas import value_of
from tests.app.test_random_closures import random_request
from tests.problems import some

NOBODY = Alternatives({}, {})
TOLD = ("lexicographic", "contracts-pro-rata", "queue", "queue partial")


def explanations(body: Body) -> Iterator[Body]:
    """Of every account, as they are sent; numbers with all of their digits."""
    asked, chosen = closure_of(json.loads(json.dumps(body)), Settings.model_construct())
    solution = close(asked.problem, chosen.policy, chosen.parameters, partial=asked.partial)
    for row in range(asked.accounts):
        told, holdings = explain_closing(solution, chosen.policy, chosen.parameters, row)
        answer = closure_explanation(asked, chosen, solution, told, holdings, row, NOBODY)
        yield json.loads(dump(answer), parse_float=Decimal)


def closing(seed: int, policy: Body, **options: str) -> Body:
    body = random_request(Random(seed)) | {"policy": policy}
    body["options"] = {"margin": body["options"]["margin"], "on_infeasible": "partial"} | options
    return closures.complete(body)


@pytest.mark.parametrize("policy", TOLD)
@pytest.mark.parametrize("seed", some(200, 25))
def test_the_formula_gives_what_closes_cost_but_for_whole_lots(seed: int, policy: str) -> None:
    body = closing(seed, closures.POLICIES[policy])
    lots = {market["symbol"]: Decimal(market["lot_size"]) for market in body["snapshot"]["markets"]}
    unit = Decimal(1).scaleb(-body["snapshot"]["precision"])
    seen = 0
    for told in explanations(body):
        computed, seized = value_of(told["formula"], told["terms"]), Decimal(told["seized"])
        assert abs(computed - Decimal(told["computed"])) <= unit / 1000
        lot = sum(
            (abs(Decimal(position["price"]) - Decimal(position["mark_price"])) * lots[position["market"]])
            for position in told["positions"]
            if position["outcome"] != "barred"
        )
        # A queue closes what fits: only costs are rounded. Lots that the fairest has left over may be more than one.
        lots_off = {"lexicographic": 2, "contracts-pro-rata": 1}.get(policy, 0)
        allowed = lots_off * lot + 2 * unit
        assert abs(computed - seized) <= allowed, told
        seen += 1
    assert seen == len(body["snapshot"]["accounts"])


@pytest.mark.slow
@pytest.mark.parametrize("policy", closures.POLICIES)
def test_closes_positions_and_costs_add_up(policy: str) -> None:
    closed = 0
    for seed in range(12 if CLOSING_POLICIES[closures.POLICIES[policy]["name"]].timed else 40):
        body = closing(seed, closures.POLICIES[policy])
        unit = Decimal(1).scaleb(-body["snapshot"]["precision"])
        for told in explanations(body):
            costs = [Decimal(close["cost"]) for close in told["closes"]]
            assert sum(costs) == sum(Decimal(one["cost"]) for one in told["positions"]) == Decimal(told["seized"])
            kept = [one for one in told["positions"] if Decimal(one["closed"])]
            assert [one["market"] for one in kept] == [one["market"] for one in told["closes"]]
            for one, trade in zip(kept, told["closes"], strict=True):
                assert Decimal(trade["quantity"]) * Decimal(one["quantity"]) < 0
                away = abs(Decimal(one["price"]) - Decimal(one["mark_price"])) * Decimal(one["closed"])
                assert abs(away - Decimal(one["cost"])) <= 2 * unit
                assert one["outcome"] == ("whole" if one["closed"] == one["quantity"].lstrip("-") else "part")
                closed += 1
            if told["formula"] is None:
                assert policy not in TOLD
                assert (told["computed"], told["rounding"]) == (None, None)
    assert closed > 10


@pytest.mark.slow
@pytest.mark.parametrize("score", ["bitmex", "binance", "hyperliquid-published", "hyperliquid-observed", "pnl", "size"])
def test_queues_of_positions_are_in_the_order_of_the_scores_that_are_told(score: str) -> None:
    compared = 0
    for seed in range(60):
        queues: dict[tuple[str, str], dict[int, Decimal]] = {}
        body = closing(seed, {"name": "queue", "score": score})
        for market in body["snapshot"]["markets"]:
            market["maintenance_margin_rate"] = "0.05"
        for told in explanations(body):
            for one in told["positions"]:
                if one["rank"] is None:
                    continue
                assert one["rank"] <= one["ranked"]
                shown = one["score"]["value"]
                queues.setdefault((one["market"], one["side"]), {})[one["rank"]] = Decimal(shown)
                found = value_of(one["score"]["formula"], one["score"]["figures"])
                assert abs(found - Decimal(shown)) <= abs(found) * Decimal("1e-10")
        for ranks in queues.values():
            assert sorted(ranks) == list(range(1, len(ranks) + 1))
            for rank in range(2, len(ranks) + 1):
                assert ranks[rank] <= ranks[rank - 1] + abs(ranks[rank - 1]) * Decimal("1e-10")
                compared += ranks[rank] < ranks[rank - 1]
    assert compared > 10


def test_a_position_that_cost_nothing_is_told_the_share_that_was_closed() -> None:
    body = closures.book(
        {"up": 10},
        {"ann": 100, "bob": 100},
        [("ann", "up", -6, 10), ("bob", "up", -4, 10)],
        [{"market": "up", "quantity": 5, "price": 10}],
    )
    for told, closed in zip(explanations(body), ("3", "2"), strict=True):
        (position,) = told["positions"]
        assert (position["share"], position["closed"], position["level"]) == (Decimal("0.5"), closed, None)
        assert (told["formula"], told["computed"], told["seized"]) == ("0", "0", "0.000000")
