"""Health, readiness, metrics and the docs page."""

from pathlib import Path

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import FileResponse, Response

from app import openapi
from app.problems import RequestProblem
from app.schemas.answers import Health
from app.service import Service
from app.store import StoreError

router = APIRouter(tags=["operate"])

READY_WITHIN = 5.0
"""Seconds after which a service that is too busy to solve five accounts is not ready."""

DOCS = Path(__file__).parent.parent / "static" / "docs" / "index.html"
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@router.get("/healthz", summary="Is the process up?", response_model=Health)
async def health() -> dict[str, str]:
    """The process is up."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    summary="Can it solve and store?",
    response_model=Health,
    responses={503: {"model": Health, "description": "Cannot solve or store, or is about to end."}},
)
async def readiness(request: Request) -> Response:
    """A five-account example with a known answer comes out right in a solver thread, and the store's database answers.

    It fails as soon as the process was told to end, while it still answers.
    """
    service: Service = request.app.state.service
    try:
        with service.lanes.place() as place:
            solves = await service.lanes.in_thread(place, READY_WITHIN, lambda _: openapi.self_test())
        await service.ledger.ping()
        ready = solves and not service.draining
    except (RequestProblem, StoreError):
        ready = False
    content = b'{"status":"ok"}' if ready else b'{"status":"failing"}'
    return Response(content, 200 if ready else 503, media_type="application/json")


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus text."},
        **openapi.problems(openapi.REFUSED),
    },
    openapi_extra={"security": openapi.SECURITY},
)
async def metrics(request: Request) -> Response:
    """Prometheus metrics, prefix `adl_`, of all workers together. Where keys are required one of scope admin is."""
    service: Service = request.app.state.service
    await service.admit(request, "admin")
    return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


@router.get("/docs", include_in_schema=False)
async def docs() -> Response:
    return FileResponse(DOCS, headers={"Content-Security-Policy": DOCS_POLICY})
