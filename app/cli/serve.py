"""``adl serve``: the service, listening."""

import uvicorn


def serve(host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve the API."""
    uvicorn.run("app.main:create_app", factory=True, host=host, port=port)
