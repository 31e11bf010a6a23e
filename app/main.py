"""The application. Served by `uvicorn --factory app.main:create_app`; importing this module does nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from app import __version__, openapi
from app.middleware import Observe
from app.problems import RequestProblem, as_problem
from app.routes import allocations, closures, comparisons, frontiers, operations, policies, verifications
from app.service import Service
from app.settings import Settings, load

_STATIC = Path(__file__).parent / "static"


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service with its own settings, threads and metrics."""
    service = Service(settings or load())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.workers.close()

    app = FastAPI(
        title="ADL allocation service",
        version=__version__,
        summary="Who is haircut by how much when liquidations fail and the insurance fund is empty.",
        description=openapi.DESCRIPTION,
        openapi_tags=openapi.TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.service = service
    for module in (allocations, comparisons, frontiers, closures, verifications, policies, operations):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")

    async def refuse(_: Request, exc: Exception) -> Response:
        problem = as_problem(exc)
        service.metrics.rejected.labels(problem.code).inc()
        return problem.response()

    app.add_exception_handler(RequestProblem, refuse)
    app.add_exception_handler(HTTPException, refuse)
    app.add_middleware(Observe, metrics=service.metrics)
    openapi.install(app)
    return app
