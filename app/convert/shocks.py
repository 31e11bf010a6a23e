"""Shocks and retentions on the wire to laws and curves."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from app.problems import RequestProblem, invalid, pointer
from app.schemas.retentions import AnyRetention, ExponentialRetention, LinearRetention, PowerRetention
from app.schemas.shocks import AnyShock, NormalShock, ScenariosShock, StudentTShock, TwoPointShock
from solvers.errors import ProblemError
from solvers.revenue.retention import Exponential, Linear, Power, Retention
from solvers.robustness.laws import Normal, Scenarios, Shock, StudentT, TwoPoint

AT = ("options", "shock")
RETENTION_AT = ("options", "retention")

LEAST_SCENARIOS = 16
"""Fewer count as this many, since an exposure takes memory in every account and factor, even where none is given."""


def shock_of(wanted: AnyShock | None, accounts: int, most: int, positions: int | None = None) -> Shock | None:
    """The law; what it refuses is refused by field.

    most        accounts times scenarios times factors
    positions   where these are what is exposed, to one factor each: they count in place of accounts times factors
    """
    with _refusals(AT):
        match wanted:
            case NormalShock():
                return Normal(wanted.sigma)
            case StudentTShock():
                return StudentT(wanted.df, wanted.scale)
            case TwoPointShock():
                return TwoPoint(wanted.size)
            case ScenariosShock():
                return _scenarios(wanted, accounts, most, positions)
    return None


def retention_of(wanted: AnyRetention | None) -> Retention | None:
    """The curve; what it refuses is refused by field."""
    with _refusals(RETENTION_AT):
        match wanted:
            case ExponentialRetention():
                return Exponential(wanted.rate)
            case LinearRetention():
                return Linear(wanted.rate)
            case PowerRetention():
                return Power(wanted.rate, wanted.exponent)
    return None


@contextmanager
def _refusals(at: tuple[str, ...]) -> Iterator[None]:
    try:
        yield
    except ProblemError as exc:
        raise invalid([(pointer((*at, exc.field)), exc.detail, None)]) from exc


def _scenarios(wanted: ScenariosShock, accounts: int, most: int, positions: int | None) -> Scenarios:
    moves, factors = wanted.moves, len(wanted.moves[0])
    for row, move in enumerate(moves):
        if len(move) != factors:
            raise invalid([(pointer((*AT, "moves", row)), f"must have as many factors as the first: {factors}", None)])
    exposures, what = (accounts * factors, "accounts") if positions is None else (positions, "positions")
    if exposures * max(len(moves), LEAST_SCENARIOS) > most:
        raise RequestProblem(
            "payload-too-large", f"{pointer((*AT, 'moves'))} times the {what} may be at most {most} losses"
        )
    return Scenarios(np.array(moves), None if wanted.weights is None else np.array(wanted.weights))


def factors_of(shock: Shock | None) -> int | None:
    """How many numbers an exposure must have, None where exposures are not used."""
    if shock is None:
        return None
    return shock.moves.shape[1] if isinstance(shock, Scenarios) else 1
