"""adl_by_user_REALTIME.csv: one row an account that was closed out, with totals over all its forced closes."""

from app.loaders import cells, tables
from app.loaders.report import Report

NEEDED = ("user", "account_value_realtime", "closed_pnl", "adl_notional")

Columns = dict[str, list[str | None]]


def load(report: Report) -> Columns:
    """Columns of accounts: cash = account_value_realtime, pnl = closed_pnl, notional = adl_notional."""
    first: dict[str, int] = {}
    cashes: list[str | None] = []
    pnls: list[str | None] = []
    notionals: list[str | None] = []
    for at, (user_cell, cash_cell, pnl_cell, notional_cell) in tables.rows(NEEDED, report):
        try:
            user = cells.name("user", user_cell)
            cash = cells.amount("account_value_realtime", cash_cell)
            pnl = cells.amount("closed_pnl", pnl_cell)
            notional = cells.not_negative("adl_notional", notional_cell)
        except cells.CellError as exc:
            report.leave_out(at, user_cell.strip() or None, exc.column, exc.reason)
            continue
        if user in first:
            report.leave_out(at, user, "user", f"was on {report.at} {first[user]} already")
            continue
        first[user] = at
        cashes.append(cash)
        pnls.append(pnl)
        notionals.append(notional)
    ids = list(first)
    report.finish(ids, "one")
    return {"id": [*ids], "cash": cashes, "pnl": pnls, "notional": notionals}
