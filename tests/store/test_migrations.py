"""Migrations: from nothing to the tables that the code expects, and back."""

from collections.abc import Callable, Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from app.store import NewerDatabase, Store, tables
from app.store.database import engine_of, prepare, writing
from app.store.schema import config
from tests.store.entries import entry, program

OURS = {"records", "claims", "keys"}
OPEN = """
import sys
from app.store import Store
print("ready", flush=True)
sys.stdin.readline()
Store.open(sys.argv[1]).close()
print("opened")
"""


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    made = engine_of(url)
    yield made
    made.dispose()


def names(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_the_tables_come_from_nothing_and_go_to_nothing(engine: Engine) -> None:
    assert names(engine) == set()
    prepare(engine)
    assert names(engine) > OURS
    with writing(engine).begin() as connection:
        command.downgrade(config(connection), "base")
    assert names(engine) & OURS == set()
    prepare(engine)
    assert names(engine) > OURS


def test_the_migrated_tables_are_those_the_code_expects(engine: Engine) -> None:
    prepare(engine)
    with engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []


def test_a_store_that_is_opened_again_has_kept_everything(opened: Callable[[], Store]) -> None:
    first = opened()
    first.record(entry())
    first.close()
    assert opened().get("", "allocation", entry().id) == entry()


def test_a_database_of_a_later_version_is_refused_and_left_as_it_is(
    engine: Engine, opened: Callable[[], Store]
) -> None:
    opened().record(entry())
    revise = "UPDATE alembic_version SET version_num = '{}'"
    with writing(engine).begin() as connection:
        ours = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        connection.execute(text(revise.format("9999")))
    with pytest.raises(NewerDatabase):
        opened()
    with writing(engine).begin() as connection:
        connection.execute(text(revise.format(ours)))
    assert opened().get("", "allocation", entry().id) == entry()


def test_a_database_of_the_first_version_keeps_its_records_and_can_have_keys(
    engine: Engine, opened: Callable[[], Store]
) -> None:
    first = opened()
    first.record(entry())
    first.close()
    with writing(engine).begin() as connection:
        command.downgrade(config(connection), "0001")
    assert names(engine) & OURS == {"records", "claims"}
    store = opened()
    assert store.get("", "allocation", entry().id) == entry()
    assert store.keys() == ()


def test_a_migration_that_fails_leaves_nothing_behind(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("half way")

    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", fail)
        with pytest.raises(RuntimeError, match="half way"):
            prepare(engine)
    assert names(engine) == set()
    prepare(engine)
    assert names(engine) > OURS


@pytest.mark.slow
def test_processes_that_start_at_once_all_find_the_tables(url: str) -> None:
    openers = [program(OPEN, url) for _ in range(4)]
    for opener in openers:
        assert opener.stdout is not None
        assert opener.stdout.readline() == "ready\n"
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write("\n")
        opener.stdin.flush()
    assert [opener.communicate(timeout=60)[0] for opener in openers] == ["opened\n"] * 4
