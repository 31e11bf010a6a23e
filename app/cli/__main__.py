"""``python -m app.cli``: `adl` where the project is not installed."""

from app.cli import main

main()
