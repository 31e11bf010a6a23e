"""What all wire models share."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from solvers import money

_MOST_UNKNOWN = 100
"""Unknown fields of one object that are told one by one."""


class Wire(BaseModel):
    """A request model: strict, and refusing fields it does not know."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _check_number_of_fields(cls, value: Any) -> Any:
        # Each unknown field would cost an error: a million of them half a minute, with no other thread running.
        if isinstance(value, dict) and len(value) > len(cls.model_fields) + _MOST_UNKNOWN:
            unknown = sum(name not in cls.model_fields for name in value)
            raise PydanticCustomError("unknown_fields", "has {unknown} fields that are not known", {"unknown": unknown})
        return value


def _check_amount(value: Any) -> Any:
    why = money.fault(value)
    if why is not None:
        raise PydanticCustomError("amount", "{why}", {"why": why})
    return value


NUMBER_SCHEMA = {
    "anyOf": [
        {"type": "number"},
        {"type": "string", "pattern": r"^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$", "maxLength": 64},
    ]
}
Number = Annotated[Any, WithJsonSchema(NUMBER_SCHEMA)]
"""A JSON number, read as its shortest decimal form, or a decimal string. `convert` checks columns in bulk."""

Amount = Annotated[Number, AfterValidator(_check_amount)]
"""One amount outside the account columns."""

Money = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", description="Decimal string, declared precision.")]
"""An amount in an answer."""
