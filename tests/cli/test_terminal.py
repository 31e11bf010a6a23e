"""`adl` on a real terminal, and as the real process that shells start."""

import asyncio
import fcntl
import os
import re
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import pytest

from app.cli import steps
from app.cli.asking import Question
from app.cli.run import Work
from tests.cli.commands import ADL, FIVE, left_over
from tests.processes import ROOT
from tests.serving import group, wait_for

CTRL_C = b"\x03"
HEAVY = ("--policy", "capped-pro-rata:method=convex", "--severity", "0.5")
"""On a large book seconds in a solver that knows no signals."""


class Terminal:
    """A command whose terminal this is; `told` is what it showed."""

    def __init__(self, *words: object, piped: bool = False) -> None:
        self._ours, theirs = os.openpty()
        self._reads, writes = os.pipe() if piped else (None, None)
        self.process = subprocess.Popen(
            [*ADL, *map(str, words)],
            cwd=ROOT,
            stdin=theirs,
            stdout=theirs if writes is None else writes,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - the child has one thread
            env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"},
        )
        os.close(theirs)
        if writes is not None:
            os.close(writes)
        self.told = b""

    def read(self, seconds: float) -> bool:
        """Whether there is more to come."""
        if select.select([self._ours], [], [], seconds)[0]:
            try:
                more = os.read(self._ours, 65_536)
            except OSError:  # the other end is closed
                return False
            self.told += more
            return bool(more)
        return True

    def until(self, text: bytes, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.told:
            assert time.monotonic() < deadline, self.told
            assert self.read(0.1), self.told

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def end(self, seconds: float = 60) -> int:
        deadline = time.monotonic() + seconds
        while self.read(0.05) and time.monotonic() < deadline:
            pass
        return self.process.wait(timeout=5)

    def piped(self) -> bytes:
        assert self._reads is not None
        with os.fdopen(self._reads, "rb") as file:
            self._reads = None
            return file.read()

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._ours)
        if self._reads is not None:
            os.close(self._reads)


