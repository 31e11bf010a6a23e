"""Blends under group limits, solved again against built again, and the frontier against one blend."""

from collections.abc import Iterator

import numpy as np

from bench.books import columns
from bench.timing import Line, compare
from solvers.blend import Blend, BlendModel, BlendWeights, blend, certify_blend
from solvers.frontier import frontier
from solvers.money import Numbers
from solvers.problem import Book, HaircutProblem, Shortfall
from solvers.revenue.retention import Linear
from solvers.robustness.laws import Normal

UNIT = 10**6
ACCOUNTS = 20_000
LIMITED = 10
SECONDS = 60.0
WEIGHTS = [BlendWeights(fairness=1, robustness=b, revenue=c) for b in (0.1, 1, 10) for c in (0.1, 1, 10)]


def venue(n: int) -> HaircutProblem:
    """n winners with caps, leverage, fees and one of ten groups; a budget of 2 % of what they can lose."""
    book, rng = columns(n), np.random.default_rng(20251011)
    pnl = np.maximum((book.w * UNIT).astype(np.int64), 1)
    notional = np.round(book.w * book.r, 2)
    fees = np.round(notional * 0.001 * rng.lognormal(0, 0.8, n), 2)
    given = {"max_haircut": np.round(book.beta, 6), "notional": notional, "fees": fees}
    numbers = {name: Numbers.parse(name, column.tolist()) for name, column in given.items()}
    none = np.zeros(n, np.int64)
    names = [f"g{group}" for group in rng.integers(0, LIMITED, n).tolist()]
    accounts = Book([f"{i:07}" for i in range(n)], none, pnl, numbers.pop("max_haircut"), none, numbers, groups=names)
    reach = HaircutProblem(accounts).reachable_units
    return HaircutProblem(accounts, Shortfall(reach // 50), shock=Normal(0.3), retention=Linear(0.7))


def limits(problem: HaircutProblem) -> dict[str, str]:
    """Nine tenths of what each group would lose without limits, for every second group."""
    fair = blend(problem, Blend(weights=WEIGHTS[4])).seized_units
    groups = np.array(problem.book.groups)
    return {name: f"{int(fair[groups == name].sum() * 9 // 10)}e-6" for name in sorted(set(groups.tolist()))[::2]}


def solved_again_against_built_again() -> Iterator[Line]:
    """One model for one set of weights after another, against a new model each time."""
    problem = venue(ACCOUNTS)
    within = limits(problem)
    model, turn = BlendModel(problem, within), [0]

    def next_weights() -> BlendWeights:
        turn[0] += 1
        return WEIGHTS[turn[0] % len(WEIGHTS)]

    model.solve(WEIGHTS[0])
    worst = 0.0
    for weights in WEIGHTS:
        proof = certify_blend(problem, model.solve(weights), Blend(weights=weights, group_limits=within))
        worst = max(worst, proof.relative_gap if proof else np.inf)
    yield compare(
        "blend with limits, other weights",
        ACCOUNTS,
        ("solved again", lambda: model.solve(next_weights())),
        ("built again", lambda: BlendModel(problem, within).solve(next_weights())),
        repetitions=5,
        at_most=0.9,
        note=f"largest relative gap {worst:.0e}",
    )
    free = BlendModel(problem, {})
    yield compare(
        "blend without limits",
        ACCOUNTS,
        ("one multiplier", lambda: free.solve(next_weights())),
        ("cvxpy, with limits", lambda: model.solve(next_weights())),
        repetitions=5,
    )


def frontiers() -> Iterator[Line]:
    """25 points, each certified, against one blend; in seconds, less than a minute is asked for."""
    problem = venue(ACCOUNTS)
    model = BlendModel(problem, {})
    for measures in (("max_haircut", "expected_deficit"), ("gini", "cvar", "revenue_kept")):
        answer = frontier(problem, measures, 25)
        gap = max(point.optimality.relative_gap if point.optimality else np.inf for point in answer.points)
        line = compare(
            f"frontier of {len(answer.points)} points, {len(measures)} measures",
            ACCOUNTS,
            ("frontier", lambda measures=measures: frontier(problem, measures, 25)),
            ("one blend", lambda: model.solve(WEIGHTS[4])),
            repetitions=3,
            note=f"largest relative gap {gap:.0e}",
        )
        if line.ours_ms > SECONDS * 1e3:
            print(f"    the frontier took {line.ours_ms / 1e3:.0f} s, more than {SECONDS:.0f}")
        yield line
