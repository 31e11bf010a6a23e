"""Laws of the next shock."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from app.schemas.wire import Wire
from solvers.money import beyond

_LARGEST = 1e60
"""As for all inexact numbers of an account: products and sums of such numbers stay finite."""


def _within(value: float) -> float:
    if (why := beyond(value)) is not None:
        raise PydanticCustomError("beyond", "{why}", {"why": why})
    return value


Scale = Annotated[float, Field(le=_LARGEST, json_schema_extra={"minimum": 1e-60}), AfterValidator(_within)]
"""Laws refuse what is not above 0."""

Move = Annotated[float, Field(ge=-_LARGEST, le=_LARGEST), AfterValidator(lambda move: move + 0.0)]
"""-0 is 0."""

Weight = Annotated[float, Field(ge=0, le=_LARGEST), AfterValidator(lambda weight: weight + 0.0)]


class NormalShock(Wire):
    """The relative move is normal with mean 0."""

    law: Literal["normal"] = Field(description="normal")
    sigma: Scale = Field(description="Standard deviation of the move; 0.1 is 10 %.")


class StudentTShock(Wire):
    """The relative move is scale times Student's t: crashes are more likely than under `normal`."""

    law: Literal["student-t"] = Field(description="student-t")
    df: float = Field(
        description="Degrees of freedom, above 1; 3 is a heavy tail.", json_schema_extra={"exclusiveMinimum": 1}
    )
    scale: Scale = Field(description="Unit of the move; not its standard deviation.")


class TwoPointShock(Wire):
    """The relative move is +size or -size, each with probability 1/2."""

    law: Literal["two-point"] = Field(description="two-point")
    size: Scale = Field(description="Size of the move; 0.2 is 20 %.")


class ScenariosShock(Wire):
    """Joint moves of one or more factors; accounts with equity and notional above 0 must give their `exposure`.

    In contract space a factor is a market, in the order of the markets, and exposures follow from the positions.
    """

    law: Literal["scenarios"] = Field(description="scenarios")
    moves: Annotated[
        list[Annotated[list[Move], Field(min_length=1, fail_fast=True)]], Field(min_length=1, fail_fast=True)
    ] = Field(description="Relative moves: a row a scenario, a column a factor.")
    weights: Annotated[list[Weight], Field(fail_fast=True)] | None = Field(
        None, description="One a scenario; only their proportions matter. Null: all equally likely."
    )


_union: Any = NormalShock | StudentTShock | TwoPointShock | ScenariosShock
AnyShock: TypeAlias = Annotated[_union, Field(discriminator="law")]