@contextmanager
def terminal(*words: object, piped: bool = False) -> Iterator[Terminal]:
    started = Terminal(*words, piped=piped)
    try:
        yield started
    finally:
        started.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book whose convex program takes long."""
    path = tmp_path_factory.mktemp("books") / "large.csv"
    rows = (f"a{i},{i % 97},{1 + i * 7919 % 1009}\n" for i in range(60_000))
    path.write_text("id,cash,pnl\n" + "".join(rows) + "eve,0,-20000000\n")
    return path


def run(*words: object, **given: object) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([*ADL, *map(str, words)], cwd=ROOT, capture_output=True, timeout=60, check=False, **given)  # type: ignore[call-overload,no-any-return]


@contextmanager
def started(*words: object) -> Iterator["subprocess.Popen[bytes]"]:
    """A command without a terminal, leading a group of its own; nothing of it is left behind."""
    process = subprocess.Popen(
        [*ADL, *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.slow
def test_long_work_shows_how_long_and_ctrl_c_ends_it_at_once_without_a_file(large: Path, tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text("before")
    with terminal("allocate", large, *HEAVY, "--output", path) as shown:
        shown.until(b"solving")
        shown.until(b"0:00:0")
        started = time.monotonic()
        shown.press(CTRL_C)
        assert shown.end(10) == 130
        assert time.monotonic() - started < 2
        wait_for(lambda: group(shown.process.pid) == [], seconds=5)
    assert b"Traceback" not in shown.told
    assert b"Aborted" not in shown.told
    assert shown.told.rindex(b"\x1b[?25h") > shown.told.rindex(b"\x1b[?25l")  # the cursor is shown again
    assert (path.read_text(), left_over(tmp_path)) == ("before", ["answer.json"])


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3, 4], ids=["before the worker's imports", "at them", "at work"])
def test_ctrl_c_is_quiet_whenever_it_comes(processes: int, large: Path, tmp_path: Path) -> None:
    """Ours, the tracker of multiprocessing, its server, and the worker that this makes, come one after another."""
    with terminal("allocate", large, *HEAVY, "--output", tmp_path / "answer.json") as shown:
        wait_for(lambda: len(group(shown.process.pid)) >= processes, seconds=60)
        begun = time.monotonic()
        shown.press(CTRL_C)
        assert shown.process.wait(timeout=10) == 130
        assert time.monotonic() - begun < 5
        wait_for(lambda: group(shown.process.pid) == [], seconds=20)
        shown.end(1)
    assert b"Traceback" not in shown.told
    assert left_over(tmp_path) == []


def test_the_spinner_says_starting_until_there_is_something_to_read() -> None:
    class Told:
        def __init__(self) -> None:
            self.stages: list[str] = []

        async def do(self, stage: str, step: str, *arguments: object, seconds: float = 0.0) -> object:
            self.stages.append(stage)
            return getattr(steps, step)(*arguments)

    told = Told()
    question = Question("allocation", {"book": FIVE}, None, (), (), None)
    shown = asyncio.run(question.answered(cast("Work", told), question.read(), "table", text=False))
    assert told.stages == ["starting", "reading", "solving", "writing"]
    assert b"5 accounts, seized 7.500000 in all" in shown.data


@pytest.mark.slow
def test_the_spinner_goes_when_the_table_comes(large: Path, tmp_path: Path) -> None:
    with terminal("allocate", large, "--severity", "0.5", "--output", tmp_path / "answer.csv") as shown:
        assert shown.end() == 0
    assert b"0:00:0" in shown.told
    text = re.sub(rb"\x1b\[[0-9?;]*[A-Za-z]", b"", shown.told).decode()
    assert "policy       capped-pro-rata" in text  # the file's answer, for whoever watches
    assert text.splitlines()[-1].startswith("60001 accounts, seized 10000000.000000 in all, of which the 10 largest")
    assert len((tmp_path / "answer.csv").read_text().splitlines()) == 60_002


@pytest.mark.slow
def test_a_terminal_gets_a_table_and_a_pipe_gets_json_without_a_spinner() -> None:
    with terminal("allocate", FIVE) as shown:
        assert shown.end() == 0
    assert b"5 accounts, seized 7.500000 in all" in shown.told
    with terminal("allocate", FIVE, piped=True) as shown:
        assert shown.piped().startswith(b'{"id":"481c')
        assert shown.end() == 0
    done = run("allocate", FIVE)
    assert (done.returncode, done.stdout[:6], done.stderr) == (0, b'{"id":', b"")
    with terminal("allocate", FIVE, "--format", "parquet") as shown:
        assert shown.end() == 2


@pytest.mark.slow
def test_an_interrupt_from_another_process_ends_with_130_too(large: Path) -> None:
    with started("allocate", large, *HEAVY) as process:
        wait_for(lambda: len(group(process.pid)) >= 4, seconds=60)  # ours, a tracker, a server and its worker
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=10) == (b"", b"")
        assert process.returncode == 130
        wait_for(lambda: group(process.pid) == [], seconds=5)


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_ends_it_quietly_as_a_shell_would_tell(unbuffered: str, large: Path) -> None:
    command = f"{' '.join(ADL)} allocate {large} --severity 0.5 --format csv | head -1; echo ${{PIPESTATUS[0]}}"
    env = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=env, capture_output=True, timeout=60, check=True)
    header, code = done.stdout.splitlines()
    assert header == b"id,endowment,haircut,seized,pnl_after,equity_after,capped,rank,quantile"
    assert (code, done.stderr) == (b"141", b"")


@pytest.mark.slow
def test_a_worker_that_is_killed_ends_it_with_4(large: Path) -> None:
    with started("allocate", large, *HEAVY) as process:
        wait_for(lambda: len(group(process.pid)) >= 4, seconds=60)
        os.kill(max(group(process.pid)), signal.SIGKILL)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out) == (4, b"")
        assert err == b"adl: the process at work died, perhaps out of memory; nothing was written\n"


@pytest.mark.slow
def test_files_are_written_with_the_usual_rights_and_keep_those_they_had(tmp_path: Path) -> None:
    path, link = tmp_path / "answer.json", tmp_path / "link.json"
    assert run("allocate", FIVE, "--output", path, umask=0o027).returncode == 0
    assert path.stat().st_mode & 0o777 == 0o640
    path.chmod(0o600)
    link.symlink_to(path)
    before = path.read_bytes()
    path.write_bytes(b"")
    assert run("allocate", FIVE, "--output", link).returncode == 0
    assert (path.read_bytes(), path.stat().st_mode & 0o777, link.is_symlink()) == (before, 0o600, True)
    assert run("allocate", FIVE, "--format", "json", "--output", "/dev/null").returncode == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.slow
def test_a_book_comes_through_a_pipe_of_the_shell() -> None:
    command = f"{' '.join(ADL)} allocate <(cat {FIVE}) | head -c 6"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == (b'{"id":', b"")
