"""Policy parameters on the wire, made from the registry: one model a policy, discriminated by its name."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Annotated, Any, Literal, TypeAlias, Union, get_type_hints

from pydantic import AfterValidator, Field, SkipValidation, create_model

from app.schemas.wire import Amount, Wire
from solvers import money
from solvers.blend import Amounts, BlendWeights
from solvers.registry import POLICIES, Policy

GroupLimits = dict[str, Annotated[Amount, AfterValidator(money.canonical)]]
"""Group to the most that its accounts may lose together, in currency."""


WEIGHTS = {
    "fairness": "Of sum of w h^2 / 2.",
    "robustness": "Of the expected deficit after the haircuts, exposure model deleverage.",
    "revenue": "Of the expected fees lost.",
}
"""What a blend's weights are of, all in currency."""


def _members(parameters: type, described: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a dataclass as those of a model."""
    hints = get_type_hints(parameters, include_extras=True)
    return {item.name: _member(hints[item.name], item.default, described.get(item.name)) for item in fields(parameters)}


def _member(kind: Any, default: Any, description: str | None) -> tuple[Any, Any]:
    if kind == Amounts:
        return GroupLimits, Field(default_factory=dict)
    if kind is BlendWeights:
        return _BLEND_WEIGHTS, _BLEND_WEIGHTS()
    if default is MISSING:
        raise TypeError("every parameter needs a default: a policy must be askable by its name alone")
    return kind, Field(default, description=description)


_BLEND_WEIGHTS: type[Wire] = create_model(
    "BlendWeights", __base__=Wire, __doc__=BlendWeights.__doc__, **_members(BlendWeights, WEIGHTS)
)


def _model(policy: Policy) -> type[Wire]:
    members: dict[str, Any] = {"name": (Literal[policy.name], ...), **_members(policy.parameters, {})}
    title = "".join(word.capitalize() for word in policy.name.split("-"))
    return create_model(f"{title}Policy", __base__=Wire, __doc__=policy.summary, **members)


POLICY_MODELS: dict[str, type[Wire]] = {name: _model(policy) for name, policy in POLICIES.items()}

_union: Any = Union[tuple(POLICY_MODELS.values())]  # noqa: UP007
AnyPolicy: TypeAlias = SkipValidation[Annotated[_union, Field(discriminator="name")]]
"""Any policy with its parameters. Validated one by one in `convert`, for exact error pointers."""
