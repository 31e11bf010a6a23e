"""GET of why one account lost what it lost."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from app.explain import Question, explained, explained_in_process
from app.openapi import reading
from app.schemas.explanations import AllocationExplanation, ClosureExplanation
from app.service import Service
from app.store import Kind

Id = Annotated[str, Path(description="`id` of the answer.", max_length=64)]
Account = Annotated[str, Path(description="The account, as it came; any text, also with slashes.", max_length=128)]

_REFUSED = ("not-found", "infeasible-budget", "payload-too-large", "overloaded", "solver-timeout", "solver-failed")


router = APIRouter(tags=["recall"])


@router.get(
    "/v1/allocations/{id}/explanations/{account:path}",
    summary="Why did this account lose this much",
    name="explain_allocation",
    **reading(AllocationExplanation, *_REFUSED),
)
async def explain_allocation(request: Request, id: Id, account: Account) -> Response:  # noqa: A002
    """Solves the stored request again and tells one account its amount, without a word of any other account.

    The formula gives the amount from the terms; `alternatives` says what other policies would have taken.
    """
    return await _explanation(request, "allocation", id, account)


@router.get(
    "/v1/closures/{id}/explanations/{account:path}",
    summary="Why were these contracts closed",
    name="explain_closure",
    **reading(ClosureExplanation, *_REFUSED),
)
async def explain_closure(request: Request, id: Id, account: Account) -> Response:  # noqa: A002
    """Solves the stored request again and tells one account its closes, without a word of any other account.

    The formula gives what they cost before whole lots; `alternatives` says what other policies would have taken.
    """
    return await _explanation(request, "closure", id, account)


async def _explanation(request: Request, kind: Kind, id_: str, account: str) -> Response:
    service: Service = request.app.state.service
    entry = await service.recall(request, kind, id_)
    question = Question(kind, entry.request, entry.answer, account)
    with service.lanes.place() as place:
        told = await service.lanes.run(
            place,
            len(question.request),
            lambda clock, light: explained(question, service.settings, clock, light=light),
            lambda seconds: (explained_in_process, (question, service.settings, seconds)),
        )
    return Response(told, media_type="application/json")
