"""The command `adl`: one module a command."""

import typer

from app.cli import keys, serve

app = typer.Typer(
    name="adl",
    help="Autodeleveraging: who is haircut by how much when liquidations fail and the insurance fund is empty.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command(name="serve")(serve.serve)
app.add_typer(keys.app, name="keys")


def main() -> None:
    app()
