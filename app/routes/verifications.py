"""POST /v1/verifications."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.convert.answers import verification_answer
from app.convert.requests import verification_of
from app.openapi import operation
from app.schemas.answers import VerificationAnswer
from app.schemas.requests import VerificationRequest
from app.service import Service

router = APIRouter(tags=["solve"])


@router.post("/v1/verifications", summary="Verify an allocation", **operation(VerificationRequest, VerificationAnswer))
async def verify(request: Request) -> Response:
    """Judge an allocation, whoever made it: this service, your own engine, or another venue.

    Send the snapshot, the shortfall and what each account lost (accounts left out lost nothing; amounts are read to
    the nearest unit). The answer lists every broken rule and the same diagnostics as an allocation, including the
    regrets: how much worse the worst haircut is than it had to be, and how far the total is from the budget.
    """
    service: Service = request.app.state.service
    return await service.respond(request, verification_of, lambda asked, made, _: verification_answer(asked, made))
