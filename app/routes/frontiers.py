"""POST /v1/frontiers."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.openapi import operation
from app.schemas.frontiers import FrontierAnswer
from app.schemas.requests import FrontierRequest
from app.service import Service
from app.tasks import TASKS

router = APIRouter(tags=["solve"])


@router.post("/v1/frontiers", summary="Trade the aims off", **operation(FrontierRequest, FrontierAnswer, budget=True))
async def trade_off(request: Request) -> Response:
    """What fairness, robustness and revenue cost each other on this book.

    The weights of the policy `blend` are swept. The answer has the allocations that no other one beats in all of the
    measures, spread along the curve, each with the policy that gives it again; and where every other policy lies, and
    the venue's own allocation if it is sent: whether the frontier beats it, and by how much.
    """
    service: Service = request.app.state.service
    return await service.respond(request, TASKS["frontier"])
