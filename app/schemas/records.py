"""What the store tells: pages of records, and replays."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.answers import Problem
from app.schemas.diagnostics import Answer
from app.schemas.snapshot import When
from app.schemas.wire import Money


class Wanted(BaseModel):
    """Which records a page has."""

    model_config = ConfigDict(extra="forbid")

    policy: str | None = Field(None, max_length=64, description="Only of this policy.")
    status: str | None = Field(None, max_length=64, description="Only of this status.")
    venue: str | None = Field(None, max_length=128, description="Only of this venue.")
    since: When | None = Field(None, description="Only those first answered at this moment or later, RFC 3339.")
    until: When | None = Field(None, description="Only those first answered before this moment.")
    limit: Annotated[int, Field(ge=1, le=1000, strict=False)] = Field(50, description="How many at most.")
    after: str | None = Field(None, max_length=256, description="`after` of the page before this one.")


class Record(Answer):
    """One answer, without its content."""

    id: str = Field(description="Get it at the path of its kind.")
    policy: str | None = Field(description="The policy's name; null where there is no single one.")
    status: str | None = Field(description="The answer's status; null where it has none.")
    venue: str | None = Field(description="As the snapshot says.")
    as_of: str | None = Field(description="As the snapshot says, in UTC.")
    budget: Money | None = Field(description="In the snapshot's currency.")
    version: str = Field(description="Of the service that answered.")
    received_at: str = Field(description="When the request came that was answered first.")
    answered_at: str = Field(description="When it was answered first.")
    last_answered_at: str = Field(description="When the same request was answered last.")
    stored_bytes: int = Field(description="Size of request and answer as they are kept, compressed.")


class RecordsAnswer(Answer):
    """One page, newest first."""

    records: list[Record] = Field(description="By the time of their first answer, newest first.")
    after: str | None = Field(description="Send it back for the next page; null on the last one.")


class ReplayAnswer(Answer):
    """A stored request, solved again."""

    id: str = Field(description="Of the record.")
    equal: bool = Field(description="The new answer has the same bytes as the stored one.")
    reproducible: bool = Field(description="What the record says of itself; false: a clock cut the solve short.")
    recorded_version: str = Field(description="Of the service that answered then.")
    version: str = Field(description="Of this service. Ids are of a version: another one has another id.")
    differences: list[str] = Field(description="JSON pointers to what differs, in order, at most 20 of them.")
    differences_total: int = Field(description="How many there are.")
    problem: Problem | None = Field(description="What the request meets today instead of an answer.")
