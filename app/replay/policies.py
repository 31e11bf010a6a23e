"""Policies of this service on the books that the tables hold: cash, profit and notional of each account."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.loaders.report import LoadError
from app.replay.exact import PRECISION
from solvers.errors import ProblemError, SolverError
from solvers.money import Int64, Numbers
from solvers.problem import Book, HaircutProblem, Shortfall
from solvers.registry import POLICIES
from solvers.solve import solve

CHOICES = ("pro-rata", "capped-pro-rata", "queue", "leverage-pro-rata", "rap")
"""Those that need no more than the tables hold, with their default parameters."""
DEFAULT = ("capped-pro-rata", "queue", "leverage-pro-rata", "rap")


def problem(columns: Mapping[str, Sequence[Any]], shortfall: Shortfall) -> HaircutProblem:
    """A book with the columns id, cash, pnl, notional and perhaps max_haircut. Raises LoadError."""
    ids = list(columns["id"])
    try:
        numbers = {name: Numbers.parse(name, columns[name]) for name in ("cash", "pnl", "notional")}
        caps = columns.get("max_haircut")
        book = Book(
            ids,
            numbers["cash"].units(PRECISION),
            numbers["pnl"].units(PRECISION),
            Numbers.constant("max_haircut", 1, len(ids)) if caps is None else Numbers.parse("max_haircut", caps),
            np.zeros(len(ids), np.int64),
            {"notional": numbers["notional"]},
            PRECISION,
        )
    except ProblemError as exc:
        raise LoadError(f"the accounts make no book: {exc}") from exc
    return HaircutProblem(book, shortfall)


def taken(asked: HaircutProblem, name: str) -> Int64:
    """Whole units from each account: the budget, or where winners have less, all that the policy can reach.

    Raises SolverError where the policy refuses the book.
    """
    policy = POLICIES[name]
    return solve(asked, policy, policy.parameters(), partial=True).allocation.seized_units


def takes(asked: HaircutProblem, names: Sequence[str]) -> tuple[dict[str, Int64], dict[str, str]]:
    """What each policy takes, and why those that take nothing refused."""
    found: dict[str, Int64] = {}
    refused: dict[str, str] = {}
    for name in names:
        try:
            found[name] = taken(asked, name)
        except SolverError as exc:
            refused[name] = str(exc)
    return found, refused
