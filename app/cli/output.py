"""Where an answer goes, and in which format: whole or not at all."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import typer

from app import files
from app.cli.failures import REFUSED, Failure

Format = Literal["table", "json", "csv", "parquet"]
_ENDINGS: dict[str, Format] = {".json": "json", ".csv": "csv", ".parquet": "parquet", ".txt": "table"}


@dataclass(frozen=True)
class Destination:
    """A file, or stdout.

    shown   whether a table is for the terminal, too: where the file is another format
    """

    format: Format
    path: Path | None
    shown: bool

    @classmethod
    def of(cls, wanted: Format | None, path: Path | None) -> "Destination":
        """Raises typer.BadParameter, and Failure where no file can be made: before any work is done."""
        terminal = sys.stdout.isatty()
        if path is None:
            if wanted == "parquet" and terminal:
                raise typer.BadParameter("parquet is for a file: give --output", param_hint="--format")
            return cls(wanted or ("table" if terminal else "json"), None, shown=False)
        found = wanted or _ENDINGS.get(path.suffix.lower())
        if found is None:
            raise typer.BadParameter(f"must end in {', '.join(_ENDINGS)}, or give --format", param_hint="--output")
        try:
            if path.is_dir():
                raise Failure(REFUSED, f"{path} is a folder: --output must name a file")
            if not path.absolute().parent.is_dir():
                raise Failure(REFUSED, f"{path.parent} is no folder: --output must be in one that is there")
        except OSError as exc:
            raise Failure(REFUSED, f"{path} cannot be written: {exc.strerror}") from exc
        return cls(found, path, shown=terminal and found != "table")

    def write(self, data: bytes) -> None:
        """Raises Failure, and BrokenPipeError when the reader of stdout went away."""
        if self.path is not None:
            try:
                files.write({self.path: data})
            except OSError as exc:
                raise Failure(REFUSED, f"{self.path} cannot be written: {exc.strerror}") from exc
            return
        if sys.stdout.isatty() and not data.endswith(b"\n"):
            data += b"\n"
        out, rest = sys.stdout.buffer, memoryview(data)
        while rest:  # unbuffered, as PYTHONUNBUFFERED has it, it may take a part only
            rest = rest[out.write(rest) :]
        out.flush()
