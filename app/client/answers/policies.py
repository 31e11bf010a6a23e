"""What the service can do, and whether it can."""

from typing import Any, Literal, TypedDict


class Axiom(TypedDict):
    """What a policy keeps, or does not."""

    name: str
    holds: bool
    condition: str | None


PolicyDescription = TypedDict(
    "PolicyDescription",
    {
        "name": str,
        "class": str,
        "summary": str,
        "parameters": dict[str, Any],
        "axioms": list[Axiom],
        "cost": str,
    },
)
"""A policy of allocations."""


ClosingPolicyDescription = TypedDict(
    "ClosingPolicyDescription",
    {
        "name": str,
        "class": str,
        "summary": str,
        "parameters": dict[str, Any],
        "integer": list[str],
        "cost": str,
    },
)
"""A policy of closures."""


class PoliciesAnswer(TypedDict):
    """Every policy there is."""

    policies: list[PolicyDescription]
    closing_policies: list[ClosingPolicyDescription]


class Health(TypedDict):
    """Whether the service works."""

    status: Literal["ok", "failing"]
