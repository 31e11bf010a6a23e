"""Two things timed in turn, and their ratio with its spread; measurements in a process of their own."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Literal, TypeVar

Case, Result = TypeVar("Case"), TypeVar("Result")


@dataclass(frozen=True)
class Line:
    """`ours` against `theirs`: medians in milliseconds, the median of the paired ratios, its range and a target."""

    name: str
    size: int
    ours: str
    theirs: str
    repetitions: int
    ours_ms: float
    theirs_ms: float
    ratio: float
    lowest: float
    highest: float
    at_most: float | None
    note: str

    def __str__(self) -> str:
        target = "" if self.at_most is None else f" (at most {self.at_most:g})"
        return (
            f"{self.name:<34}{self.size:>11,}  {self.ours_ms:>10.3f} ms / {self.theirs_ms:>10.3f} ms"
            f" = {self.ratio:>8.3g} [{self.lowest:.3g}, {self.highest:.3g}]{target}"
            f"  {self.ours} / {self.theirs}{'; ' + self.note if self.note else ''}"
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def compare(
    name: str,
    size: int,
    ours: tuple[str, Callable[[], object]],
    theirs: tuple[str, Callable[[], object]],
    *,
    repetitions: int = 9,
    at_most: float | None = None,
    note: str = "",
) -> Line:
    """Run both once unmeasured, then in turn; each ratio is of two neighbours, so that drift cancels."""
    ours[1](), theirs[1]()
    pairs = [(_seconds(ours[1]), _seconds(theirs[1])) for _ in range(repetitions)]
    return line_of(name, size, ours[0], theirs[0], pairs, at_most=at_most, note=note)


def line_of(
    name: str,
    size: int,
    ours: str,
    theirs: str,
    pairs: list[tuple[float, float]],
    *,
    at_most: float | None,
    note: str,
) -> Line:
    """The line of pairs of seconds, ours and theirs; printed."""
    ratios = sorted(a / b for a, b in pairs)
    line = Line(
        name=name,
        size=size,
        ours=ours,
        theirs=theirs,
        repetitions=len(pairs),
        ours_ms=median(a for a, _ in pairs) * 1e3,
        theirs_ms=median(b for _, b in pairs) * 1e3,
        ratio=median(ratios),
        lowest=ratios[0],
        highest=ratios[-1],
        at_most=at_most,
        note=note,
    )
    print(line, flush=True)
    return line


def in_a_process(module: str, case: object, result: type[Result]) -> Result:
    """What `module`, which calls `answer`, measures of a case in a process of its own. Both are dataclasses."""
    command = [sys.executable, "-m", module, json.dumps(asdict(case))]
    return result(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def answer(case: type[Case], measure: Callable[[Case], object]) -> None:
    """The other end of `in_a_process`: the case from the command line, what is measured of it to stdout."""
    print(json.dumps(asdict(measure(case(**json.loads(sys.argv[1]))))))


def peak_gigabytes(pid: int | Literal["self"] = "self") -> float:
    """Peak resident memory of a process. Of its own memory: what getrusage tells includes its parent's at the start."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(peak[1]) / 1e6 if peak else float("nan")


def _seconds(function: Callable[[], object]) -> float:
    started = perf_counter()
    function()
    return perf_counter() - started
