"""What sound requests share: how their answers are wanted, and the digest that identifies them."""

import hashlib
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

from app.convert import encode
from app.convert.tables import Table
from app.schemas.requests import Options
from app.schemas.snapshot import Moment
from app.settings import Settings
from solvers import money
from solvers.money import Int64, Numbers


class Sound(ABC):
    """A sound request: how its answer is wanted, and what identifies it."""

    @property
    @abstractmethod
    def options(self) -> Options: ...

    @property
    @abstractmethod
    def snapshot(self) -> Moment: ...

    @property
    @abstractmethod
    def accounts(self) -> int:
        """How many accounts the snapshot has."""

    @property
    def partial(self) -> bool:
        return self.options.on_infeasible == "partial"

    @property
    def best(self) -> bool:
        return self.options.on_timeout == "best"

    @property
    def full(self) -> bool:
        return self.options.detail == "full"

    def time_limit(self, settings: Settings) -> float:
        return min(self.options.time_limit or settings.time_limit, settings.time_limit)

    @cached_property
    @abstractmethod
    def _hash(self) -> "hashlib._Hash":
        """Over version, layout and the request with defaults filled and amounts in units; time limits left out."""

    def identity(self, *parts: Any) -> str:
        """The id of the answer to this request with these further parts: same request, same id."""
        digest = self._hash.copy()
        digest.update(encode.dump(parts))
        return digest.hexdigest()[:32]


def moment(snapshot: Moment) -> tuple[Any, ...]:
    """What a snapshot says of itself, for a digest."""
    stated = snapshot.model_dump(include={"venue", "currency", "precision"})
    return snapshot.as_of and snapshot.as_of.isoformat(), stated


def labels(accounts: Table) -> list[list[Any]]:
    """Groups and exposures, for a digest; empty where no account has one."""
    groups, exposures = (accounts.columns.get(name, []) for name in ("group", "exposure"))
    return [
        groups if any(group is not None for group in groups) else [],
        [_canonical(value) for value in exposures] if any(value is not None for value in exposures) else [],
    ]


def update(digest: "hashlib._Hash", *integers: Int64, **numbers: Numbers) -> None:
    """Columns into a digest, the named ones in the order of their names, without those that are empty."""
    for amounts in integers:
        digest.update(amounts.astype("<i8").tobytes())
    for name, column in sorted(numbers.items()):
        if column.missing is None or not column.missing.all():
            digest.update(name.encode() + column.canonical())


def _canonical(exposure: Any) -> Any:
    if isinstance(exposure, list):
        return [money.canonical(value) for value in exposure]
    return None if exposure is None else money.canonical(exposure)
