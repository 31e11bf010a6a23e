"""POST /v1/allocations."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.openapi import operation
from app.schemas.answers import AllocationAnswer
from app.schemas.requests import AllocationRequest
from app.service import Service
from app.tasks import TASKS

router = APIRouter(tags=["solve"])


@router.post(
    "/v1/allocations", summary="Allocate a shortfall", **operation(AllocationRequest, AllocationAnswer, budget=True)
)
async def allocate(request: Request) -> Response:
    """Who is haircut by how much, by one policy.

    Send the accounts (rows, or columns for large books), the shortfall and a policy. The answer has one entry an
    account in the order they came, and the amounts seized add up to the budget to the last unit. No account loses
    more than its cap: `max_haircut` of its endowment, and never so much that `min_equity` is not left.

    Nothing is applied: this computes what a venue then does, and records it. The same request always has the same
    answer, byte for byte. A budget above what the caps allow is refused with 409 and the largest severity that fits;
    with `options.on_infeasible` set to `partial` the answer takes what can be taken and says what stays uncovered.
    """
    service: Service = request.app.state.service
    return await service.respond(request, TASKS["allocation"])
