"""Requests to problems."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar, get_type_hints

from pydantic import ValidationError

from app import __version__
from app.convert import encode
from app.convert.accounts import ACCOUNTS, SEIZED, book_of, problem_errors, seized_of
from app.convert.shocks import factors_of, retention_of, shock_of
from app.convert.sound import Sound, labels, moment, update
from app.convert.tables import Table
from app.problems import RequestProblem, invalid, pointer, unknown_field
from app.schemas.policies import POLICY_MODELS
from app.schemas.requests import (
    AllocationRequest,
    ComparisonRequest,
    FrontierRequest,
    Options,
    SeverityRule,
    Shortfall,
    SoundRequest,
    VerificationRequest,
)
from app.schemas.snapshot import Snapshot
from app.schemas.wire import Wire
from app.settings import Settings
from solvers import money
from solvers.contracts.registry import ClosingPolicy
from solvers.errors import ProblemError
from solvers.money import Int64
from solvers.problem import HaircutProblem
from solvers.problem import Shortfall as Shortage
from solvers.registry import POLICIES, Policy

Model = TypeVar("Model", bound=SoundRequest)
Shape = TypeVar("Shape", bound=Wire)
AnyPolicy = TypeVar("AnyPolicy", Policy, ClosingPolicy)

SNAPSHOT_ACCOUNTS = ("snapshot", "accounts")

_TAGS: dict[tuple[str | int, ...], str] = {
    ("options", "shock"): "law",
    ("options", "retention"): "curve",
    ("shortfall", "severity"): "rule",
}
"""Where a field says which of several models its object is."""


@dataclass(frozen=True)
class Asked(Sound):
    """A request about a snapshot of accounts: the problem."""

    request: SoundRequest
    table: Table
    problem: HaircutProblem

    @property
    def options(self) -> Options:
        return self.request.options

    @property
    def snapshot(self) -> Snapshot:
        return self.request.snapshot

    @property
    def accounts(self) -> int:
        return len(self.problem.book)

    @cached_property
    def _hash(self) -> "hashlib._Hash":
        book, snapshot = self.problem.book, self.request.snapshot
        shortfall = {**asdict(self.problem.shortfall), "severity": str(self.problem.shortfall.severity)}
        head = (
            __version__,
            self.table.columnar,
            *moment(snapshot),
            shortfall,
            self.options.model_dump(exclude={"time_limit"}),
        )
        digest = hashlib.sha256(encode.dump((head, labels(self.table), book.ids)))
        update(digest, book.cash_units, book.pnl_units, book.min_equity_units)
        update(digest, **book.columns, max_haircut=book.max_haircut)
        return digest


def validated(body: dict[str, Any], model: type[Shape]) -> Shape:
    """The request but for its tables and policies, which are checked one by one."""
    try:
        return model.model_validate(body)
    except ValidationError as exc:
        raise invalid(validation_errors(exc)) from exc


def asked(body: dict[str, Any], model: type[Model], settings: Settings) -> tuple[Asked, Model]:
    """Check everything but the policies; raises RequestProblem."""
    request = validated(body, model)
    snapshot = request.snapshot
    table = Table.read(SNAPSHOT_ACCOUNTS, snapshot.accounts, ACCOUNTS, settings.max_accounts)
    shock = shock_of(request.options.shock, len(table), settings.max_scenario_losses)
    retention = retention_of(request.options.retention)
    book = book_of(table, snapshot.precision, factors_of(shock))
    try:
        shortage = _shortage(request.shortfall, snapshot.precision)
        problem = HaircutProblem(book, shortage, request.options.numeraire, shock=shock, retention=retention)
        return Asked(request, table, problem), request
    except ProblemError as exc:
        raise invalid(problem_errors(exc, table), exc.total) from exc


def _shortage(wanted: Shortfall, precision: int) -> Shortage:
    def units(name: str, *, up: bool) -> int | None:
        value = getattr(wanted, name)
        return None if value is None else money.units(value, precision, name, up=up)

    return Shortage(
        deficit_units=units("deficit", up=True),
        largest_units=units("largest", up=True),
        insurance_fund_units=money.units(wanted.insurance_fund, precision, "insurance_fund"),
        severity=rule.rule if isinstance(rule := wanted.severity, SeverityRule) else money.fraction(rule),
        needed_units=units("needed", up=True),
    )


@dataclass(frozen=True)
class Chosen(Generic[AnyPolicy]):
    """A policy with its parameters, the same as the answer shows them, and where it stands in the request."""

    policy: AnyPolicy
    parameters: Any
    shown: dict[str, Any]
    at: tuple[str | int, ...]


def chosen(raw: Any, at: tuple[str | int, ...]) -> Chosen[Policy]:
    """One policy of the request; `at` is where it stands."""
    return choice(raw, at, POLICIES, POLICY_MODELS)


def choice(
    raw: Any, at: tuple[str | int, ...], policies: Mapping[str, AnyPolicy], models: Mapping[str, type[Wire]]
) -> Chosen[AnyPolicy]:
    """One of these policies, whose models these are."""
    if not isinstance(raw, dict):
        raise invalid([(pointer(at), "must be an object with the policy's name", None)])
    name = raw.get("name")
    if not isinstance(name, str) or name not in policies:
        known = ", ".join(policies)
        raise invalid([(pointer((*at, "name")), f"must be the name of a policy: {known}", None)])
    try:
        checked = models[name].model_validate(raw)
    except ValidationError as exc:
        raise invalid(validation_errors(exc, at)) from exc
    shown = checked.model_dump()
    policy = policies[name]
    return Chosen(policy, _parameters(policy.parameters, shown), shown, at)


def _parameters(kind: type, shown: Mapping[str, Any]) -> Any:
    """A policy's parameters, which may have parameters of their own in them."""
    hints = get_type_hints(kind)
    return kind(
        **{
            item.name: _parameters(hints[item.name], shown[item.name])
            if is_dataclass(hints[item.name])
            else shown[item.name]
            for item in fields(kind)
        }
    )


