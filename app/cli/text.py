"""Answers as aligned text. Amounts are shown as they are: no digit is rounded away, no cell is cut."""

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from heapq import nlargest
from typing import Any

from rich.cells import cell_len

from app.cli.failures import printable

SHOWN = 10
"""Rows of accounts and closes; files have all of them."""

_EXACT = Context(prec=100)
_FAIRNESS = (
    ("max_haircut", "largest haircut"),
    ("mean_haircut", "mean haircut"),
    ("gini", "Gini"),
    ("ptsr", "PTSR"),
    ("top_winner_survival", "top winner keeps"),
)
_VERDICTS = {
    "fairer": "fairer than",
    "less-fair": "less fair than",
    "equal": "as fair as",
    "incomparable": "not comparable to",
}


def allocation(answer: Mapping[str, Any], policy: str, accounts: Mapping[str, list[Any]] | None) -> str:
    names = ("endowment", "haircut", "seized", "pnl_after", "equity_after", "capped")
    return _joined(
        _head(answer, policy, _under_water(accounts)),
        _top("account", "seized", "accounts", names, accounts, key="id"),
        answer["notes"],
    )


def closing(answer: Mapping[str, Any], policy: str, closes: Mapping[str, list[Any]] | None) -> str:
    columns = ("market", "side", "needed", "closed", "left", "price", "cost", "reason")
    markets = [columns, *(tuple(_told(market[name]) for name in columns) for market in answer["markets"])]
    names = ("market", "quantity", "price", "cost", "realised_pnl")
    return _joined(
        _head(answer, policy),
        aligned(markets),
        _top("account", "cost", "closes", names, closes, key="account"),
        answer["notes"],
    )


def comparison(table: Mapping[str, list[Any]], reasons: Sequence[str]) -> str:
    """Without the columns that no policy has a figure in."""
    shown = {name: column for name, column in table.items() if any(value is not None for value in column)}
    return _joined(aligned(_lines(shown)), reasons)


def frontier(answer: Mapping[str, Any], table: Mapping[str, list[Any]]) -> str:
    refused = [one for one in answer["policies"] if "problem" in one]
    reasons = [f"{one['policy']['name']}: {one['problem']['detail']}" for one in refused]
    head = aligned([("status", answer["status"]), ("budget", answer["budget"])], header=False)
    table = {name: _short(column) if name.startswith("weight_") else column for name, column in table.items()}
    return _joined(head, aligned(_lines(table)), reasons, answer["notes"])


def verification(answer: Mapping[str, Any], note: str | None) -> str:
    names = [name for name in ("account", "market", "rule", "detail") if name != "market" or "closures" in answer]
    broken = [tuple(names), *(tuple(_told(one[name]) for name in names) for one in answer["violations"])]
    verdict = [("valid", _told(answer["valid"])), *_solvency(answer), *_figures(answer), *_versus(answer)]
    told = aligned(broken) if len(broken) > 1 else []
    return _joined(aligned(verdict, header=False), told, [note] if note else [])


def aligned(rows: Sequence[Sequence[str]], *, header: bool = True) -> list[str]:
    """Columns under each other, those of numbers below their header to the right."""
    columns = [[printable(cell) for cell in column] for column in zip(*rows, strict=True)]
    lines = zip(*(_justified(column, header) for column in columns), strict=True)
    return ["  ".join(line).rstrip() for line in lines]


def _justified(cells: list[str], header: bool) -> list[str]:
    width = max(map(cell_len, cells))
    right = header and all(map(_is_number, cells[1:]))
    pads = [" " * (width - cell_len(cell)) for cell in cells]
    return [pad + cell if right else cell + pad for cell, pad in zip(cells, pads, strict=True)]


def _is_number(cell: str) -> bool:
    return cell == "-" or cell.lstrip("-")[:1].isdecimal()


def _head(answer: Mapping[str, Any], policy: str, under: Sequence[tuple[str, str]] = ()) -> list[str]:
    lines = [("policy", policy), ("status", answer["status"]), ("budget", answer["budget"])]
    return aligned([*lines, *_solvency(answer), *under, *_figures(answer)], header=False)


def _under_water(accounts: Mapping[str, list[Any]] | None) -> list[tuple[str, str]]:
    """Whose equity was negative before anything was seized: a sign that was typed by mistake is seen here."""
    if accounts is None:
        return []
    after, seized = (map(Decimal, accounts[name]) for name in ("equity_after", "seized"))
    before = [_EXACT.add(*amounts) for amounts in zip(after, seized, strict=True)]
    count = sum(amount < 0 for amount in before)
    if not count:
        return [("under water", "no account")]
    least = min(before)
    largest = f"the largest {accounts['id'][before.index(least)]}, {least:f}"
    return [("under water", f"{count} account{'s' * (count > 1)}, {largest}")]


def _versus(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    fairness = answer["diagnostics"]["fairness"]
    told = [f"{_VERDICTS[verdict]} {name}" for name, verdict in fairness["versus"].items() if verdict is not None]
    return [("versus", ", ".join([*told, f"fairness regret {_told(fairness['fairness_regret'])}"]))]


def _solvency(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    solvency = answer["diagnostics"]["solvency"]
    fund = f", of which the fund pays {solvency['insurance_used']}"
    lines = [("deficit", solvency["deficit"] + fund), ("uncovered", solvency["uncovered"])]
    if solvency["overshoot"] is not None:
        lines.append(("overshoot", solvency["overshoot"]))
    return lines


def _figures(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    fairness, robustness, revenue = (answer["diagnostics"][part] for part in ("fairness", "robustness", "revenue"))
    lines = [("fairness", ", ".join(f"{text} {_told(fairness[name])}" for name, text in _FAIRNESS))]
    if robustness is not None:
        before, after = robustness["expected_deficit_before"], robustness["expected_deficit_after"]
        lines.append(("robustness", f"expected deficit {before} before, {after} after"))
    if revenue is not None:
        lines.append(("revenue", f"{revenue['ltv_kept']} of {revenue['fees']} kept"))
    return lines


def _top(
    title: str, by: str, what: str, names: Sequence[str], table: Mapping[str, list[Any]] | None, *, key: str
) -> list[str]:
    """The rows of the largest amounts, how many there are beside them, and the sum of all."""
    if not table or not table[key]:
        return []
    count = len(table[key])
    amounts = list(map(Decimal, table[by]))
    largest = nlargest(SHOWN, range(count), key=lambda row: (amounts[row], -row))
    lines = [(title, *(name.replace("_", " ") for name in names))]
    lines += [(str(table[key][row]), *(_told(table[name][row]) for name in names)) for row in largest]
    total = Decimal(0)
    for amount in amounts:
        total = _EXACT.add(total, amount)
    shown = "" if count <= SHOWN else f", of which the {SHOWN} largest are shown: --format csv has all"
    return [*aligned(lines), f"{count} {what}, {by} {total:f} in all{shown}"]


def _lines(table: Mapping[str, list[Any]]) -> list[tuple[str, ...]]:
    rows = zip(*table.values(), strict=True)
    header = tuple(name.replace("_", " ") for name in table)
    return [header, *(tuple("-" if value is None else _told(value) for value in row) for row in rows)]


def _told(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _short(ratios: list[float | None]) -> list[str | None]:
    return [None if ratio is None else f"{ratio:.4g}" for ratio in ratios]


def _joined(*parts: Sequence[str]) -> str:
    return "\n\n".join("\n".join(map(printable, part)) for part in parts if part) + "\n"
