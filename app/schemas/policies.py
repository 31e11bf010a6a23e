"""Policy parameters on the wire, made from the registry: one model a policy, discriminated by its name."""

from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Annotated, Any, Literal, TypeAlias, Union, get_type_hints

import pydantic
from pydantic import AfterValidator, SkipValidation, create_model

from app.schemas.wire import Amount, Wire
from solvers import money
from solvers.blend import Amounts
from solvers.registry import POLICIES, Policy

GroupLimits = dict[str, Annotated[Amount, AfterValidator(money.canonical)]]
"""Group to the most that its accounts may lose together, in currency."""


WEIGHTS = {
    "fairness": "Of sum of w h^2 / 2.",
    "robustness": "Of the expected deficit after the haircuts, exposure model deleverage.",
    "revenue": "Of the expected fees lost.",
}
"""What a blend's weights are of, all in currency."""


def _model(policy: Policy) -> type[Wire]:
    members: dict[str, Any] = {"name": (Literal[policy.name], ...)}
    title = "".join(word.capitalize() for word in policy.name.split("-"))
    return _model_of(policy.parameters, f"{title}Policy", policy.summary, members)


def _model_of(parameters: type, title: str, summary: str, members: dict[str, Any]) -> type[Wire]:
    """A wire model with the fields of a dataclass, dataclasses in it included."""
    hints = get_type_hints(parameters, include_extras=True)
    members |= {item.name: _member(hints[item.name], item) for item in fields(parameters)}
    return create_model(title, __base__=Wire, __doc__=summary, **members)


def _member(kind: Any, item: "Field[Any]") -> tuple[Any, Any]:
    if kind == Amounts:
        return GroupLimits, pydantic.Field(default_factory=dict)
    if is_dataclass(kind) and isinstance(kind, type):
        model = _model_of(kind, kind.__name__, kind.__doc__ or "", {})
        return model, model()
    if item.default is MISSING:
        raise TypeError(f"{item.name} needs a default: every policy must be askable by its name alone")
    return kind, pydantic.Field(item.default, description=WEIGHTS.get(item.name))


POLICY_MODELS: dict[str, type[Wire]] = {name: _model(policy) for name, policy in POLICIES.items()}

_union: Any = Union[tuple(POLICY_MODELS.values())]  # noqa: UP007
AnyPolicy: TypeAlias = SkipValidation[Annotated[_union, pydantic.Field(discriminator="name")]]
"""Any policy with its parameters. Validated one by one in `convert`, for exact error pointers."""
