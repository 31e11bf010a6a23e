"""``python -m app.loaders by-user|detailed PATH``: a request on stdout, a report of what was read on stderr."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.loaders import by_user, detailed
from app.loaders.report import LoadError, Report
from app.loaders.tables import FORMATS
from solvers import money
from solvers.registry import POLICIES


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.path.suffix not in FORMATS:
        parser.error(f"{options.path} must end in {' or '.join(FORMATS)}")
    if options.report is not None and options.report.resolve() == options.path.resolve():
        parser.error("--report would overwrite the table")
    try:
        _write(_request(options))
    except LoadError as exc:
        print(" ".join(str(exc).split()), file=sys.stderr)
    except OSError as exc:
        print(f"{exc.filename or 'standard output'}: {exc.strerror or exc}", file=sys.stderr)
    else:
        return 0
    return 1


def _request(options: argparse.Namespace) -> dict[str, Any]:
    """The whole request; the report is out by the time it is there."""
    report = Report(options.path)
    if options.table == "by-user":
        accounts = by_user.load(report)
    else:
        accounts = detailed.load(report, detailed.Choice(options.coin, options.pnl))
    if options.report is not None:
        options.report.write_text(json.dumps(report.document(), indent=1) + "\n", encoding="utf-8")
    print(*report.lines(), sep="\n", file=sys.stderr)
    if not report.accounts:
        raise LoadError(f"{report.path} has no usable row")
    shortfall = {"deficit": options.deficit, "insurance_fund": options.insurance_fund, "severity": options.severity}
    return {
        "snapshot": {"accounts": accounts},
        "shortfall": {name: value for name, value in shortfall.items() if value is not None},
        "policy": {"name": options.policy},
    }


def _write(request: dict[str, Any]) -> None:
    """All of it or, when the reader went away, an error."""
    text = json.dumps(request, separators=(",", ":"))
    try:
        sys.stdout.write(text)
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter fails again on its way out
        raise


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("path", type=Path, metavar="PATH", help="the table, .csv or .parquet")
    shared.add_argument("--deficit", type=_amount, metavar="AMOUNT", help="left out: the sum of negative equities")
    shared.add_argument("--insurance-fund", type=_amount, metavar="AMOUNT", help="pays first; left out: 0")
    shared.add_argument("--severity", type=_fraction, metavar="FRACTION", help="share that winners bear; left out: 1")
    shared.add_argument("--policy", choices=sorted(POLICIES), default="capped-pro-rata", metavar="NAME")
    shared.add_argument("--report", type=Path, metavar="PATH", help="write what was read as JSON, every row named")
    parser = argparse.ArgumentParser(
        prog="python -m app.loaders", description="Published tables of forced closes to requests ready to POST."
    )
    tables = parser.add_subparsers(dest="table", required=True)
    tables.add_parser("by-user", parents=[shared], help="adl_by_user_REALTIME: one row an account")
    fills = tables.add_parser("detailed", parents=[shared], help="the detailed table: one row a forced close")
    fills.add_argument("--coin", help="only closes of this coin, with contracts")
    fills.add_argument(
        "--pnl",
        choices=sorted(detailed.PNL_COLUMNS),
        default="account",
        help="total_unrealized_pnl of the first row (account), or position_unrealized_pnl summed over coins",
    )
    return parser


def _amount(text: str) -> str:
    fault = money.fault(text)
    if fault is not None:
        raise argparse.ArgumentTypeError(fault)
    if Decimal(text) < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return text


def _fraction(text: str) -> float:
    value = float(_amount(text))
    if value > 1:
        raise argparse.ArgumentTypeError("must lie between 0 and 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
