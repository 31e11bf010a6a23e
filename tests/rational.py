"""An independent oracle: the allocation service's closed forms in rational arithmetic.

Written from the model's pages alone, to be slow, short and exact: every figure is an ``int`` of whole units
or a ``fractions.Fraction``, no float takes part. It reads the same wire-format body as
``POST /v1/allocations`` (accounts as rows) and says what the service must answer, to the unit. It imports
nothing from ``app`` or ``solvers`` on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

Row = Mapping[str, Any]
Amounts = dict[str, int]

ONE = Fraction(1)


def exact(value: Any) -> Fraction:
    """A wire number, exactly: a string as written, a float as its shortest decimal form."""
    return Fraction(Decimal(value if isinstance(value, str) else repr(value)))


def down(value: Any, precision: int) -> int:
    return math.floor(exact(value) * 10**precision)


def up(value: Any, precision: int) -> int:
    return math.ceil(exact(value) * 10**precision)


@dataclass(frozen=True)
class Book:
    """A request in whole units: MODEL 1 with the rounding of MODEL 8."""

    precision: int
    rows: dict[str, Row]
    cash: Amounts
    pnl: Amounts
    equity: Amounts
    endowment: Amounts
    cap: Amounts
    deficit: int
    insurance_used: int
    residual: int
    severity: Fraction
    budget: int
    largest_shortfall: int | None

    @property
    def capacity(self) -> int:
        return sum(self.endowment.values())

    @property
    def reachable(self) -> int:
        return sum(self.cap.values())

    @property
    def winners(self) -> list[str]:
        return [i for i, w in self.endowment.items() if w > 0]

    @property
    def regime(self) -> tuple[str, str | None]:
        """The regime and what binds (MODEL 1)."""
        if self.residual == 0:
            return "insured", None
        if self.budget <= self.reachable:
            return "coverable", None
        if self.budget <= sum(max(e, 0) for e in self.equity.values()):
            return "principal-needed", "caps" if self.budget <= self.capacity else "principal"
        return "insolvent", None


@dataclass(frozen=True)
class Refusal:
    """Why a policy cannot raise the budget. ``largest_budget`` is the most it can raise, in units."""

    largest_budget: int
    shortage: int
    accounts: list[str]


@dataclass(frozen=True)
class Result:
    """What the service must answer. ``seized`` is empty when the request is refused."""

    book: Book
    seized: Amounts
    refusal: Refusal | None = None
    ranks: dict[str, int] = field(default_factory=dict)
    quantiles: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.seized.values())

    @property
    def infeasible(self) -> bool:
        return not self.seized and self.refusal is not None


def read_book(request: Mapping[str, Any]) -> Book:
    snapshot, shortfall = request["snapshot"], request.get("shortfall") or {}
    precision = snapshot.get("precision", 6)
    rows = {row["id"]: row for row in snapshot["accounts"]}
    cash = {i: down(row["cash"], precision) for i, row in rows.items()}
    pnl = {i: down(row["pnl"], precision) for i, row in rows.items()}
    equity = {i: cash[i] + pnl[i] for i in rows}
    if (request.get("options") or {}).get("numeraire", "pnl") == "equity":
        endowment = {i: max(e, 0) for i, e in equity.items()}
    else:
        endowment = {i: max(pnl[i], 0) if e > 0 else 0 for i, e in equity.items()}
    cap = {}
    for i, row in rows.items():
        by_haircut = math.floor(exact(row.get("max_haircut", 1)) * endowment[i])
        by_equity = equity[i] - up(row.get("min_equity", 0), precision)
        cap[i] = max(0, min(by_haircut, by_equity, endowment[i]))
    shortfalls = [-e for e in equity.values() if e < 0]
    given = shortfall.get("deficit")
    deficit = sum(shortfalls) if given is None else up(given, precision)
    insurance_used = min(deficit, down(shortfall.get("insurance_fund", 0), precision))
    residual = deficit - insurance_used
    severity = exact(shortfall.get("severity", 1))
    largest = shortfall.get("largest")
    return Book(
        precision=precision,
        rows=rows,
        cash=cash,
        pnl=pnl,
        equity=equity,
        endowment=endowment,
        cap=cap,
        deficit=deficit,
        insurance_used=insurance_used,
        residual=residual,
        severity=severity,
        budget=math.ceil(severity * residual),
        largest_shortfall=up(largest, precision) if largest is not None else max(shortfalls, default=None),
    )


# Water-filling ------------------------------------------------------------------------------------


def fill(caps: Amounts, rates: Mapping[str, Fraction], budget: int) -> dict[str, Fraction]:
    """``x_i = min(cap_i, tau rate_i)`` with ``sum x_i = budget <= sum cap_i``, all rates positive: exact."""
    x: dict[str, Fraction] = {}
    left, rate_left = Fraction(budget), sum(rates.values(), Fraction(0))
    order = sorted(caps, key=lambda i: Fraction(caps[i]) / rates[i])
    for position, i in enumerate(order):
        tau = left / rate_left
        if tau * rates[i] < caps[i]:
            x.update((j, tau * rates[j]) for j in order[position:])
            break
        x[i] = Fraction(caps[i])
        left, rate_left = left - caps[i], rate_left - rates[i]
    return x


def whole(x: Mapping[str, Fraction], budget: int) -> Amounts:
    """Floor, and the remainder by largest fraction, ties by id (MODEL 8)."""
    floors = {i: math.floor(value) for i, value in x.items()}
    remainder = budget - sum(floors.values())
    for i in sorted(x, key=lambda i: (floors[i] - x[i], i))[:remainder]:
        floors[i] += 1
    return floors


def water_fill(book: Book, rates: Mapping[str, Fraction], budget: int) -> Amounts:
    """Both stages of the zero-weight rule; each rounds its own budget."""
    first = {i: book.cap[i] for i in book.winners if rates[i] > 0}
    others = {i: book.cap[i] for i in book.winners if rates[i] == 0}
    first_budget = min(budget, sum(first.values()))
    seized = dict.fromkeys(book.rows, 0)
    seized |= whole(fill(first, {i: rates[i] for i in first}, first_budget), first_budget)
    if budget > first_budget:
        rest = budget - first_budget
        seized |= whole(fill(others, {i: Fraction(book.endowment[i]) for i in others}, rest), rest)
    return seized


def leverage(book: Book, i: str) -> Fraction:
    """``n / e``; the notional is used as given, the equity in units."""
    return exact(book.rows[i].get("notional", 0)) * 10**book.precision / book.equity[i]


def rap_weight(policy: Mapping[str, Any], lam: Fraction) -> Fraction:
    """``lambda g(lambda)``."""
    risk = policy["risk"]
    if risk == "linear":
        return lam * lam
    if risk == "power":
        return lam ** (1 + policy["exponent"])
    if risk == "cvar":
        return lam * max(lam - exact(policy["threshold"]), Fraction(0))
    raise ValueError(f"no closed form for rap {risk}")


def rates(book: Book, policy: Mapping[str, Any]) -> dict[str, Fraction]:
    w, name = book.endowment, policy["name"]
    rules: dict[str, Callable[[str], Fraction]] = {
        "pro-rata": lambda i: Fraction(w[i]),
        "capped-pro-rata": lambda i: Fraction(w[i]),
        "leverage-pro-rata": lambda i: w[i] * leverage(book, i),
        "rap": lambda i: w[i] * rap_weight(policy, leverage(book, i)),
        "contracts-pro-rata": lambda i: exact(book.rows[i].get("contracts", 0)),
    }
    return {i: rules[name](i) for i in book.winners}


# Queues -------------------------------------------------------------------------------------------

Score = tuple[int, Fraction]  # the first part is -1, 0, 1: minus infinity, finite, plus infinity


def score_of(book: Book, i: str, name: str) -> Score:
    """Higher is closed first (MODEL 2)."""
    row, scale = book.rows[i], 10**book.precision
    pnl, cash = Fraction(book.pnl[i], scale), Fraction(book.cash[i], scale)
    equity = cash + pnl

    def of(name: str) -> Fraction:
        return exact(row.get(name, 0))

    def bitmex() -> Score:
        ratio = pnl / of("entry_notional")
        gap = abs(of("notional") - of("bankruptcy_notional"))
        if gap == 0:
            return (1, Fraction(0)) if ratio > 0 else (0, Fraction(0))
        lever = of("notional") / gap
        if ratio > 0:
            return 0, ratio * lever
        if lever == 0:
            return (-1, Fraction(0)) if ratio < 0 else (0, Fraction(0))
        return 0, ratio / lever

    def binance() -> Score:
        if pnl <= 0 or equity <= 0:
            return 0, Fraction(0)
        return 0, pnl / max(ONE, cash) * of("maintenance_margin") / equity

    def observed() -> Score:
        least = Fraction(1, 10**8)
        gain = max(pnl, Fraction(0)) / of("entry_notional")
        return 0, max(of("notional") / equity, least) * max(gain, least)

    scores: dict[str, Callable[[], Score]] = {
        "bitmex": bitmex,
        "binance": binance,
        "aevo": binance,
        "hyperliquid-published": lambda: (0, of("price_ratio") * of("notional") / equity),
        "hyperliquid-observed": observed,
        "whitebit": lambda: (0, pnl / equity),
        "pnl-leverage": lambda: (0, pnl / of("entry_notional") * of("notional") / equity),
        "size": lambda: (0, of("notional")),
        "pnl": lambda: (0, pnl),
        "custom": lambda: (0, of("score")),
    }
    return scores[name]()


def queue_order(book: Book, score: str) -> list[str]:
    scores = {i: score_of(book, i, score) for i in book.winners}
    by_id = sorted(book.winners)
    return sorted(by_id, key=lambda i: scores[i], reverse=True)  # stable, also in reverse: ties stay by id


def take_in_order(book: Book, order: Sequence[str], budget: int) -> Amounts:
    seized = dict.fromkeys(book.rows, 0)
    for i in order:
        seized[i] = min(book.cap[i], budget)
        budget -= seized[i]
    return seized


# The answer ---------------------------------------------------------------------------------------


def most_pro_rata_can_raise(book: Book) -> int:
    """The largest whole-unit budget whose equal haircut passes no cap."""
    return min((book.cap[i] * book.capacity // book.endowment[i] for i in book.winners), default=0)


def refusal_of(book: Book, name: str) -> Refusal | None:
    budget, capacity = book.budget, book.capacity
    if name == "pro-rata":
        largest = most_pro_rata_can_raise(book)
        passed = [i for i in book.winners if budget * book.endowment[i] > book.cap[i] * capacity]
    else:
        largest, passed = book.reachable, []
    if budget <= largest:
        return None
    return Refusal(largest_budget=largest, shortage=budget - largest, accounts=passed)


def divide(book: Book, policy: Mapping[str, Any], budget: int) -> Result:
    """Divide a budget the policy can raise."""
    if policy["name"] == "queue":
        order = queue_order(book, policy.get("score", "pnl"))
        ranks = {i: position for position, i in enumerate(order, start=1)}
        lights = {i: 4 - 5 * (rank - 1) // len(order) for i, rank in ranks.items()}
        return Result(book, take_in_order(book, order, budget), ranks=ranks, quantiles=lights)
    return Result(book, water_fill(book, rates(book, policy), budget))


def allocate(request: Mapping[str, Any]) -> Result:
    """The oracle's answer to a ``POST /v1/allocations`` body with its accounts as rows."""
    book, policy = read_book(request), request["policy"]
    refusal = refusal_of(book, policy["name"])
    if refusal is None:
        return divide(book, policy, book.budget)
    if (request.get("options") or {}).get("on_infeasible", "reject") == "reject":
        return Result(book, {}, refusal)
    partial = divide(book, policy, refusal.largest_budget)
    return Result(book, partial.seized, refusal, partial.ranks, partial.quantiles)


