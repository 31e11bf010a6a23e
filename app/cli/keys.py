"""``adl keys``: make, list and revoke API keys."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer
from sqlalchemy import make_url

from app.access import CACHE_SECONDS, issue
from app.settings import load
from app.store import Key, Store, StoreError

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)

_COLUMNS = ("id", "name", "scopes", "created", "revoked")


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Who it is for, to be told apart in the list.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="What it allows, once for each: solve (ask for answers), read (read them again), admin (metrics and "
            "operations). Without: solve and read.",
        ),
    ] = None,
) -> None:
    """Make a key: on stdout, once and never again."""
    try:
        key, text = issue(name, scope or ["solve", "read"], datetime.now(UTC))
    except ValueError as exc:
        raise _failure(str(exc)) from exc
    address = load().database_url
    with _store(address) as store:
        store.add_key(key)
    typer.echo(text)
    typer.echo(f"It is a key of the store {shown(address)}.", err=True)
    typer.echo(
        "Keep it, it is not shown again: send it as `Authorization: Bearer KEY`, and end it with "
        f"`adl keys revoke {key.id}`.",
        err=True,
    )


@app.command("list")
def list_(json: Annotated[bool, typer.Option("--json", help="A JSON list, for scripts.")] = False) -> None:
    """Show all keys, but not their secrets."""
    with _store() as store:
        keys = store.keys()
    if json:
        typer.echo(orjson.dumps([_document(key) for key in keys]))
        return
    rows = [_COLUMNS, *(_row(key) for key in keys)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@app.command()
def revoke(id_: Annotated[str, typer.Argument(metavar="ID", help="Of the key, from the list.")]) -> None:
    """End a key; what was recorded for it stays."""
    with _store() as store:
        # No other id is one, and the databases take no text with half a character.
        revoked = id_.isascii() and store.revoke_key(id_)
    if not revoked:
        raise _failure("no key of that id counts: it is none, or revoked already")
    typer.echo(f"The key is refused everywhere within {CACHE_SECONDS:g} seconds.", err=True)


@contextmanager
def _store(address: str | None = None) -> Iterator[Store]:
    """The store there, or of the settings; what it raises ends the command with one line and exit code 1."""
    try:
        with closing(Store.open(address or load().database_url)) as store:
            yield store
    except StoreError as exc:
        raise _failure(str(exc)) from exc


def shown(address: str) -> str:
    """An address without what may be a password, which PostgreSQL takes among the parameters, too."""
    return make_url(address).set(query={}).render_as_string(hide_password=True)


def _failure(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)


def _document(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": key.scopes,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def _row(key: Key) -> tuple[str, ...]:
    revoked = "" if key.revoked_at is None else _minute(key.revoked_at)
    return key.id, key.name, " ".join(key.scopes), _minute(key.created_at), revoked


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}Z"
