"""The tables brought up to date when the store is opened."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from app.store.errors import NewerDatabase

_LOCK = 0x41444C  # any number that all versions of the service share


def config(connection: Connection) -> Config:
    """Alembic's configuration for migrations on this connection, in its transaction."""
    made = Config(attributes={"connection": connection})
    made.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return made


def migrate(connection: Connection) -> None:
    """All migrations or none, in the connection's transaction; others that start meanwhile wait for its end.

    On SQLite the transaction must be one that writes, which keeps others out by itself. Raises NewerDatabase.
    """
    if connection.dialect.name == "postgresql":
        # Another's migration may take longer than any request would wait.
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    made = config(connection)
    scripts = ScriptDirectory.from_config(made)
    known = {script.revision for script in scripts.walk_revisions()}
    found = MigrationContext.configure(connection).get_current_heads()
    if not known.issuperset(found):
        raise NewerDatabase("the database was migrated by a later version of the service: start that one")
    if found != tuple(scripts.get_heads()):
        command.upgrade(made, "head")
