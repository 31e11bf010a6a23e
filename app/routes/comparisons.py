"""POST /v1/comparisons."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.openapi import operation
from app.schemas.answers import ComparisonAnswer
from app.schemas.requests import ComparisonRequest
from app.service import Service
from app.tasks import TASKS

router = APIRouter(tags=["solve"])


@router.post("/v1/comparisons", summary="Compare policies", **operation(ComparisonRequest, ComparisonAnswer))
async def compare(request: Request) -> Response:
    """The same book and shortfall under several policies, side by side.

    Results come in the order of `policies`; each is what /v1/allocations would answer, or the problem that policy
    has with this book (a budget it cannot reach, a column it needs). Use `"detail": "summary"` to leave the accounts
    out and compare the diagnostics.
    """
    service: Service = request.app.state.service
    return await service.respond(request, TASKS["comparison"])
