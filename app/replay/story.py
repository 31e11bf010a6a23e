"""The tables of a path, or the sample book, put together as one event."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from app import sample
from app.loaders import by_user
from app.loaders.report import LoadError, Report
from app.replay import closes, exact, policies, published, sources, who
from app.replay.event import Accounts, Event, Progress, Source, Wave
from app.replay.merge import merged
from app.replay.words import moment
from solvers.errors import ProblemError
from solvers.money import units
from solvers.problem import Shortfall


def of_tables(path: Path, names: Sequence[str], told: Progress) -> Event:
    """Everything that a file or the tables of a folder tell. Raises LoadError and OSError."""
    found = sources.find(path)
    told("reading", 0.0)
    reports = {kind: Report(file) for kind, file in found.items()}
    totals = published.totals(reports[sources.TOTALS]) if sources.TOTALS in found else {}
    metrics = published.metrics(reports[sources.METRICS]) if sources.METRICS in found else {}
    gaps = published.gaps(reports[sources.GAPS]) if sources.GAPS in found else {}
    shocks = published.shocks(reports[sources.SHOCKS]) if sources.SHOCKS in found else []
    bursts = closes.read(reports[sources.DETAILED]) if sources.DETAILED in found else []
    waves, books, notes = merged(totals, metrics, gaps, bursts)
    if not waves:
        raise LoadError(f"{path} has tables, but no wave in them")
    users = by_user.load(reports[sources.USERS]) if sources.USERS in found else None
    try:
        waves, accounts = _accounts(waves, books, users, names, told)
    except ProblemError as exc:
        raise LoadError(f"{path}: what is needed makes no problem: {exc}") from exc
    return Event(
        _title(waves, path),
        waves,
        accounts,
        shocks,
        [sources.source(report, kind) for kind, report in reports.items()],
        notes,
        invented=False,
        command=_command(path.resolve().name, names),
    )


def _accounts(
    waves: list[Wave],
    books: Mapping[str, closes.Burst],
    users: by_user.Columns | None,
    names: Sequence[str],
    told: Progress,
) -> tuple[list[Wave], Accounts | None]:
    """The waves with what policies take, and of whom: from the closes, else from the table of accounts."""
    with_books = [(wave, books[wave.label].columns()) for wave in waves if wave.label in books]
    if with_books and (users is None or any(wave.needed for wave, _ in with_books)):
        takings, accounts = who.wave_by_wave(with_books, names, told)
        return [replace(wave, computed=takings.get(wave.label, {})) for wave in waves], accounts
    if users is None or not users["id"]:
        return waves, None
    told("accounts", 0.5)
    known = [wave.needed for wave in waves if wave.needed is not None]
    needed = exact.total(known) if known else None
    scope = (
        "Profit is what an account's closes realised over the whole event; all that is needed was allocated at once, "
        "since the tables do not say which account was in which wave."
    )
    problem = policies.problem(users, Shortfall(who.budget(needed)))
    return waves, who.at_once(problem, users["notional"], needed, names, scope)


def of_sample(names: Sequence[str], told: Progress) -> Event:
    """The invented venue of app.sample, as one wave that nobody took anything in yet."""
    told("the sample", 0.0)
    request = sample.venue()
    columns, shortfall = request["snapshot"]["accounts"], request["shortfall"]
    fund = units(shortfall["insurance_fund"], exact.PRECISION, "insurance_fund")
    problem = policies.problem(columns, Shortfall(insurance_fund_units=fund))
    needed = exact.of_units(problem.budget_units)
    told("accounts", 0.5)
    scope = "Profit is unrealised; all that is needed was allocated at once, with the caps of the sample's accounts."
    accounts = who.at_once(problem, columns["notional"], needed, names, scope)
    wave = Wave(
        "1",
        None,
        None,
        needed,
        deficit=exact.of_units(problem.deficit_units),
        computed={name: who.taking(problem, seized) for name, seized in accounts.taken_units.items()},
    )
    notes = [
        f"The losers owe {exact.money(exact.of_units(problem.deficit_units))}; the insurance fund pays "
        f"{exact.money(exact.of_units(problem.insurance_used_units))}, and the rest is needed from winners."
    ]
    made = Source("app.sample", "the sample book, made by its seed", len(accounts.ids), [], "")
    title, command = "The sample book, retold", _command("--sample", names)
    return Event(title, [wave], accounts, [], [made], notes, invented=True, command=command)


def _title(waves: Sequence[Wave], path: Path) -> str:
    starts = [wave.start for wave in waves if wave.start is not None]
    ends = [wave.end for wave in waves if wave.end is not None]
    if not starts:
        return f"Autodeleveraging, replayed from {path.resolve().name}"
    first, last = moment(min(starts))[:16], moment(max(ends))[:16]
    if first[:10] == last[:10]:
        return f"Autodeleveraging on {first[:10]}, {first[11:]} to {last[11:]} UTC"
    return f"Autodeleveraging from {first} to {last} UTC"


def _command(what: str, names: Sequence[str]) -> str:
    chosen = () if tuple(names) == policies.DEFAULT else names
    return " ".join(["adl replay", what, *(f"--policy {name}" for name in chosen)])
