"""``adl replay``: a past event, retold from its published tables."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from app import files
from app.cli.failures import INTERRUPTED, REFUSED, printable
from app.loaders.report import LoadError
from app.replay import page, policies, sources, story, table
from app.replay.event import PRODUCTION, Event, Progress
from app.replay.exact import money
from app.replay.words import waves


def replay(
    path: Annotated[
        Path | None,
        typer.Argument(help="A table, .csv or .parquet, or a folder with tables by the names they are published by."),
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Retell the sample book instead.")] = False,
    output: Annotated[Path, typer.Option(help="Where the report goes, one HTML file.")] = Path("report.html"),
    csv: Annotated[Path, typer.Option(help="Where the table of waves goes, as CSV.")] = Path("waves.csv"),
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help=f"What is computed beside the published figures, once for each: {', '.join(policies.CHOICES)}. "
            f"Without: {', '.join(policies.DEFAULT)}.",
        ),
    ] = None,
) -> None:
    """Retell an event: what each wave needed, what production took, what policies would have taken, and from whom.

    The tables and what the figures mean: docs/october-10.md.
    """
    names = list(dict.fromkeys(policy or policies.DEFAULT))
    _check(path, names, (output, csv), sample=sample)
    try:
        with _progress() as told:
            event = story.of_tables(path, names, told) if path else story.of_sample(names, told)
            told("writing", 0.9)
            files.write({output: page.render(event).encode(), csv: table.render(event).encode()})
    except KeyboardInterrupt:
        raise _failure("stopped; nothing was written", INTERRUPTED) from None
    except LoadError as exc:
        raise _failure(" ".join(str(exc).split())) from exc
    except OSError as exc:
        raise _failure(f"{exc.filename or output}: {exc.strerror or exc}") from exc
    try:
        typer.echo("\n".join([*_told(event), f"written: {output} and {csv}"]))
    except OSError as exc:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python fails again on its way out
        raise _failure(f"standard output: {exc.strerror}; both files are written") from exc


def _check(path: Path | None, names: Sequence[str], written: tuple[Path, Path], *, sample: bool) -> None:
    """Raises typer.BadParameter for what can be told before any work, or typer.Exit."""
    if sample == (path is not None):
        raise typer.BadParameter("give a PATH or --sample, one of them")
    unknown = [name for name in names if name not in policies.CHOICES]
    if unknown:
        raise typer.BadParameter(f"must be among {', '.join(policies.CHOICES)}", param_hint="--policy")
    if written[0].resolve() == written[1].resolve():
        raise typer.BadParameter("must not be the same file as --output", param_hint="--csv")
    for one in written:
        if one.is_dir():
            raise _failure(f"{one} is a folder: name a file")
        if not one.resolve().parent.is_dir():
            raise _failure(f"{one.parent} is no folder: write into one that is there")
    if path is not None:
        folder = path.resolve() if path.is_dir() else path.resolve().parent
        for one in written:
            if one.resolve() == path.resolve() or (one.suffix in (".csv", ".parquet") and _is_input(one, folder)):
                raise _failure(f"{one} would overwrite a table; write elsewhere")


def _is_input(written: Path, folder: Path) -> bool:
    return written.resolve().parent == folder and written.stem in {kind.name for kind in sources.KINDS}


@contextmanager
def _progress() -> Iterator[Progress]:
    """What is being done, on stderr where somebody looks; gone again at the end."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console  # noqa: PLC0415 - only for who waits
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("replay", total=1.0)
        yield lambda stage, done: shown.update(task, description=stage, completed=done)


def _told(event: Event) -> Iterator[str]:
    """The totals, for the terminal."""
    yield f"{event.title}: {waves(len(event.waves))}"
    if PRODUCTION in event.takers:
        found = event.balance(PRODUCTION)
        yield (
            f"needed {money(found.needed)}, production {money(found.taken)}: over by {money(found.over)} in "
            f"{waves(found.waves_over)}, short by {money(found.short)} in {waves(found.waves_short)}, "
            f"net {money(found.net)}"
        )


def _failure(message: str, exit_code: int = REFUSED) -> typer.Exit:
    typer.echo(f"adl: {printable(message)}", err=True)
    return typer.Exit(exit_code)
