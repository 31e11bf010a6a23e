"""Exponential retention to the optimum: a search over vertices that starts at the greedy one (MODEL 5).

In order of their chords a_i the accounts split at the critical price mu: those before are at their caps in the
greedy answer, those after at 0. An optimum differs from that in a few accounts. Measured against mu a decision costs a
*loss*, never negative: |f_i(cap_i) - mu cap_i| for an account that is flipped, and f_i(y) - mu y less the smaller of 0
and f_i(cap_i) - mu cap_i for the one that bears y instead. The sum is the objective less the bound of the chords.

Accounts are decided one by one, those that could bear most more or less first. Of a state only three things matter:
R, what is left to bear; what it has lost; and which account is the fractional one, with y in [low, high], where a
chord bounds its concave loss from below (a range is cut into pieces, which shrink to what the undecided accounts can
still leave to it). The undecided accounts bear the rest at the price of their chords, which bounds each state: an
expanding core (Pisinger, A minimal algorithm for the 0-1 knapsack problem, 1997) with one concave account.

States that cannot beat the best vertex are dropped, and of those that agree in what is left all but the cheapest.
When none is left the best vertex is optimal. Where there are more than the limits allow, the cheapest are kept, and
the least bound of the others is what is proved.
"""

from dataclasses import dataclass, replace
from math import fsum, inf

import numpy as np
import numpy.typing as npt

from solvers.backends.deadline import NEVER, Deadline
from solvers.money import Bool, Float64, Int64
from solvers.revenue.concave import Losses, at, greedy
from solvers.revenue.retention import Exponential
from solvers.revenue.stakes import Point, Stakes
from solvers.revenue.states import States

Int32 = npt.NDArray[np.int32]

TOLERANCE = 1e-10
"""States that could beat the best vertex by less than this share of its churned fees are dropped."""

WIDTHS = (300, 3_000, 30_000)
"""States kept after each decision: each search starts from the best vertex of the one before, which prunes more."""

STATES = 10_000_000
"""States that each search looks at in all; an account in the book counts a sixteenth of one at each decision."""

_FINE = 1 / 8
"""A fractional account's range is cut where it has lost this much of what may be lost, and at every doubling on."""


@dataclass(frozen=True)
class Searched:
    """The best vertex, the least churned fees that the search left possible, in dollars, and how it ended."""

    point: Point
    bound: float
    note: str
    states: int


def searched(curve: Exponential, stakes: Stakes, amount_units: int, deadline: Deadline = NEVER) -> Searched:
    """Search from the greedy vertex; 0 < amount < sum cap. Raises SolverTimeout at a deadline."""
    losses = Losses.of(curve, stakes)
    vertex, price = greedy(losses, amount_units)
    start = vertex.amounts(stakes.cap_units)
    search = _Search(losses, amount_units, price)
    best, floor, states = start, 0.0, 0
    for width in WIDTHS:
        best, proved, looked, closed = search.run(best, width, deadline)
        floor, states = max(floor, proved), states + looked
        if closed or deadline.ended:
            break

    # A vertex that is better by a rounding error of the losses alone may be worse by the fees themselves.
    best = min(start, best, key=lambda amounts: fsum(losses(amounts).tolist()))
    bound = min(floor, fsum(losses(best).tolist()))
    note = (
        f"The search closed the gap after {states} states: no allocation loses less, to {TOLERANCE:g} of it."
        if closed
        else f"The search stopped at {'its deadline' if deadline.ended else 'its limit'} after {states} states; "
        "the gap is what it could not close."
    )
    return Searched(at(stakes, best, price), bound, note, states)


@dataclass(frozen=True)
class _Step:
    """What is needed to trace a state back: the account decided, its children, and which of them were kept."""

    account: int
    parent: Int32
    flipped: Bool
    kept: Int32


