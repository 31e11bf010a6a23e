"""Policy parameters on the wire, made from the registry: one model a policy, discriminated by its name."""

from dataclasses import fields
from typing import Annotated, Any, Literal, TypeAlias, Union, get_type_hints

from pydantic import Field, SkipValidation, create_model

from app.schemas.wire import Wire
from solvers.registry import POLICIES, Policy


def _model(policy: Policy) -> type[Wire]:
    hints = get_type_hints(policy.parameters, include_extras=True)
    members: dict[str, Any] = {"name": (Literal[policy.name], ...)}
    members |= {item.name: (hints[item.name], item.default) for item in fields(policy.parameters)}
    title = "".join(word.capitalize() for word in policy.name.split("-"))
    return create_model(f"{title}Policy", __base__=Wire, __doc__=policy.summary, **members)


POLICY_MODELS: dict[str, type[Wire]] = {name: _model(policy) for name, policy in POLICIES.items()}

_union: Any = Union[tuple(POLICY_MODELS.values())]  # noqa: UP007
AnyPolicy: TypeAlias = SkipValidation[Annotated[_union, Field(discriminator="name")]]
"""Any policy with its parameters. Validated one by one in `convert`, for exact error pointers."""
