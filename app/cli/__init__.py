"""The command `adl`: one module a command, imported when asked for, so that help and mistakes are told at once."""

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from app import __version__
from app.cli.failures import INTERRUPTED

COMMANDS = {
    "serve": "Serve the API until the process is told to end (SIGTERM, Ctrl-C).",
    "allocate": "Allocate a shortfall: who is haircut by how much.",
    "compare": "Compare policies on one book, side by side.",
    "close": "Close contracts against winners: which of whose, at which price.",
    "verify": "Judge an allocation or closes that anybody made.",
    "frontier": "Show what fairness, robustness and revenue cost each other on one book.",
    "replay": "Retell an event: what each wave needed, what production took, what policies would have taken.",
    "keys": "Make, list and revoke API keys.",
    "bench": "Run the benchmarks of the repository.",
}
"""Name to what it does. The module `app.cli.NAME` has a function of that name, or an `app` with commands of its own."""


class Commands(TyperGroup):
    """Lists the commands without importing them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name, help=text) for name, text in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, name and command and _loaded(name), rest

    def invoke(self, ctx: Any) -> Any:
        """Ctrl-C as a shell tells it, whatever the command was at."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as exc:
            raise typer.Exit(INTERRUPTED) from exc


def _loaded(name: str) -> Any:
    module = import_module(f"app.cli.{name}")
    own = getattr(module, "app", None)
    if isinstance(own, typer.Typer):
        group = typer.main.get_group(own)
        group.name = name
        return group
    alone = typer.Typer(add_completion=False)
    function: Callable[..., None] = getattr(module, name)
    alone.command(name)(function)
    return typer.main.get_command(alone)


app = typer.Typer(name="adl", cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"adl {__version__}")
        raise typer.Exit


@app.callback()
def _adl(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version, and exit.")
    ] = False,
) -> None:
    """Autodeleveraging: who is haircut by how much when liquidations fail and the insurance fund is empty."""


def main() -> None:
    app()
