"""The application. Served by `uvicorn --factory app.main:create_app`; importing this module does nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.staticfiles import StaticFiles

from app import __version__, openapi
from app.middleware import Observe
from app.problems import RequestProblem, as_problem, invalid, pointer
from app.routes import (
    allocations,
    closures,
    comparisons,
    explanations,
    frontiers,
    operations,
    page,
    policies,
    records,
    verifications,
)
from app.service import Service
from app.settings import Settings, load

_STATIC = Path(__file__).parent / "static"
_MODULES = (allocations, comparisons, frontiers, closures, verifications, explanations, policies, operations, page)
_ROUTERS = [*(module.router for module in _MODULES), *records.routers]


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service with its own settings, threads and metrics."""
    service = Service(settings or load())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    app = FastAPI(
        title="ADL allocation service",
        version=__version__,
        summary="Who is haircut by how much when liquidations fail and the insurance fund is empty.",
        description=openapi.DESCRIPTION,
        openapi_tags=openapi.TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # ours are in `app.traces` and `app.metrics`
        lifespan=lifespan,
    )
    app.state.service = service
    for router in _ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")

    async def refuse(request: Request, exc: Exception) -> Response:
        problem = _of_query(exc) if isinstance(exc, RequestValidationError) else as_problem(exc)
        if problem.code == "method-not-allowed":
            problem.headers["Allow"] = ", ".join(_methods(request))
        request.scope["adl.code"] = problem.code
        service.metrics.rejected.labels(problem.code).inc()
        return problem.response()

    app.add_exception_handler(RequestProblem, refuse)
    app.add_exception_handler(HTTPException, refuse)
    app.add_exception_handler(RequestValidationError, refuse)
    app.add_middleware(Observe, metrics=service.metrics)
    openapi.install(app)
    return app


def _of_query(exc: RequestValidationError) -> RequestProblem:
    """FastAPI's refusal of a query or a path; bodies are read by `app.convert`."""
    return invalid([(pointer(error["loc"][1:]), str(error["msg"]), None) for error in exc.errors()])


def _methods(request: Request) -> list[str]:
    """Of all routes of the request's path; the framework only tells those of the first."""
    routes = [route for router in _ROUTERS for route in router.routes if isinstance(route, Route)]
    matched = [route.methods or set() for route in routes if route.matches(request.scope)[0] != Match.NONE]
    return sorted(set().union(*matched))
