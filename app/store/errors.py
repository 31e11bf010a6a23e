"""One tree for everything that can go wrong in the store.

StoreError
├── StoreUnavailable   the database cannot be used now: try again later
├── StoreFailed        the database refused what was asked of it: a fault of ours, or of the tables
├── NewerDatabase      the tables are of a later version of the service than this one
├── ClaimLost          the claim is not ours any more, or done already; nothing was recorded
└── BadCursor          not a cursor that `page` gave
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc


class StoreError(Exception):
    """Base of every error that the store raises on purpose. No message holds SQL, parameters or an address."""


class StoreUnavailable(StoreError):
    """The database is locked, full, read-only, damaged or gone; the cause says which."""


class StoreFailed(StoreError):
    """The database works, and refused a statement or a value."""


class NewerDatabase(StoreError):
    """The database was migrated by a later version of the service."""


class ClaimLost(StoreError):
    """The claim is done, or somebody else's by now, or nobody's."""


class BadCursor(StoreError):
    """The cursor is not one that `page` gave."""


# PostgreSQL says with a ProgrammingError that a right or a table is missing, with an InternalError that it is
# read-only; SQLite says with a plain DatabaseError that a file is damaged or is none of its own.
_UNAVAILABLE = (
    exc.OperationalError,
    exc.InterfaceError,
    exc.InternalError,
    exc.ProgrammingError,
    exc.DisconnectionError,
    exc.ResourceClosedError,
    exc.TimeoutError,
)


def as_store_error(error: exc.SQLAlchemyError) -> StoreError:
    """Total: what is not known to be operational is a failure."""
    if isinstance(error, _UNAVAILABLE) or type(error) is exc.DatabaseError:
        return StoreUnavailable("the store's database cannot be used now")
    return StoreFailed("the store's database refused what was asked of it")


@contextmanager
def mapped() -> Iterator[None]:
    """SQLAlchemy's errors as the store's, the cause kept."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        raise as_store_error(error) from error
