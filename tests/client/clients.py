"""Both clients under the same words, and books of one account more or less."""

import asyncio
import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from app.client import AsyncClient, Client
from tests.processes import ROOT

KINDS = ("sync", "async")
Body = dict[str, Any]


class Awaited:
    """An AsyncClient, or what hangs on it, whose methods wait."""

    def __init__(self, runner: asyncio.Runner, target: Any) -> None:
        self._runner = runner
        self._target = target

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if not callable(found):
            return Awaited(self._runner, found)

        def wait(*args: Any, **kwargs: Any) -> Any:
            made = found(*args, **kwargs)
            return self._runner.run(_all(made) if inspect.isasyncgen(made) else made)

        return wait


async def _all(generator: Any) -> list[Any]:
    return [each async for each in generator]


@contextmanager
def opened(kind: str, url: str, **options: Any) -> Iterator[Any]:
    """The client of that kind."""
    if kind == "sync":
        with Client(url, **options) as client:
            yield client
        return
    with asyncio.Runner() as runner:
        client = runner.run(AsyncClient(url, **options).__aenter__())
        try:
            yield Awaited(runner, client)
        finally:
            runner.run(client.__aexit__(None, None, None))


def example(name: str) -> Body:
    read: Body = json.loads((ROOT / f"examples/{name}.json").read_bytes())
    return read


def book() -> Body:
    """Five accounts of a venue that nobody else has."""
    made = example("five-accounts")
    made["snapshot"]["venue"] = uuid4().hex
    return made
