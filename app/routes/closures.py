"""POST /v1/closures."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.openapi import operation
from app.schemas.closings import ClosureAnswer
from app.schemas.closures import ClosureRequest
from app.service import Service
from app.tasks import TASKS

router = APIRouter(tags=["solve"])


@router.post("/v1/closures", summary="Close contracts", **operation(ClosureRequest, ClosureAnswer, budget=True))
async def close(request: Request) -> Response:
    """Which contracts of which accounts are closed, when bankrupt accounts leave positions that nobody buys.

    Send markets, accounts, positions (each as rows, or as columns for large books) and the liquidations: what bankrupt
    accounts left, with the bankruptcy price of each. Opposite positions of profitable accounts are closed at the mark
    price less what is missing, in whole lots, so that every market is closed exactly and the costs add up to the
    budget. An account pays for all its closes together no more than its cap.

    Contracts that cannot be closed, since nobody holds the other side with a profit that pays for it, are refused with
    409, naming the liquidations; with `options.on_infeasible` set to `partial` the answer closes what can be closed.
    Lots that fit under nobody's cap are left and reported with either. Nothing is applied.
    """
    service: Service = request.app.state.service
    return await service.respond(request, TASKS["closure"])
