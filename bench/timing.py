"""Two things timed in turn, and their ratio with its spread."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Literal


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
    ratios = sorted(a / b for a, b in pairs)
    line = Line(
        name=name,
        size=size,
        ours=ours[0],
        theirs=theirs[0],
        repetitions=repetitions,
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


def peak_gigabytes(pid: int | Literal["self"] = "self") -> float:
    """Peak resident memory of a process. Of its own memory: what getrusage tells includes its parent's at the start."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(peak[1]) / 1e6 if peak else float("nan")


def _seconds(function: Callable[[], object]) -> float:
    started = perf_counter()
    function()
    return perf_counter() - started
