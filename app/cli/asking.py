"""From a command's words to its answer: what allocate, compare, close, verify and frontier share."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from app.cli.failures import REFUSED, Failure
from app.cli.options import Change, From
from app.cli.output import Destination, Format
from app.cli.parts import Body, Shown, Source
from app.cli.remote import Server
from app.cli.run import Work, ending, work

if TYPE_CHECKING:
    from app.store import Kind

FORMATS = ("json", "csv", "parquet")


@dataclass(frozen=True)
class Question:
    """A request in the making.

    files    by what they are, `book` and `made` or the tables of a closing; - is stdin
    book     json, csv or parquet, where the command says what BOOK is
    changes  what options say
    options  which were given, for the words of errors
    """

    kind: "Kind"
    files: Mapping[str, Path]
    book: From | None
    changes: Sequence[Change]
    options: Sequence[str]
    server: Server | None

    def read(self) -> dict[str, Source]:
        """Raises Failure."""
        return {role: _source(path, self.book if role == "book" else None) for role, path in self.files.items()}

    async def answered(self, at: Work, sources: Mapping[str, Source], wanted: Format, *, text: bool) -> Shown:
        body: Body
        await at.do("starting", "ready")
        body, seconds = await at.do("reading", "prepare", self.kind, sources, self.changes)
        if self.server is None:
            answer = await at.do("solving", "solve", self.kind, body, self.options, seconds=seconds)
        else:
            answer = await at.do("waiting for the server", "ask_server", self.server, self.kind, body, self.options)
        if wanted == "json" and not text and self.kind != "verification":
            return Shown(answer, "", None)
        shown: Shown = await at.do("writing", "show", self.kind, answer, wanted, text, body.policies, body.note)
        return shown


def answer(question: Question, wanted: Format | None, output: Path | None) -> None:
    """Read, solve or ask, and write; ends the command with its exit code."""
    with ending():
        destination = Destination.of(wanted, output)
        sources = question.read()
        shown = work(lambda at: question.answered(at, sources, destination.format, text=destination.shown))
        destination.write(shown.data)
        if destination.shown:
            typer.echo(shown.text, nl=False)
        if shown.refusal is not None:
            raise Failure(REFUSED, shown.refusal)


def server(url: str | None, key: str | None) -> Server | None:
    return None if url is None else Server(url, key)


def _source(path: Path, said: From | None) -> Source:
    if str(path) == "-":
        return Source("stdin", sys.stdin.buffer.read(), said)
    ending_ = path.suffix.lower().removeprefix(".")
    try:
        return Source(str(path), path.read_bytes(), said or (ending_ if ending_ in FORMATS else None))
    except OSError as exc:
        raise Failure(REFUSED, f"{path} cannot be read: {exc.strerror}") from exc
