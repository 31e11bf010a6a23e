"""``adl keys``: make, list and revoke API keys."""

import typer

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)
