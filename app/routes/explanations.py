"""GET of why one account lost what it lost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, FastAPI, Path, Request
from starlette.responses import Response

from app.explain import Question, explained, explained_in_process, unknown
from app.openapi import reading
from app.problems import RequestProblem
from app.processes import ProcessDied, Processes, ProcessTimeout
from app.schemas.explanations import AllocationExplanation, ClosureExplanation
from app.service import PRELOAD, Service
from app.store import Kind
from app.tasks import LARGE_BODY
from app.work import Clock, Place, timed_out

Id = Annotated[str, Path(description="`id` of the answer.", max_length=64)]
Account = Annotated[str, Path(description="The account, as it came; any text, also with slashes.", max_length=128)]

_REFUSED = ("not-found", "infeasible-budget", "payload-too-large", "overloaded", "solver-timeout", "solver-failed")


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    """A process for what is not light, beside those of the service, which only solve; it starts when it is needed."""
    app.state.explainers = Processes(1, explained_in_process, PRELOAD)
    try:
        yield
    finally:
        app.state.explainers.close()


router = APIRouter(tags=["recall"], lifespan=_running)


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
    caller = await service.admit(request, "read")
    entry = await service.ask("get", lambda store: store.get(caller, kind, id_))
    if entry is None:
        raise unknown(kind)
    with service.workers.place() as place:
        question = Question(kind, entry.request, entry.answer, account)
        told = await _told(service, request.app.state.explainers, place, question)
    return Response(told, media_type="application/json")


async def _told(service: Service, explainers: Processes, place: Place, question: Question) -> bytes:
    """In a thread if it is light, else in a process, as `Service.solve` does; raises RequestProblem."""
    settings = service.settings
    limit = left = settings.time_limit
    if not settings.solver_processes or len(question.request) <= LARGE_BODY:
        light = settings.solver_processes > 0

        def job(clock: Clock) -> tuple[bytes | None, Clock]:
            return explained(question, settings, clock, light=light), clock

        told, clock = await service.workers.run(place, limit, job)
        if told is not None:
            return told
        limit, left = clock.seconds, clock.rest()
    try:
        found: bytes = await explainers.run((question, settings, left), left)
    except ProcessTimeout as exc:
        service.metrics.killed.labels("time-limit").inc()
        raise timed_out(limit) from exc
    except ProcessDied as exc:
        service.metrics.killed.labels("died").inc()
        raise RequestProblem("solver-failed", "the solver's process died; nothing was applied") from exc
    return found
