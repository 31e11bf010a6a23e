"""The store: records of what was answered, claims of idempotency keys, and API keys."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, Engine

from app.store import claims, database, keys, records
from app.store.claims import Claimed, Outcome, Times
from app.store.entries import Entry, Kind, packed, unpacked
from app.store.errors import mapped
from app.store.keys import Key
from app.store.records import Filter, Page
from app.store.together import Together

DAY_SECONDS = 86_400.0

Result = TypeVar("Result")


def _now() -> datetime:
    return datetime.now(UTC)


class Store:
    """Opened once a process, and used by its threads. What it has done is committed when a method returns.

    Every method may raise StoreUnavailable, and works again by itself when the database does; StoreFailed is a fault of
    ours. A method that writes may have done so all the same when the connection was lost in that moment: asking again
    does not do it twice.
    """

    def __init__(self, engine: Engine, claim_seconds: float, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._writing = database.writing(engine)
        self._together = Together(self._writing) if database.alone(engine) else None
        self._claim_seconds = claim_seconds
        self._clock = clock

    @classmethod
    def open(cls, url: str, *, claim_seconds: float = DAY_SECONDS, clock: Callable[[], datetime] = _now) -> "Store":
        """The store at `sqlite:///PATH` or `postgresql://USER@HOST/DATABASE`, its tables brought up to date.

        A claim counts for `claim_seconds`. `clock` tells the time with an offset; processes that share a database
        need clocks that agree to within their leases. Raises ValueError for another address, NewerDatabase for tables
        of a later version.
        """
        engine = database.engine_of(url)
        try:
            with mapped():
                database.prepare(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, claim_seconds, clock)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def ping(self) -> None:
        """Write something, and take it back. Raises StoreUnavailable."""
        now, key = self._clock(), secrets.token_hex(16)

        def there_and_back(connection: Connection) -> None:
            claims.release(connection, Claimed("", key, str(claims.take(connection, "", key, "", times)), 0))

        times = Times(now, now, now)
        self._write(there_and_back)

    def record(self, entry: Entry) -> None:
        """Keep an answered request. If it was kept before, the first answer stays, and only a later time is noted."""
        row = packed(entry)
        self._write(lambda connection: records.write(connection, row))

    def get(self, caller: str, kind: Kind, id_: str) -> Entry | None:
        """The caller's record of that kind and id; None if there is none."""
        with self._read() as connection:
            row = connection.execute(records.one(caller, kind, id_)).one_or_none()
        return None if row is None else unpacked(row)

    def page(
        self, caller: str, kind: Kind, *, where: Filter = records.EVERYTHING, limit: int, after: str | None = None
    ) -> Page:
        """At most `limit` of the caller's records, by the time of their first answer, newest first.

        `after` is the cursor of the page before: what was added since then is not on later pages, and nothing is
        twice. Raises BadCursor, and ValueError for a moment without an offset.
        """
        with self._read() as connection:
            return records.page(connection, caller, kind, where, limit, after)

    def claim(self, caller: str, key: str, digest: str, lease_seconds: float) -> Outcome:
        """Claim the caller's idempotency key for the request with that digest.

        Of all that try, one gets Claimed, and has it to itself for `lease_seconds`, and until somebody takes it over
        after that. Conflict if the key was used with another digest, InFlight while its request is being answered,
        Replayed when it was. A claim that has expired counts as absent.
        """
        now = self._clock()
        times = Times(now, _later(now, lease_seconds), _later(now, self._claim_seconds))
        taken = self._write(lambda connection: claims.take(connection, caller, key, digest, times))
        return Claimed(caller, key, taken, lease_seconds) if isinstance(taken, str) else taken

    def renew(self, claim: Claimed) -> None:
        """Have the claim for another `lease_seconds` from now on. Raises ClaimLost."""
        until = _later(self._clock(), claim.lease_seconds)
        self._write(lambda connection: claims.renew(connection, claim, until))

    def finish(self, claim: Claimed, entry: Entry) -> None:
        """`record`, and the claim done, both or neither. The entry's caller must be the claim's.

        Raises ClaimLost if the claim is not ours any more, or done already, and then nothing was recorded.
        """
        row = packed(entry)

        def both(connection: Connection) -> None:
            records.write(connection, row)
            claims.finish(connection, claim, entry)

        self._write(both)

    def release(self, claim: Claimed) -> None:
        """Give the key back, as if it had not been claimed; nothing happens if the claim is not ours any more."""
        self._write(lambda connection: claims.release(connection, claim))

    def add_key(self, key: Key) -> None:
        """Keep an API key. Raises StoreFailed if its id is taken: ids are never given twice."""
        self._write(lambda connection: keys.add(connection, key))

    def key(self, id_: str) -> Key | None:
        """The API key of that id, revoked or not; None if there is none."""
        with self._read() as connection:
            return keys.one(connection, id_)

    def keys(self) -> tuple[Key, ...]:
        """All API keys, revoked or not, by the time they were made."""
        with self._read() as connection:
            return keys.every(connection)

    def revoke_key(self, id_: str) -> bool:
        """The API key of that id does not count from now on; False if there is none, or it is revoked already."""
        now = self._clock()
        return self._write(lambda connection: keys.revoke(connection, id_, now))

    def prune(self, max_age_seconds: float | None, max_bytes: int | None) -> int:
        """Remove records, and the claims they answer, and expired claims; return how many records.

        Removed are records last answered more than `max_age_seconds` ago, and the longest ago answered ones until
        at most `max_bytes` are stored; None is no limit. Few at a time, so that others can write in between. A SQLite
        file does not shrink: the space is used again.
        """
        before = None if max_age_seconds is None else self._clock() - timedelta(seconds=max_age_seconds)
        removed = self._in_batches(lambda connection: records.prune(connection, before, max_bytes))
        now = self._clock()
        self._in_batches(lambda connection: records.prune_claims(connection, now))
        return removed

    def _in_batches(self, remove: Callable[[Connection], int]) -> int:
        total = 0
        while True:
            removed = self._write(remove)
            total += removed
            if removed < records.BATCH:
                return total

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with mapped(), self._engine.begin() as connection:
            yield connection

    def _write(self, work: Callable[[Connection], Result]) -> Result:
        with mapped():
            if self._together is not None:
                return self._together.run(work)
            with self._writing.begin() as connection:
                return work(connection)


def _later(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)
