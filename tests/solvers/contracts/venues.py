"""What venues do, again in rational arithmetic: scores, queues and contracts pro rata, one position at a time."""

from dataclasses import dataclass
from fractions import Fraction

from solvers.contracts.problem import ClosureProblem

ONE = Fraction(1)


@dataclass(frozen=True)
class Held:
    """A position that may be closed for a demand that costs something."""

    arc: int
    account: int
    bearer: int
    id: str
    lots: int


def number(value: object) -> Fraction:
    return Fraction(str(value))


def held(problem: ClosureProblem, demand: int) -> list[Held]:
    """Those on the needed side whose bearer has a cap, by account id."""
    found, arcs = [], problem.arcs
    for arc, position in enumerate(arcs.position.tolist()):
        if arcs.demand[arc] == demand:
            account = int(problem.positions.account[position])
            found.append(
                Held(
                    arc, account, int(arcs.bearer[arc]), problem.accounts.ids[account], abs(int(problem.lots[position]))
                )
            )
    return sorted(found, key=lambda one: one.id)


def whole(amount: Fraction, precision: int) -> Fraction:
    """Rounded towards minus infinity to whole units."""
    return Fraction(amount * 10**precision // 1, 10**precision)


def score_of(problem: ClosureProblem, position: int, score: str) -> Fraction:
    """MODEL 2 for one position, in currency."""
    rows, markets, precision = problem.positions, problem.markets, problem.accounts.precision
    account, market = int(rows.account[position]), int(rows.market[position])

    def profit(row: int) -> Fraction:
        mark = number(markets.mark_price.raw[int(rows.market[row])])
        return number(rows.quantity.raw[row]) * (mark - number(rows.entry_price.raw[row]))

    q, p0 = number(rows.quantity.raw[position]), number(rows.entry_price.raw[position])
    p = number(markets.mark_price.raw[market])
    u = whole(profit(position), precision)
    if problem.margin == "isolated":
        cash, equity = Fraction(0), u
    else:
        cash = Fraction(int(problem.accounts.cash_units[account]), 10**precision)
        own = (profit(row) for row in range(len(rows)) if rows.account[row] == account)
        equity = cash + whole(sum(own, Fraction(0)), precision)
    notional, entry = abs(q) * p, abs(q) * p0
    margin = number(markets.maintenance_margin_rate.raw[market]) * notional
    ruin = notional + equity
    match score:
        case "bitmex":
            gain, leverage = u / entry, notional / abs(notional - ruin)
            return gain * leverage if gain > 0 else gain / leverage
        case "binance" | "aevo":
            return max(u, Fraction(0)) / max(ONE, cash) * margin / (cash + u) if cash + u > 0 else Fraction(0)
        case "hyperliquid-published":
            return (p / p0) * (notional / equity)
        case "hyperliquid-observed":
            least = Fraction(1, 10**8)
            return max(notional / equity, least) * max(max(u, Fraction(0)) / entry, least)
        case "whitebit":
            return u / equity
        case "pnl-leverage":
            return (u / entry) * (notional / equity)
        case "size":
            return notional
        case "pnl":
            return u
        case "custom":
            return number(problem.accounts.columns["score"].raw[account])
    raise AssertionError(score)


def queue_order(problem: ClosureProblem, demand: int, score: str) -> list[Held]:
    """The first to be closed first; a stable sort keeps ids in order among ties."""
    found = held(problem, demand)
    scores = {one.arc: score_of(problem, int(problem.arcs.position[one.arc]), score) for one in found}
    return sorted(found, key=lambda one: -scores[one.arc])


def queue(problem: ClosureProblem, score: str, *, partial_close: bool) -> dict[int, int]:
    """Lots of each arc of the demands that cost something."""
    left = [Fraction(cap) for cap in problem.wealth.cap_units.tolist()]
    closed: dict[int, int] = {}
    for demand, gap in enumerate(problem.gaps):
        if not gap:
            continue
        missing = problem.demands[demand].lots
        for one in queue_order(problem, demand, score):
            lots = min(one.lots, int(left[one.bearer] // gap)) if missing > 0 else 0
            if partial_close:
                lots = min(lots, missing)
            closed[one.arc] = lots
            missing -= lots
            left[one.bearer] -= lots * gap
    return closed


def pro_rata(problem: ClosureProblem) -> dict[int, int]:
    """min(room, t lots), whole lots by largest fraction: t by trying one set of those at their room after another."""
    left = [Fraction(cap) for cap in problem.wealth.cap_units.tolist()]
    closed: dict[int, int] = {}
    for demand, gap in enumerate(problem.gaps):
        if not gap:
            continue
        found = held(problem, demand)
        room = {one.arc: min(one.lots, int(left[one.bearer] // gap)) for one in found}
        lots = {one.arc: one.lots for one in found}
        amount = min(problem.demands[demand].lots, sum(room.values()))
        at_room: set[int] = set()
        while True:
            below = [arc for arc in room if arc not in at_room]
            if not below:
                break
            t = Fraction(amount - sum(room[arc] for arc in at_room), sum(lots[arc] for arc in below))
            more = {arc for arc in below if room[arc] <= t * lots[arc]}
            if not more:
                break
            at_room |= more
        exact = {arc: Fraction(room[arc]) if arc in at_room else t * lots[arc] for arc in room}
        floors = {arc: int(value // 1) for arc, value in exact.items()}
        by_fraction = sorted(found, key=lambda one: (floors[one.arc] - exact[one.arc], one.id))
        for one in by_fraction[: amount - sum(floors.values())]:
            floors[one.arc] += 1
        for one in found:
            left[one.bearer] -= floors[one.arc] * gap
        closed |= floors
    return closed
