"""What the service is measured against under load: a bare FastAPI app, and the service without its store."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from app.main import create_app
from app.store import Entry


def create() -> FastAPI:
    """Reads a body, and answers as many bytes as the path says."""
    app = FastAPI()

    @app.post("/{size}")
    async def answer(request: Request, size: int) -> Response:
        await request.body()
        return Response(b" " * size, media_type="application/json")

    return app


def without_store() -> FastAPI:
    """The service, which records nothing."""
    app = create_app()

    async def record(_: Entry) -> bool:
        return True

    app.state.service.ledger.record = record
    return app
