"""`adl` as its users run it: within this process, whose worker processes are real, or as a process of its own."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from typer.testing import CliRunner

from app.cli import app
from app.convert.encode import dump
from app.openapi import EXAMPLES, answer_to

ADL = (sys.executable, "-m", "app.cli")
FIVE = EXAMPLES / "five-accounts.json"


class Done(NamedTuple):
    code: int
    out: bytes
    err: str


def adl(*words: object, given: bytes | None = None, env: Mapping[str, str] | None = None) -> Done:
    """One command, stdout being no terminal. What it did not mean to raise is raised."""
    result = CliRunner().invoke(app, [str(word) for word in words], input=given, env=env)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout_bytes, result.stderr)


def refused(done: Done, code: int = 1) -> str:
    """The one line of a command that did not answer."""
    assert (done.code, done.out) == (code, b""), done
    assert done.err.startswith("adl: ")
    assert done.err.count("\n") == 1
    return done.err.removeprefix("adl: ").rstrip("\n")


def served(path: str, body: Any) -> bytes:
    """The bytes of the service's answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return dump(answer_to(path, raw))


def example(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_bytes())
    return found


def columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def left_over(folder: Path) -> list[str]:
    """What is in a folder, hidden files too."""
    return sorted(os.listdir(folder))  # noqa: PTH208 - names alone