def allocation_of(body: dict[str, Any], settings: Settings) -> tuple[Asked, Chosen[Policy]]:
    found, request = asked(body, AllocationRequest, settings)
    return found, chosen(request.policy, ("policy",))


@dataclass(frozen=True)
class Refused:
    """A policy of a comparison that is not valid; its name is shown where it is one."""

    problem: RequestProblem
    shown: dict[str, Any] | None


def comparison_of(body: dict[str, Any], settings: Settings) -> tuple[Asked, list[Chosen[Policy] | Refused]]:
    """The policies of a comparison; one that is not valid becomes its own problem."""
    found, request = asked(body, ComparisonRequest, settings)
    if len(request.policies) > settings.max_policies:
        raise RequestProblem("payload-too-large", f"a comparison may have at most {settings.max_policies} policies")

    def choose(i: int, policy: Any) -> Chosen[Policy] | Refused:
        try:
            return chosen(policy, ("policies", i))
        except RequestProblem as problem:
            name = policy.get("name") if isinstance(policy, dict) else None
            return Refused(problem, {"name": name} if isinstance(name, str) and name in POLICIES else None)

    return found, [choose(i, policy) for i, policy in enumerate(request.policies)]


@dataclass(frozen=True)
class Made:
    """An allocation that somebody made: amounts in the book's order, and ids the book does not have."""

    seized_units: Int64
    strangers: list[str]


def allocation_made(body: dict[str, Any], settings: Settings) -> tuple[Asked, Made]:
    """A verification of an allocation."""
    found, request = asked(body, VerificationRequest, settings)
    return found, _made(request.allocation, found, settings)


def _made(allocation: Any, found: Asked, settings: Settings) -> Made:
    table = Table.read(("allocation",), allocation, SEIZED, settings.max_accounts)
    return Made(*seized_of(table, found.problem.book, found.problem.book.precision))


@dataclass(frozen=True)
class Swept:
    """A frontier's measures, how many points at most, the policies to mark, and an allocation somebody made."""

    measures: tuple[str, ...]
    points: int
    policies: list[Chosen[Policy]]
    made: Made | None


def frontier_of(body: dict[str, Any], settings: Settings) -> tuple[Asked, Swept]:
    found, request = asked(body, FrontierRequest, settings)
    if request.points > settings.max_points:
        raise RequestProblem("payload-too-large", f"a frontier may have at most {settings.max_points} points")
    if len(set(request.measures)) < len(request.measures):
        raise invalid([(pointer(("measures",)), "must be different ones", None)])
    made = None if request.allocation is None else _made(request.allocation, found, settings)
    policies = [chosen({"name": name}, ("policies",)) for name in POLICIES if name != "blend"]
    return found, Swept(tuple(request.measures), request.points, policies, made)


def validation_errors(exc: ValidationError, at: tuple[str | int, ...] = ()) -> list[tuple[str, str, str | None]]:
    """Pydantic's errors as pointers and sentences, without the input."""
    return [
        (unknown_field((*at, *place[:-1]), place[-1]) if place else pointer(at), _sentence(error), None)
        for error in exc.errors(include_url=False, include_input=False)
        for place in (_place(error),)
    ]


def _place(error: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Where it stands in the request: pydantic puts the name of a law, a curve or a kind before its fields."""
    place: tuple[str | int, ...] = error["loc"]
    if str(error["type"]).startswith("union_tag"):
        return (*place, _TAGS[place])
    return (*place[:2], *place[3:]) if place[:2] in _TAGS else place


def _sentence(error: Mapping[str, Any]) -> str:
    fixed = {
        "extra_forbidden": "is not a known field",
        "missing": "is required",
        "too_short": "must not be empty",
        "union_tag_not_found": "is required",
        "union_tag_invalid": f"must be one of {str(error.get('ctx', {}).get('expected_tags')).replace(chr(39), '')}",
    }
    message = str(error["msg"])
    return fixed.get(str(error["type"]), message[:1].lower() + message[1:])
