"""What was answered before."""

from typing import TypedDict

from app.client.answers.shared import Money, Problem


class Record(TypedDict):
    """One answer, without its content."""

    id: str
    policy: str | None
    status: str | None
    venue: str | None
    as_of: str | None
    budget: Money | None
    version: str
    received_at: str
    answered_at: str
    last_answered_at: str
    stored_bytes: int


class RecordsAnswer(TypedDict):
    """One page of records, newest first."""

    records: list[Record]
    after: str | None


class ReplayAnswer(TypedDict):
    """A stored request, solved again."""

    id: str
    equal: bool
    reproducible: bool
    recorded_version: str
    version: str
    differences: list[str]
    differences_total: int
    problem: Problem | None
