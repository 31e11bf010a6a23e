"""A database that cannot be used is said to be so, loses nothing, and is used again when it can be."""

import random
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, exc, text

from app.store import Claimed, InFlight, Replayed, Store, StoreError, StoreFailed, StoreUnavailable
from app.store.database import engine_of, writing
from app.store.errors import as_store_error
from tests.store.entries import entry, ids, lines
from tests.store.postgres import Server

FULL = """
CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER fill BEFORE INSERT ON records FOR EACH ROW EXECUTE FUNCTION fill()
"""


def unusable(store: Store) -> None:
    """Nothing can be written, and what was tried is not told."""
    for attempt in (lambda: store.record(entry(99, venue="secret")), lambda: store.claim("", "secret", "digest", 60)):
        with pytest.raises(StoreUnavailable) as caught:
            attempt()
        assert str(caught.value) == "the store's database cannot be used now"
        assert isinstance(caught.value.__cause__, exc.SQLAlchemyError)
        assert "secret" not in str(caught.value.__cause__)


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Somebody else writes, and does not end."""
    engine = engine_of(url)
    try:
        with writing(engine).begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("LOCK TABLE records, claims IN SHARE MODE"))
            yield
    finally:
        engine.dispose()


@pytest.fixture
def remote(server: Server) -> Iterator[Store]:
    store = Store.open(server.emptied())
    yield store
    store.close()


@pytest.mark.slow
def test_a_lock_that_another_keeps_is_not_waited_for_for_ever(
    opened: Callable[[], Store], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened().record(entry(1))
    monkeypatch.setattr("app.store.database.WAIT_SECONDS", 1)
    store = opened()
    with locked(url):
        unusable(store)
        with pytest.raises(StoreUnavailable):
            store.ping()
        assert ids(lines(store)) == [1]
    store.ping()
    store.record(entry(2))
    assert ids(lines(store)) == [2, 1]


@pytest.mark.debian
def test_a_server_that_is_gone_is_used_again_when_it_is_back(server: Server, remote: Store) -> None:
    remote.record(entry(1))
    with ThreadPoolExecutor(4) as threads:  # several connections, all of which are cut
        list(threads.map(lambda _: remote.ping(), range(20)))
    server.stop()
    try:
        unusable(remote)
        with pytest.raises(StoreUnavailable):
            remote.ping()
        with pytest.raises(StoreUnavailable):
            remote.get("", "allocation", entry(1).id)
    finally:
        server.start()
    remote.ping()
    remote.record(entry(2))
    assert ids(lines(remote)) == [2, 1]


@pytest.mark.debian
def test_a_connection_that_is_cut_in_a_transaction_is_replaced(server: Server, remote: Store) -> None:
    claim = remote.claim("", "key", "digest", 60)
    assert isinstance(claim, Claimed)

    def cut(*now: object) -> None:
        if str(now[2]).startswith("UPDATE claims"):
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

    event.listen(Engine, "before_cursor_execute", cut)
    try:
        with pytest.raises(StoreUnavailable):
            remote.finish(claim, entry())
    finally:
        event.remove(Engine, "before_cursor_execute", cut)
    assert lines(remote) == ()
    assert remote.claim("", "key", "digest", 60) == InFlight()
    remote.finish(claim, entry())
    assert remote.claim("", "key", "digest", 60) == Replayed(entry())


@pytest.mark.debian
def test_a_full_disk_of_the_server_is_unavailable_until_there_is_room(server: Server, remote: Store) -> None:
    remote.record(entry(1))
    server.execute(FULL)
    with pytest.raises(StoreUnavailable):
        remote.record(entry(2))
    server.execute("DROP TRIGGER fill ON records")
    remote.record(entry(2))
    assert ids(lines(remote)) == [2, 1]


@pytest.mark.debian
def test_a_server_that_may_only_be_read_is_unavailable_for_writing(server: Server, remote: Store) -> None:
    server.execute("ALTER DATABASE postgres SET default_transaction_read_only = on")
    try:
        remote.close()  # connections that there are do not hear of it
        unusable(remote)
        with pytest.raises(StoreUnavailable):
            remote.ping()
    finally:
        server.execute("ALTER DATABASE postgres RESET ALL")


def test_a_full_disk_is_unavailable_until_there_is_room(small: tuple[Path, Callable[[], object]]) -> None:
    folder, make_room = small
    store = Store.open(f"sqlite:///{folder / 'adl.db'}")
    answer = random.Random(1).randbytes(60_000)
    kept = 0
    with suppress(StoreUnavailable):
        while kept < 100:
            store.record(entry(kept, answer=answer))
            kept += 1
    assert 2 < kept < 100
    large = kept
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            store.record(entry(kept, answer=answer))
    with suppress(StoreUnavailable):  # what is smaller may still have had room
        while kept < 1000:
            store.record(entry(kept))
            kept += 1
    assert kept < 1000
    with pytest.raises(StoreUnavailable):
        store.ping()
    assert ids(lines(store)) == list(reversed(range(kept)))
    assert store.get("", "allocation", entry(large - 1).id) == entry(large - 1, answer=answer)
    make_room()
    store.record(entry(kept, answer=answer))
    assert store.get("", "allocation", entry(kept).id) == entry(kept, answer=answer)
    store.close()


def test_a_place_that_does_not_exist_yet_is_unavailable(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'later' / 'adl.db'}"
    with pytest.raises(StoreUnavailable):
        Store.open(url)
    (tmp_path / "later").mkdir()
    Store.open(url).close()


def test_a_file_that_is_no_database_is_unavailable_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "adl.db"
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(StoreUnavailable):
        Store.open(f"sqlite:///{path}")
    assert path.read_bytes() == b"no database " * 1000


def test_a_file_that_was_removed_or_replaced_takes_no_more_writes(tmp_path: Path) -> None:
    path, aside = tmp_path / "adl.db", tmp_path / "aside.db"
    store = Store.open(f"sqlite:///{path}")
    store.record(entry(1))
    path.rename(aside)
    for rest in ("-wal", "-shm"):
        (tmp_path / f"adl.db{rest}").rename(tmp_path / f"aside.db{rest}")
    for attempt in (lambda: store.record(entry(2)), store.ping, lambda: store.get("", "allocation", entry(1).id)):
        with pytest.raises(StoreUnavailable):
            attempt()
    aside.replace(path)  # as a backup is brought back
    (tmp_path / "aside.db-wal").replace(tmp_path / "adl.db-wal")
    store.ping()
    store.record(entry(3))
    assert ids(lines(store)) == [3, 1]
    store.close()


def test_tables_that_are_gone_are_unavailable(store: Store, url: str) -> None:
    engine = engine_of(url)
    with writing(engine).begin() as connection:
        for name in ("claims", "records"):
            connection.execute(text(f"DROP TABLE {name}"))
    engine.dispose()
    with pytest.raises(StoreUnavailable):
        store.ping()
    unusable(store)


def test_a_server_that_nobody_is_at_is_unavailable_and_its_password_stays_secret() -> None:
    with pytest.raises(StoreUnavailable) as caught:
        Store.open("postgresql://someone:hidden@127.0.0.1:1/adl")
    assert "hidden" not in "".join(str(error) for error in (caught.value, caught.value.__cause__))


@pytest.mark.parametrize(
    "url",
    [
        "", "adl.db", "sqlite://", "sqlite:///:memory:", "sqlite:///hidden?mode=ro", "mysql://someone:hidden@host/adl",
        "postgresql+asyncpg://someone:hidden@host/adl", "postgresql://someone:hidden@host:port/adl",
    ],
)  # fmt: skip
def test_an_address_of_another_kind_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="the store is sqlite") as caught:
        Store.open(url)
    assert "hidden" not in "".join(traceback.format_exception(caught.value)[-1:])


def errors(base: type[exc.SQLAlchemyError] = exc.SQLAlchemyError) -> Iterator[type[exc.SQLAlchemyError]]:
    yield base
    for kind in base.__subclasses__():
        yield from errors(kind)


@pytest.mark.parametrize("kind", sorted(set(errors()), key=str), ids=lambda kind: kind.__name__)
def test_every_error_of_sqlalchemy_becomes_one_of_the_store(kind: type[exc.SQLAlchemyError]) -> None:
    found = as_store_error(kind.__new__(kind))
    assert type(found) in {StoreUnavailable, StoreFailed}
    assert isinstance(found, StoreError)
    faults = {exc.SQLAlchemyError, exc.IntegrityError, exc.DataError, exc.NotSupportedError, exc.CompileError}
    if kind in faults:
        assert type(found) is StoreFailed


def test_threads_share_a_store(store: Store) -> None:
    def work(number: int) -> bool:
        claim = store.claim("", f"{number // 2}", "digest", 60)
        if isinstance(claim, Claimed):
            store.finish(claim, entry(number // 2))
        return isinstance(claim, Claimed)

    with ThreadPoolExecutor(8) as threads:
        claimed = list(threads.map(work, range(80)))
    assert sum(claimed) == 40
    assert ids(lines(store)) == list(reversed(range(40)))


def test_sqlite_waits_for_the_disk_and_keeps_references(tmp_path: Path) -> None:
    engine = engine_of(f"sqlite:///{tmp_path / 'adl.db'}")
    with engine.begin() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    engine.dispose()
    assert found == ["wal", 2, 1, 5000]
