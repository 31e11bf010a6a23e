"""Every example of docs/command-line.md is run, on a terminal, and shows what the page says."""

import fcntl
import os
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from app.cli import COMMANDS
from tests.processes import ROOT

PAGE = ROOT / "docs" / "command-line.md"
BLOCK = re.compile(r"(?:^(\S+\.csv):\s+)?^```(csv|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def shown(command: str, folder: Path) -> str:
    """What a terminal shows of one line; stderr, which is none, comes after stdout, and so without a spinner."""
    ours, theirs = os.openpty()
    attributes = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST  # lines end as they are written
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    tools = folder / "bin"
    env = os.environ | {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "ADL_DATABASE_URL": f"sqlite:///{folder}/adl.db",
    }
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        env=env,
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


def page_of(text: str, folder: Path) -> str:
    """The page with what its commands show now."""
    (folder / "bin").mkdir()
    script = folder / "bin" / "adl"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m app.cli "$@"\n')
    script.chmod(0o755)

    def run(block: "re.Match[str]") -> str:
        name, kind, body = block.groups()
        if kind == "csv":
            (folder / name).write_text(body)
            return block[0]
        commands = [line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ ")]
        told = "".join(f"$ {command}\n{shown(command, folder)}" for command in commands)
        return f"```console\n{told}```"

    return BLOCK.sub(run, text)


@pytest.mark.slow
def test_the_page_of_the_command_line_shows_what_its_examples_show(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("$ adl ") > 10
    assert page_of(text, tmp_path) == text


def test_the_page_of_the_command_line_names_every_command() -> None:
    assert set(re.findall(r"^\| `adl (\w+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) == set(COMMANDS)
