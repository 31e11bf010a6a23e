"""How long a search may go on. What is answered depends on no clock, unless it is asked for."""

from dataclasses import dataclass, field
from math import inf
from time import monotonic

from solvers.errors import SolverTimeout


@dataclass
class Deadline:
    """`seconds` from now on, which may be infinite.

    best     searches that have something answer the best they have then, and do not raise
    ended    whether one did
    """

    seconds: float
    best: bool = False
    ended: bool = field(default=False, init=False)
    _started: float = field(default_factory=monotonic)

    def left(self) -> float:
        return self.seconds - (monotonic() - self._started)

    def check(self) -> None:
        """Raises SolverTimeout once the time is up; asked between the steps of a search that has nothing yet."""
        if self.left() <= 0:
            raise SolverTimeout("the time was up before the search was done")

    def over(self) -> bool:
        """Whether to stop with what there is: asked where there is something. Raises SolverTimeout unless `best`."""
        if self.left() > 0:
            return False
        if not self.best:
            self.check()
        self.ended = True
        return True


NEVER = Deadline(inf)
UP = "The time was up"
"""How notes begin of what a deadline ended."""
