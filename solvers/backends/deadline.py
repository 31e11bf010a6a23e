"""How long a search may go on: it only ever raises, so that what is answered does not depend on any clock."""

from dataclasses import dataclass, field
from math import inf
from time import monotonic

from solvers.errors import SolverTimeout


@dataclass(frozen=True)
class Deadline:
    """`seconds` from now on, which may be infinite."""

    seconds: float
    _started: float = field(default_factory=monotonic)

    def left(self) -> float:
        return self.seconds - (monotonic() - self._started)

    def check(self) -> None:
        """Raises SolverTimeout once the time is up; asked between the steps of a search."""
        if self.left() <= 0:
            raise SolverTimeout("the time was up before the search was done")


NEVER = Deadline(inf)
