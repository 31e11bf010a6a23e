"""The service with one more route that gives back the bytes it got: the floor of any answer of that size."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from app.main import create_app


def create() -> FastAPI:
    app = create_app()

    async def echo(request: Request) -> Response:
        return Response(await request.body(), media_type="application/json")

    app.add_route("/echo", echo, methods=["POST"])
    return app