# Diagnostics --------------------------------------------------------------------------------------


def verdict(endowment: Amounts, mine: Amounts, other: Amounts) -> str:
    """MODEL 9's convex order of two allocations of one total.

    It compares ``sum w max(h - t, 0)`` at every breakpoint ``t``, which only capped-pro-rata wins everywhere.
    At ``t = x_k / w_k`` both sums times ``w_k`` are whole numbers, and a unit of tolerance is ``w_k``.
    """
    winners = [i for i, w in endowment.items() if w > 0]
    better = worse = False
    for breakpoints in (mine, other):
        for k in winners:
            a, b = breakpoints[k], endowment[k]
            gap = sum(max(mine[i] * b - a * endowment[i], 0) - max(other[i] * b - a * endowment[i], 0) for i in winners)
            better, worse = better or gap < -b, worse or gap > b
    if better and worse:
        return "incomparable"
    if better:
        return "fairer"
    return "less-fair" if worse else "equal"


def ratio(top: int | Fraction, bottom: int | Fraction) -> Fraction | None:
    return Fraction(top) / Fraction(bottom) if bottom else None


def fairness(result: Result) -> dict[str, Any]:
    """MODEL 9's fairness figures by their wire names; None where undefined."""
    book, x = result.book, result.seized
    w, winners, total = book.endowment, book.winners, result.total
    if not winners:
        return {}
    haircuts = [Fraction(x[i], w[i]) for i in winners]
    left = {i: w[i] - x[i] for i in winners}
    top = min(winners, key=lambda i: (-w[i], i))
    spread = sum(abs(x[i] * w[j] - x[j] * w[i]) for i in winners for j in winners)
    squares = sum((Fraction(x[i] ** 2, w[i]) for i in winners), Fraction(0))
    return {
        "ptsr": ratio(max(left.values()), book.budget),
        "pmr": ratio(max(left.values()), book.severity * (book.largest_shortfall or 0)),
        "max_haircut": max(haircuts),
        "mean_haircut": sum(haircuts, Fraction(0)) / len(winners),
        "top_winner_survival": 1 - Fraction(x[top], w[top]),
        "gini": ratio(spread, 2 * book.capacity * total),
        "jain": ratio(total * total, book.capacity * squares),
        "rank_inversions": sum(1 for i in winners for j in winners if w[i] > w[j] and left[j] > left[i] + 1),
        "versus": {
            name: verdict(w, x, divide(book, {"name": name}, total).seized) for name in ("capped-pro-rata", "queue")
        },
    }