class _Search:
    """Accounts in the order of their chords, and the running sums that bound a state."""

    def __init__(self, losses: Losses, amount_units: int, price: float) -> None:
        self.order = np.lexsort((-losses.cap_units, losses.slopes))
        self.curve, self.price, self.amount = losses.curve, price, amount_units
        self.caps, self.endowment = losses.cap_units[self.order], losses.endowment[self.order]
        self.fees, self.excess = losses.fees[self.order], losses.slopes[self.order] - price
        self.alike = _alike(self.caps, self.endowment, self.fees)
        self.margins = self._margin(np.arange(len(self.caps)), self.caps)
        self.split = int(np.searchsorted(np.cumsum(self.caps), amount_units, side="right"))

    def _decide(self, open_: Bool) -> None:
        """Set the running sums to those of the undecided accounts."""
        self.reach = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.where(open_, self.caps, 0))))
        self.costs = np.concatenate((np.zeros(1), np.cumsum(np.where(open_, self.margins, 0.0))))

    def run(self, start: Int64, width: int, deadline: Deadline) -> tuple[Int64, float, int, bool]:
        """The best amounts, the proved bound in dollars, how many states were looked at, and whether that was all."""
        count = len(self.caps)
        amounts = start[self.order]
        everybody = np.arange(count)
        objective = fsum((self.fees * self.curve.leaves(amounts / self.endowment)).tolist())
        best = fsum(self._loss(everybody, amounts).tolist())
        base = objective - best
        open_ = np.ones(count, np.bool_)
        self._decide(open_)
        states = States.root(self.amount - int(self.reach[self.split]))
        agenda = self._agenda(best).tolist()
        history: list[_Step] = []
        looked, work, dropped, found, bounds = 0, 0, inf, None, np.array([-inf])
        while len(states) and agenda and work < STATES and not deadline.over():
            account = agenda.pop()
            open_[account] = False
            self._decide(open_)
            states = self._tightened(self._decided(states, account, right=account >= self.split, best=best))
            looked += len(states)
            work += len(states) + count // 16
            ends = np.flatnonzero((states.low <= states.left) & (states.left <= states.high))
            losses = self._ends(states[ends])
            if ends.size and losses.min() < best:
                place = int(ends[losses.argmin()])
                best, found = float(losses.min()), (len(history), place, int(states.account[place]))
                rest = int(states.left[place])
            bounds = self._bounds(states)
            kept = np.flatnonzero(bounds < best - TOLERANCE * (base + best))
            kept = kept[states[kept].distinct()]
            if len(kept) > width:
                kept = kept[np.argsort(bounds[kept], kind="stable")]
                dropped, kept = min(dropped, float(bounds[kept[width]])), kept[:width]
            history.append(_Step(account, states.parent.astype(np.int32), states.flipped, kept.astype(np.int32)))
            states, bounds = states[kept], bounds[kept]
        if len(states) and agenda:
            dropped = min(dropped, float(bounds.min()))
        if found is not None:
            amounts = self._traced(history, *found, rest)
        answer = np.empty_like(start)
        answer[self.order] = amounts
        least = best - TOLERANCE * (base + best)
        return answer, base + min(least, dropped), looked, dropped >= least

    def _margin(self, accounts: Int64, units: Int64) -> Float64:
        """f_i(x) - mu x."""
        return self.fees[accounts] * self.curve.leaves(units / self.endowment[accounts]) - self.price * units

    def _loss(self, accounts: Int64, units: Int64) -> Float64:
        """Of bearing x, against the better of 0 and the cap."""
        return self._margin(accounts, units) - np.minimum(self.margins[accounts], 0.0)

    def _decided(self, states: States, account: int, *, right: bool, best: float) -> States:
        """Each state with the account as in the greedy answer, flipped, or fractional somewhere in a piece."""
        cap = int(self.caps[account])
        flipped = states.children(
            left=states.left + (-cap if right else cap),
            lost=states.lost + abs(float(self.margins[account])),
            flipped=np.ones(len(states), np.bool_),
        )
        parts = [states.children(), flipped]
        # Of accounts that are all alike it does not matter which is fractional.
        whole = np.flatnonzero((states.account < 0) & ~self.alike[account])
        cuts, losses = self._pieces(account, best)
        for low, high, at_low, at_high in zip(cuts[:-1], cuts[1:], losses[:-1], losses[1:], strict=True):
            some = whole[states.lost[whole] + min(at_low, at_high) < best]
            parent, size = states[some], len(some)
            part = parent.children(
                left=parent.left + (0 if right else cap),
                lost=parent.lost + at_low,
                account=np.full(size, account),
                low=np.full(size, low),
                high=np.full(size, high),
                slope=np.full(size, (at_high - at_low) / (high - low)),
            )
            parts.append(replace(part, parent=some))
        return States.joined(parts)

    def _pieces(self, account: int, best: float) -> tuple[Int64, Float64]:
        """Where to cut the range of a fractional account, and its losses there."""
        cap = self.caps[account]
        halves = cap >> np.arange(1, 63)
        cuts = np.unique(np.concatenate((halves, cap - halves, [0, cap])))
        losses = self._loss(np.full(len(cuts), account), cuts)
        from_end = losses - np.where(2 * cuts <= cap, losses[0], losses[-1])
        some = (from_end >= _FINE * best) | (cuts == 0) | (cuts == cap)
        return cuts[some], losses[some]

    def _ends(self, states: States) -> Float64:
        """The loss of states that are vertices: the fractional account bears what is left."""
        chosen = states.account >= 0
        losses, accounts = states.lost.copy(), states.account[chosen]
        losses[chosen] += self._loss(accounts, states.left[chosen]) - self._loss(accounts, states.low[chosen])
        return losses

    def _agenda(self, best: float) -> Int64:
        """Accounts, the last to be decided first: what each could bear more or less without losing too much."""
        return np.argsort(self.caps * (best / np.maximum(np.abs(self.margins), best or 1.0)), kind="stable")

    def _tightened(self, states: States) -> States:
        """Pieces cut to what the undecided accounts leave to them; only states that can still bear all."""
        least = states.left - (self.reach[-1] - self.reach[self.split])
        most = states.left + self.reach[self.split]
        low, high = np.maximum(states.low, least), np.minimum(states.high, most)
        some = np.flatnonzero(low <= high)
        states, low, high = states[some], low[some], high[some]
        cut = np.flatnonzero((states.account >= 0) & ((low > states.low) | (high < states.high)))
        accounts = states.account[cut]
        at_low, at_high = self._loss(accounts, low[cut]), self._loss(accounts, high[cut])
        states.lost[cut] += at_low - self._loss(accounts, states.low[cut])
        states.slope[cut] = (at_high - at_low) / np.maximum(high[cut] - low[cut], 1)
        return replace(states, low=low, high=high)

    def _bounds(self, states: States) -> Float64:
        """The least loss of any vertex that follows: the rest goes to the piece and the chords of the undecided.

        Both are convex, so the cheaper slope bears first: the piece begins where the others' slopes pass its own.
        """
        index = np.searchsorted(self.excess, states.slope)
        cheaper = self.reach[index] - self.reach[self.split]
        borne = np.clip(states.left - cheaper, states.low, states.high)
        rest = states.left - borne
        place = self.reach[self.split] + rest
        index = np.clip(np.searchsorted(self.reach, place, side="right") - 1, 0, len(self.caps) - 1)
        others = self.costs[index] - self.costs[self.split] + self.excess[index] * (place - self.reach[index])
        others[rest == 0] = 0.0
        others[(place < 0) | (place > self.reach[-1])] = inf
        bounds: Float64 = states.lost + states.slope * (borne - states.low) + np.maximum(others, 0.0)
        return bounds

    def _traced(self, history: list[_Step], step: int, place: int, account: int, rest: int) -> Int64:
        """The amounts of a vertex, from its last decision to the first."""
        amounts = np.where(np.arange(len(self.caps)) < self.split, self.caps, 0)
        while True:
            decided = history[step]
            if decided.flipped[place]:
                amounts[decided.account] = self.caps[decided.account] - amounts[decided.account]
            if step == 0:
                break
            step, place = step - 1, int(history[step - 1].kept[decided.parent[place]])
        if account >= 0:
            amounts[account] = rest
        return amounts


def _alike(*columns: Int64 | Float64) -> Bool:
    """Whether an account has a twin before it."""
    order = np.lexsort(columns)
    same = np.ones(len(order) - 1, np.bool_)
    for column in columns:
        same &= np.diff(column[order]) == 0
    alike = np.zeros(len(order), np.bool_)
    alike[order[1:]] = same
    return alike
