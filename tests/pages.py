"""Pages whose examples are run: what a terminal shows of their commands, and what Python answers."""

import doctest
import fcntl
import os
import re
import subprocess
import sys
import termios
from contextlib import chdir
from pathlib import Path
from typing import Any

from tests.processes import ROOT

_BLOCK = re.compile(r"(?:^(\S+\.(?:csv|json)):\s+)?^```(csv|json|console|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_TOOLS = {"adl": "-m app.cli", "python": ""}


def page(name: str) -> str:
    """A page of docs/."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def fenced(text: str, kind: str) -> list[str]:
    """What stands in the blocks of one kind."""
    return re.findall(f"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def with_tools(folder: Path) -> dict[str, str]:
    """The environment of a reader who works in `folder`: a store of its own, and `adl` and `python` as in .venv/bin."""
    tools = folder / "bin"
    if not tools.exists():
        tools.mkdir()
        for name, options in _TOOLS.items():
            (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {options} "$@"\n')
            (tools / name).chmod(0o755)
    return os.environ | {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "ADL_DATABASE_URL": f"sqlite:///{folder}/adl.db",
    }


def shown(command: str, folder: Path) -> str:
    """What a terminal shows of one line; stderr, which is none, comes after stdout, and so without a spinner."""
    ours, theirs = os.openpty()
    attributes = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST  # lines end as they are written
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        env=with_tools(folder),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(1, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - the child has one thread
    )
    os.close(theirs)
    told = b""
    try:
        while more := os.read(ours, 65_536):
            told += more
    except OSError:
        """The other end is closed."""
    _, err = process.communicate(timeout=60)
    os.close(ours)
    return (told + err).decode()


def doctested(text: str, names: dict[str, Any] | None = None) -> tuple[int, str]:
    """How many examples of Python the text has, and what doctest says against them; the names they make join `names`.

    Three backquotes end an example's output, as an empty line does.
    """
    examples = doctest.DocTestParser().get_doctest(text, names or {}, "the page", "the page", 0)
    against: list[str] = []
    _, tried = doctest.DocTestRunner(verbose=False).run(examples, out=against.append, clear_globs=False)
    if names is not None:
        names.update(examples.globs)
    return tried, "".join(against)


def run_again(text: str, folder: Path, address: str = "") -> str:
    """The page with what its examples show now, from top to bottom, in `folder`.

    A block with a file's name before it becomes that file. `address` takes the place of http://127.0.0.1:8000 in what
    is run. Under an example of Python that answers something else stands what doctest says.
    """
    names: dict[str, Any] = {}
    usual = "http://127.0.0.1:8000"

    def run(block: "re.Match[str]") -> str:
        name, kind, body = block.groups()
        if name:
            (folder / name).write_text(body)
        if kind == "console":
            commands = [line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ ")]
            there = [command.replace(usual, address or usual) for command in commands]
            told = [f"$ {line}\n{shown(line_there, folder)}" for line, line_there in zip(commands, there, strict=True)]
            return f"```console\n{''.join(told)}```"
        if kind == "python":
            with chdir(folder):
                _, against = doctested(body, names)
            return f"```python\n{body}{against}```"
        return block[0]

    return _BLOCK.sub(run, text)
