"""POST /v1/verifications."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.openapi import operation
from app.schemas.closings import AnyVerificationAnswer
from app.schemas.closures import AnyVerificationRequest
from app.service import Service
from app.tasks import TASKS

router = APIRouter(tags=["solve"])


@router.post(
    "/v1/verifications",
    summary="Verify an allocation or closures",
    **operation(AnyVerificationRequest, AnyVerificationAnswer),
)
async def verify(request: Request) -> Response:
    """Judge an allocation or closures, whoever made them: this service, your own engine, or another venue.

    Send the snapshot, the shortfall and what each account lost (accounts left out lost nothing; amounts are read to
    the nearest unit). The answer lists every broken rule and the same diagnostics as an allocation, including the
    regrets: how much worse the worst haircut is than it had to be, and how far the total is from the budget.

    Or send a snapshot with markets and positions, the liquidations and the `closures` that were made of them: what was
    closed against what was needed, whom it should not have touched, and whether the queue's order was kept (`score`).
    """
    service: Service = request.app.state.service
    return await service.respond(request, TASKS["verification"])
