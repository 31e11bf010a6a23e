"""``python -m app.loaders TABLE PATH``: a request on stdout, a report of what was read on stderr."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.loaders import by_user, closures, detailed
from app.loaders.report import LoadError, Report
from app.loaders.tables import FORMATS
from solvers import money
from solvers.contracts.registry import CLOSING_POLICIES
from solvers.registry import POLICIES


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    tables = [options.path] if getattr(options, "gaps", None) is None else [options.path, options.gaps]
    for path in tables:
        if path.suffix not in FORMATS:
            parser.error(f"{path} must end in {' or '.join(FORMATS)}")
        if options.report is not None and options.report.resolve() == path.resolve():
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
    try:
        loaded = _loaded(options, report)
    except closures.NoWave:
        _tell(report, options.report)
        raise
    _tell(report, options.report)
    if not report.accounts:
        raise LoadError(f"{report.path} has no usable row")
    shortfall = {name: getattr(options, name, None) for name in ("deficit", "insurance_fund", "severity")}
    request = {**loaded, "shortfall": {name: value for name, value in shortfall.items() if value is not None}}
    return request if "closures" in loaded else {**request, "policy": {"name": options.policy}}


def _loaded(options: argparse.Namespace, report: Report) -> dict[str, Any]:
    if options.table == "closures":
        return closures.load(report, closures.Choice(options.wave, options.gaps, options.verify))
    if options.table == "by-user":
        return {"snapshot": {"accounts": by_user.load(report)}}
    return {"snapshot": {"accounts": detailed.load(report, detailed.Choice(options.coin, options.pnl))}}


def _tell(report: Report, path: Path | None) -> None:
    if path is not None:
        path.write_text(json.dumps(report.document(), indent=1) + "\n", encoding="utf-8")
    print(*report.lines(), sep="\n", file=sys.stderr)


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
    table = argparse.ArgumentParser(add_help=False)
    table.add_argument("path", type=Path, metavar="PATH", help="the table, .csv or .parquet")
    table.add_argument("--insurance-fund", type=_amount, metavar="AMOUNT", help="pays first; left out: 0")
    table.add_argument("--severity", type=_fraction, metavar="FRACTION", help="share that winners bear; left out: 1")
    table.add_argument("--report", type=Path, metavar="PATH", help="write what was read as JSON, every row named")
    haircuts = argparse.ArgumentParser(add_help=False)
    haircuts.add_argument("--deficit", type=_amount, metavar="AMOUNT", help="left out: the sum of negative equities")
    haircuts.add_argument("--policy", choices=sorted(POLICIES), default="capped-pro-rata", metavar="NAME")
    parser = argparse.ArgumentParser(
        prog="python -m app.loaders", description="Published tables of forced closes to requests ready to POST."
    )
    tables = parser.add_subparsers(dest="table", required=True)
    tables.add_parser("by-user", parents=[table, haircuts], help="adl_by_user_REALTIME: one row an account")
    fills = tables.add_parser("detailed", parents=[table, haircuts], help="the detailed table: one row a forced close")
    fills.add_argument("--coin", help="only closes of this coin, with contracts")
    fills.add_argument(
        "--pnl",
        choices=sorted(detailed.PNL_COLUMNS),
        default="account",
        help="total_unrealized_pnl of the first row (account), or position_unrealized_pnl summed over coins",
    )
    waves = tables.add_parser("closures", parents=[table], help="a wave of the detailed table, contract by contract")
    waves.add_argument("--wave", type=_place, metavar="N", help="counted from 1; needed where there are several")
    waves.add_argument("--gaps", type=Path, metavar="PATH", help="two_pass_wave_coin_gap_per_contract; left out: free")
    purpose = waves.add_mutually_exclusive_group()
    purpose.add_argument("--policy", choices=sorted(CLOSING_POLICIES), default="lexicographic", metavar="NAME")
    purpose.add_argument("--verify", action="store_true", help="the venue's own closes, for /v1/verifications")
    return parser


def _place(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be 1, 2, 3 and so on")
    return int(text)


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
