"""The page at `/`, and the sample venue that it can load."""

import json
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from app import sample

router = APIRouter(include_in_schema=False)

PAGE = Path(__file__).parent.parent / "static" / "page" / "index.html"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get("/")
async def page() -> Response:
    return FileResponse(PAGE, headers={"Content-Security-Policy": PAGE_POLICY})


@router.get("/examples/venue.json")
def venue() -> Response:
    """The request of `python -m app.sample`; in a thread, since the first one takes a good part of a second."""
    return Response(_venue(), media_type="application/json")


@cache
def _venue() -> bytes:
    return json.dumps(sample.venue(), separators=(",", ":")).encode()
