"""Policy parameters on the wire, made from the registry: one model a policy, discriminated by its name."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Annotated, Any, Literal, TypeAlias, Union, get_type_hints

from pydantic import AfterValidator, Field, SkipValidation, create_model

from app.schemas.shocks import Move
from app.schemas.wire import Amount, Wire
from solvers import money
from solvers.blend import Amounts, BlendWeights
from solvers.contracts.leverage.covariance import Matrix
from solvers.registry import POLICIES

GroupLimits = Annotated[dict[str, Annotated[Amount, AfterValidator(money.canonical)]], Field(max_length=10_000)]
"""Group to the most that its accounts may lose together, in currency; so many that errors of each can be told."""

Covariance = Annotated[list[Annotated[list[Move], Field(fail_fast=True)]], Field(fail_fast=True)]

WEIGHTS = {
    "fairness": "Of sum of w h^2 / 2.",
    "robustness": "Of the expected deficit after the haircuts, exposure model deleverage.",
    "revenue": "Of the expected fees lost.",
}
"""What a blend's weights are of, all in currency."""


PARAMETERS = {
    "score": "What the queue is ranked by, the highest first; docs/policies.md has the formulas.",
    "partial_close": "Close the last position only as far as needed; venues close it whole.",
    "risk": (
        "Weight g of leverage l in h = min(cap / w, tau l g(l)). linear: l. power: l^exponent. cvar: "
        "max(l - threshold, 0). optimal: psi(1 / l), the next loss to expect on a dollar of position (options.shock)."
    ),
    "exponent": "Of risk power; not used by the others.",
    "threshold": "Of risk cvar: accounts of no more leverage pay last; not used by the others.",
    "method": (
        "closed-form is exact. convex (cvxpy with Clarabel) and lp (ortools' GLOP) are generic solvers to compare "
        "with; lp minimises the worst haircut alone."
    ),
    "disutility": (
        "What method convex minimises, summed with weights w: quadratic h^2 / 2, power h^3 / 3, entropy h log h. All "
        "three have the same minimiser; not used by the other methods."
    ),
    "exposure_model": (
        "What a haircut does to an account; choose it by what your engine does. deleverage: equity and position shrink "
        "alike, the paper's proxy, exact only where w = e. cash: money is taken, nothing is closed. both: money is "
        "taken, and that share of the position is closed."
    ),
    "level": "Strictly between 0 and 1: the mean loss in the worst 1 - level of all cases is minimised.",
    "exact": (
        "With exponential retention: search on for the optimum beyond the greedy answer, within limits on states. The "
        "other curves are solved exactly in any case."
    ),
    "weights": "What a dollar of each aim is worth. One that is left out is 0, but fairness 1; not all may be 0.",
    "covariance": (
        "Of price moves over the horizon, in units of price squared: a row and a column for each market, in the order "
        "of the markets; singular allowed. Null: one side of one market, where none is needed."
    ),
    "factors": "So many leading eigenvectors stand for the covariance; null for all of it.",
    "group_limits": "Group (the accounts' `group`) to the most that its accounts may lose together, in currency.",
}
"""What the policies' parameters mean, by name: a name means the same to every policy."""


def _members(parameters: type, described: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a dataclass as those of a model."""
    hints = get_type_hints(parameters, include_extras=True)
    return {item.name: _member(hints[item.name], item.default, described.get(item.name)) for item in fields(parameters)}


def _member(kind: Any, default: Any, description: str | None) -> tuple[Any, Any]:
    if kind == Amounts:
        return GroupLimits, Field(default_factory=dict, description=description)
    if kind == Matrix | None:
        return Covariance | None, Field(default, description=description)
    if kind is BlendWeights:
        return _BLEND_WEIGHTS, Field(_BLEND_WEIGHTS(), description=description)
    if default is MISSING:
        raise TypeError("every parameter needs a default: a policy must be askable by its name alone")
    return kind, Field(default, description=description)


_BLEND_WEIGHTS: type[Wire] = create_model(
    "BlendWeights", __base__=Wire, __doc__=BlendWeights.__doc__, **_members(BlendWeights, WEIGHTS)
)


def policy_model(name: str, parameters: type, summary: str, kind: str = "") -> type[Wire]:
    """A policy on the wire; `kind` stands before its name among the schemas."""
    members: dict[str, Any] = {"name": (Literal[name], ...), **_members(parameters, PARAMETERS)}
    title = "".join(word.capitalize() for word in name.split("-"))
    return create_model(f"{kind}{title}Policy", __base__=Wire, __doc__=summary, **members)


POLICY_MODELS: dict[str, type[Wire]] = {
    name: policy_model(name, policy.parameters, policy.summary) for name, policy in POLICIES.items()
}

_union: Any = Union[tuple(POLICY_MODELS.values())]  # noqa: UP007
AnyPolicy: TypeAlias = SkipValidation[Annotated[_union, Field(discriminator="name")]]
"""Any policy with its parameters. Validated one by one in `convert`, for exact error pointers."""
