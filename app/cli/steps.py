"""What the worker process does for a command: reads, solves or asks a server, and shapes the answer."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from app.cli import results
from app.cli.bodies import build
from app.cli.failures import REFUSED, Failure, of_problem
from app.cli.options import Change
from app.cli.output import Format
from app.cli.parts import Body, Shown, Source
from app.cli.remote import Refused, Server, ask
from app.loaders.report import LoadError
from app.problems import RequestProblem
from app.settings import Settings, load
from app.store import Kind
from app.tasks import TASKS, work
from app.work import Clock


def ready() -> None:
    """Done when this module is imported, which takes most of a short command's time."""


def prepare(kind: Kind, sources: Mapping[str, Source], changes: Sequence[Change]) -> tuple[Body, float]:
    """The request, and the seconds that solving it here may take."""
    return build(kind, sources, changes), _settings().time_limit


def solve(kind: Kind, body: Body, given: Sequence[str]) -> bytes:
    """The bytes that the service would answer."""
    settings = _settings()
    with _problems(body, given):
        # None: a book of any age may be looked at.
        solved = work(TASKS[kind], body.raw, settings, Clock(settings.time_limit, lambda _: None), None, light=False)
    if solved is None:
        raise TypeError("only light work may be left")
    return solved.answer


def ask_server(server: Server, kind: Kind, body: Body, given: Sequence[str]) -> bytes:
    with _problems(body, given):
        return ask(server, TASKS[kind].path, body.raw)


def show(
    kind: Kind,
    answer: bytes,
    wanted: Format,
    text: bool,
    policies: Sequence[Mapping[str, Any]] | None,
    note: str | None,
) -> Shown:
    """`text`: whether a terminal is to be told, too. Of a comparison, `policies` as they were given."""
    found = results.read(answer)
    if policies is not None:
        found = results.labelled(found, policies)
    told = results.text(kind, found, note) if text or wanted == "table" else ""
    refusal = results.refusal(found) if kind == "verification" else None
    try:
        match wanted:
            case "json":
                data = answer
            case "table":
                data = told.encode()
            case "csv" | "parquet":
                data = results.table(kind, found, wanted)
    except LoadError as exc:
        raise Failure(REFUSED, str(exc)) from exc
    return Shown(data, told, refusal)


@contextmanager
def _problems(body: Body, given: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except RequestProblem as exc:
        raise of_problem(exc.document(), given, body.tables) from exc
    except Refused as exc:
        raise of_problem(exc.document, given, body.tables) from exc


def _settings() -> Settings:
    os.environ.pop("ADL_DATABASE_URL", None)  # no store is used, whatever it says
    try:
        return load()
    except SystemExit as exc:
        raise Failure(REFUSED, "; ".join(str(exc).splitlines())) from exc
