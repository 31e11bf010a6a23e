"""Curves of how haircuts drive accounts away."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from app.schemas.shocks import Scale
from app.schemas.wire import Wire

Share = Annotated[float, Field(le=1, json_schema_extra={"minimum": 1e-60})]
"""Curves refuse what is below."""


class ExponentialRetention(Wire):
    """An account that loses a share h stays with probability exp(-rate h): the first losses hurt most."""

    curve: Literal["exponential"] = Field(description="exponential")
    rate: Scale = Field(description="k above 0; with 3 an account that loses a fifth stays with probability 0.55.")


class LinearRetention(Wire):
    """An account that loses a share h stays with probability 1 - rate h."""

    curve: Literal["linear"] = Field(description="linear")
    rate: Share = Field(description="Probability that an account leaves that loses everything, at most 1.")


class PowerRetention(Wire):
    """An account that loses a share h stays with probability 1 - rate h^exponent: small losses are forgiven."""

    curve: Literal["power"] = Field(description="power")
    rate: Share = Field(description="Probability that an account leaves that loses everything, at most 1.")
    exponent: float = Field(description="p, above 1.", le=100, json_schema_extra={"exclusiveMinimum": 1})


_union: Any = ExponentialRetention | LinearRetention | PowerRetention
AnyRetention: TypeAlias = Annotated[_union, Field(discriminator="curve")]
