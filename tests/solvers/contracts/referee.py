"""The rules for made closures again, in rational arithmetic, one fill at a time and from the raw numbers."""

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

from solvers.contracts.fills import Fills
from solvers.contracts.problem import ClosureProblem
from tests.solvers.contracts import venues
from tests.solvers.contracts.venues import number

Finding = tuple[str, int | None, int | None, Fraction, Fraction]


@dataclass(frozen=True)
class Verdict:
    findings: list[Finding]
    paid: Fraction
    gained: Fraction
    worst: Fraction | None
    closed: list[Fraction]


def referee(problem: ClosureProblem, fills: Fills, score: str) -> Verdict:
    rows, markets, wealth = problem.positions, problem.markets, problem.wealth
    unit = 10**problem.accounts.precision
    mark = [number(price) for price in markets.mark_price.raw]
    lot = [number(size) for size in markets.lot_size.raw]
    held = {(int(a), int(m)): number(q) for a, m, q in zip(rows.account, rows.market, rows.quantity.raw, strict=True)}
    place = {pair: row for row, pair in enumerate(held)}
    needed = {(demand.market, demand.side): d for d, demand in enumerate(problem.demands)}
    found: list[Finding] = []
    nothing: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
    wrong: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
    right: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
    after: dict[tuple[int, int], Fraction] = defaultdict(Fraction, held)
    costs: dict[int, Fraction] = defaultdict(Fraction)
    paid_by: dict[int, Fraction] = defaultdict(Fraction)
    gained = Fraction(0)
    for account, market, quantity, price in zip(
        fills.account.tolist(), fills.market.tolist(), fills.quantity.raw, fills.price.raw, strict=True
    ):
        q, p, pair = number(quantity), number(price), (account, market)
        if account < 0:
            found.append(("unknown-account", None, market if market >= 0 else None, abs(q), Fraction(0)))
        if market < 0:
            found.append(("unknown-market", account if account >= 0 else None, None, abs(q), Fraction(0)))
        if min(pair) < 0:
            continue
        if (q / lot[market]).denominator != 1:
            found.append(("off-lot", account, market, abs(q), abs(q) // lot[market] * lot[market]))
        if pair not in held:
            nothing[pair] += abs(q)
        elif q * held[pair] < 0 and (market, 1 if q > 0 else -1) in needed:
            right[pair] += abs(q)
        else:
            wrong[pair] += abs(q)
        if problem.margin == "isolated" and pair not in held:
            continue
        cost = q * (p - mark[market]) * unit
        gained += max(-cost, Fraction(0))
        costs[account if problem.margin == "cross" else place[pair]] += cost
        paid_by[account] += cost
        after[pair] += q
    found += [("no-position", *pair, amount, Fraction(0)) for pair, amount in nothing.items()]
    found += [("same-side", *pair, amount, Fraction(0)) for pair, amount in wrong.items()]
    closed = {pair: min(amount, abs(held[pair])) for pair, amount in right.items()}
    found += [("over-position", *pair, right[pair], most) for pair, most in closed.items() if right[pair] > most]
    worst = Fraction(0) if wealth.endowment_units.any() else None
    for bearer, cost in costs.items():
        w, cap = int(wealth.endowment_units[bearer]), int(wealth.cap_units[bearer])
        who = (bearer, None) if problem.margin == "cross" else list(held)[bearer]
        if cost >= cap + 1:
            found.append(("over-cap" if w else "unprofitable", *who, cost, Fraction(cap)))
        if w:
            worst = max(worst or Fraction(0), cost / w)
    sums = []
    for demand in problem.demands:
        of = [pair for pair in closed if pair[1] == demand.market and held[pair] * demand.side < 0]
        total, need = sum((closed[pair] for pair in of), Fraction(0)), demand.lots * lot[demand.market]
        sums.append(total)
        if total != need:
            found.append(("not-closed" if total < need else "over-closed", None, demand.market, total, need))
        asked, paid = problem.gaps[len(sums) - 1] * sum(right[pair] for pair in of) / lot[demand.market], Fraction(0)
        for account, market, quantity, price in zip(
            fills.account.tolist(), fills.market.tolist(), fills.quantity.raw, fills.price.raw, strict=True
        ):
            if (account, market) in of and number(quantity) * held[account, market] < 0:
                paid += number(quantity) * (number(price) - mark[market]) * unit
        if abs(paid - asked) > 1:
            found.append(("over-paid" if paid > asked else "under-paid", None, demand.market, paid, asked))
    for d, gap in enumerate(problem.gaps):
        if not gap:
            continue
        order = venues.queue_order(problem, d, score)
        scores, keepers = {}, []
        for rank, one in enumerate(order, start=1):
            position = int(problem.arcs.position[one.arc])
            scores[rank] = venues.score_of(problem, position, score)
            pair = one.account, int(rows.market[position])
            left = abs(held[pair]) - closed.get(pair, 0)
            if left >= lot[pair[1]] and wealth.cap_units[one.bearer] - costs[one.bearer] >= gap:
                keepers.append(rank)
            if closed.get(pair) and any(scores[keeper] > scores[rank] for keeper in keepers):
                found.append(("order-broken", *pair, Fraction(rank), Fraction(keepers[0])))
    for account, cost in paid_by.items():
        equity = Fraction(int(problem.account_equity_units[account]), unit)
        then = equity - cost / unit
        if equity > 0 and then > 0:
            was = [q * mark[m] for (a, m), q in held.items() if a == account]
            now = [q * mark[m] for (a, m), q in after.items() if a == account]
            net, gross = (abs(sum(now)) / then, abs(sum(was)) / equity), (sum(map(abs, now)), sum(map(abs, was)))
            if gross[0] / then < gross[1] / equity and net[0] > net[1]:
                found.append(("risk-rose", account, None, *net))
    return Verdict(found, sum(costs.values(), Fraction(0)), gained, worst, sums)
