"""Queue scores as formulas over an account's or a position's own figures (`solvers.queue` ranks by them)."""

from collections.abc import Mapping
from fractions import Fraction

from solvers.explain.formulas import Term, evaluate, money
from solvers.money import fraction
from solvers.problem import HaircutProblem
from solvers.queue import Score

_PROFIT, _LEVERAGE = "(pnl / entry_notional)", "(notional / abs(notional - bankruptcy_notional))"
_BINANCE = "max(pnl, 0) / max(cash, 1) * maintenance_margin / (cash + pnl)"

_SCORES: dict[Score, tuple[str, tuple[str, ...]]] = {
    "bitmex": (f"{_PROFIT} * {_LEVERAGE}", ("pnl", "notional", "entry_notional", "bankruptcy_notional")),
    "binance": (_BINANCE, ("pnl", "cash", "maintenance_margin")),
    "aevo": (_BINANCE, ("pnl", "cash", "maintenance_margin")),
    "hyperliquid-published": ("price_ratio * notional / equity", ("price_ratio", "notional", "equity")),
    "hyperliquid-observed": (
        "max(notional / equity, 1e-8) * max(max(pnl, 0) / entry_notional, 1e-8)",
        ("pnl", "notional", "entry_notional", "equity"),
    ),
    "whitebit": ("pnl / equity", ("pnl", "equity")),
    "pnl-leverage": (f"{_PROFIT} * (notional / equity)", ("pnl", "notional", "entry_notional", "equity")),
    "size": ("notional", ("notional",)),
    "pnl": ("pnl", ("pnl",)),
    "custom": ("score", ("score",)),
}


def figures_of(score: Score) -> tuple[str, ...]:
    """What the score looks at."""
    return _SCORES[score][1]


def account_figures(problem: HaircutProblem, row: int, score: Score) -> dict[str, Term]:
    """What the score looks at, of the account in this row."""
    book = problem.book
    units = {"pnl": book.pnl_units, "cash": book.cash_units, "equity": book.equity_units}
    return {
        name: money(int(units[name][row]), book.precision)
        if name in units
        else Term(fraction(book.column(name).raw[row] or 0), "number")
        for name in figures_of(score)
    }


def scored(score: Score, values: Mapping[str, Fraction]) -> tuple[str, Fraction | None]:
    """The formula that applies to these figures, and the score; None where that is infinite."""
    formula = _SCORES[score][0]
    if score in ("binance", "aevo") and values["cash"] + values["pnl"] <= 0:
        formula = "0"
    if score == "bitmex" and values["pnl"] <= 0:
        # P / L, and nothing where P is or where L is infinite.
        nothing = not values["pnl"] or values["notional"] == values["bankruptcy_notional"]
        formula = "0" if nothing else f"{_PROFIT} / {_LEVERAGE}"
    try:
        return formula, evaluate(formula, values)
    except ZeroDivisionError:
        return formula, None
