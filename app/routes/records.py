"""GET of what was answered: one record, a page of them, its request, and the same request solved again."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from app.convert.encode import dump
from app.convert.records import records_answer, replay_answer
from app.openapi import reading
from app.problems import RequestProblem, invalid
from app.schemas.answers import AllocationAnswer, ComparisonAnswer
from app.schemas.closings import AnyVerificationAnswer, ClosureAnswer
from app.schemas.frontiers import FrontierAnswer
from app.schemas.records import RecordsAnswer, ReplayAnswer, Wanted
from app.service import Service
from app.store import BadCursor, Filter, Kind
from app.tasks import TASKS, Task

Id = Annotated[str, Path(description="`id` of the answer.", max_length=64)]

_SAID_OF_THE_REQUEST = {"invalid-request", "infeasible-budget", "payload-too-large"}


_ANSWERS: dict[Kind, type[BaseModel]] = {
    "allocation": AllocationAnswer,
    "comparison": ComparisonAnswer,
    "frontier": FrontierAnswer,
    "closure": ClosureAnswer,
    "verification": AnyVerificationAnswer,
}
_SOLVING = ("not-found", "overloaded", "solver-timeout", "solver-failed")


def routes(task: Task) -> APIRouter:
    """The same four for each kind of answer."""
    router = APIRouter(tags=["recall"])
    many = f"{task.kind}s"

    @router.get(task.path, summary=f"List {many}", name=f"list_{many}", **reading(RecordsAnswer))
    async def list_records(request: Request, wanted: Annotated[Wanted, Query()]) -> Response:
        """What the caller was answered, newest first, without the content.

        One line a request: asked again it keeps its place, and `last_answered_at` says when.
        """
        service: Service = request.app.state.service
        where = Filter(**wanted.model_dump(exclude={"limit", "after"}))
        caller = await service.admit(request, "read")
        try:
            page = await service.ask(
                "page",
                lambda store: store.page(caller, task.kind, where=where, limit=wanted.limit, after=wanted.after),
            )
        except BadCursor as exc:
            raise invalid([("/after", str(exc), None)]) from exc
        return _json(records_answer(page))

    @router.get(
        f"{task.path}/{{id}}",
        summary=f"Get {'an' if task.kind == 'allocation' else 'a'} {task.kind}",
        name=f"get_{task.kind}",
        **reading(_ANSWERS[task.kind], "not-found"),
    )
    async def get_record(request: Request, id: Id) -> Response:  # noqa: A002
        """The answer as it was given, byte for byte. Only its own caller gets it."""
        service: Service = request.app.state.service
        entry = await service.recall(request, task.kind, id)
        return Response(entry.answer, media_type="application/json")

    @router.get(
        f"{task.path}/{{id}}/request",
        summary="What was asked",
        name=f"get_{task.kind}_request",
        **reading(None, "not-found"),
    )
    async def get_request(request: Request, id: Id) -> Response:  # noqa: A002
        """The request of an answer: as it came, without spaces and with its keys in order."""
        service: Service = request.app.state.service
        entry = await service.recall(request, task.kind, id)
        return Response(entry.request, media_type="application/json")

    @router.get(
        f"{task.path}/{{id}}/replay",
        summary="Solve it again",
        name=f"replay_{task.kind}",
        **reading(ReplayAnswer, *_SOLVING),
    )
    async def replay(request: Request, id: Id) -> Response:  # noqa: A002
        """Solves the stored request again, and says whether the answer has the same bytes."""
        service: Service = request.app.state.service
        entry = await service.recall(request, task.kind, id)
        again: bytes | RequestProblem
        with service.lanes.place() as place:
            try:
                again = (await service.solve(place, task, entry.request, None)).answer
            except RequestProblem as problem:
                if problem.code not in _SAID_OF_THE_REQUEST:
                    raise
                again = problem
        return _json(replay_answer(entry, again))

    return router


def _json(answer: object) -> Response:
    return Response(dump(answer), media_type="application/json")


routers = [routes(task) for task in TASKS.values()]
