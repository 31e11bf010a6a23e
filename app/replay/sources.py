"""Which tables stand at a path, and what each of them is."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from app.loaders import by_user
from app.loaders.report import LoadError, Report
from app.loaders.tables import FORMATS
from app.replay import closes, published
from app.replay.event import Source


class Kind(NamedTuple):
    """A table that can be read: the name it is published by, what it is, and the columns it must have."""

    name: str
    what: str
    columns: Sequence[str]


DETAILED = Kind("adl_detailed_analysis_REALTIME", "the detailed table, a row a forced close", closes.NEEDED)
TOTALS = Kind("two_pass_equity_delta_by_wave", "needed and taken, a row a wave", published.TOTALS)
METRICS = Kind("policy_per_wave_metrics", "benchmark policies, a row a wave", published.POLICIES)
GAPS = Kind("two_pass_wave_coin_gap_per_contract", "gaps, a row a wave and coin", published.GAPS)
SHOCKS = Kind("per_shock_metrics_queue", "the stylised queue, a row a coin and shock", published.SHOCKS)
USERS = Kind("adl_by_user_REALTIME", "accounts, a row each", by_user.NEEDED)
KINDS = (DETAILED, TOTALS, METRICS, GAPS, SHOCKS, USERS)
WITH_WAVES = (DETAILED, TOTALS, METRICS, GAPS)
"""A replay needs one of these; the others only add to it."""


def find(path: Path) -> dict[Kind, Path]:
    """The tables of a folder by the names they are published by, or what a file is by its header. Raises LoadError."""
    if not path.is_dir():
        found = {_kind(path): path}
    else:
        found = {kind: file for kind in KINDS if (file := _in(path, kind)) is not None}
    if not any(kind in found for kind in WITH_WAVES):
        names = ", ".join(kind.name for kind in WITH_WAVES)
        raise LoadError(f"{path} has no table with waves; one of these is needed, .csv or .parquet: {names}")
    return found


def _in(folder: Path, kind: Kind) -> Path | None:
    files = [file for ending in FORMATS if (file := folder / f"{kind.name}{ending}").is_file()]
    if len(files) > 1:
        raise LoadError(f"{folder} has {files[0].name} and {files[1].name}: keep one of them")
    return files[0] if files else None


def _kind(path: Path) -> Kind:
    if path.suffix not in FORMATS:
        raise LoadError(f"{path} must be a folder, or end in {' or '.join(FORMATS)}")
    known = [kind for kind in KINDS if kind.name == path.stem]
    wrong = {kind: published.lacking(kind.columns, Report(path)) for kind in known or WITH_WAVES}
    for kind, why in wrong.items():
        if why is None:
            return kind
    if known:
        raise next(filter(None, wrong.values()))
    raise LoadError(f"{path} is none of the tables: " + "; ".join(_told(path, wrong)))


def _told(path: Path, wrong: dict[Kind, LoadError | None]) -> Iterator[str]:
    """The same fault of every kind once, else what each of them lacks."""
    faults = {kind.name: str(why).removeprefix(f"{path} ") for kind, why in wrong.items()}
    if len(set(faults.values())) == 1:
        yield next(iter(faults.values()))
    else:
        yield from (f"{name} {fault.replace('lacks', 'needs')}" for name, fault in faults.items())


def source(report: Report, kind: Kind) -> Source:
    """For the report, once the table was read."""
    left_out = [f"{report.at} {row.at}: {' '.join(filter(None, (row.column, row.reason)))}" for row in report.unusable]
    digest = hashlib.sha256(report.path.read_bytes()).hexdigest()
    return Source(report.path.name, kind.what, report.rows, left_out, digest)
