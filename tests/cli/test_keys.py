"""`adl keys` as operators and their scripts run it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.access import Access, issue
from app.cli.keys import shown
from app.store import Store
from tests.processes import ROOT

NOON = datetime(2025, 10, 10, 12, 0, 59, 123456, tzinfo=UTC)

Done = tuple[int, str, str]
"""Exit code, stdout, stderr."""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'adl.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with closing(Store.open(url, clock=lambda: NOON + timedelta(days=1))) as opened:
        yield opened


def keys(url: str, *commands: list[str]) -> list[Done]:
    """What the commands end with, each a process, all at once."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "app.cli", "keys", *command],
            cwd=ROOT,
            env=os.environ | {"ADL_DATABASE_URL": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    told = [process.communicate(timeout=60) for process in running]
    return [(process.returncode, *texts) for process, texts in zip(running, told, strict=True)]


def test_a_key_is_printed_once_alone_on_its_line_and_lets_its_holder_in(url: str, tmp_path: Path) -> None:
    given, fallen_back = keys(
        url, ["create", "--name", "risk engine", "--scope", "read", "--scope", "admin"], ["create", "--name", "Zoë"]
    )
    with closing(Store.open(url)) as store:
        made = store.keys()
        kept = {key.name: key for key in made}
        access = Access(store.key, require=True)
        assert kept.keys() == {"risk engine", "Zoë"}
        assert (kept["risk engine"].scopes, kept["Zoë"].scopes) == (("read", "admin"), ("solve", "read"))
        for (code, out, err), key in zip((given, fallen_back), (kept["risk engine"], kept["Zoë"]), strict=True):
            assert code == 0
            assert re.fullmatch(rf"adl_{key.id}_[0-9a-f]{{64}}\n", out)
            assert err.count("\n") == 2
            assert err.startswith(f"It is a key of the store {url}.\n")
            assert f"`adl keys revoke {key.id}`" in err
            secret = out.strip().rpartition("_")[2]
            assert secret not in err
            sent = {"headers": [(b"authorization", f"Bearer {out.strip()}".encode())]}
            assert access.caller(sent, "read") == key.id
            assert not any(secret.encode() in path.read_bytes() for path in tmp_path.iterdir())
            assert datetime.now(UTC) - key.created_at < timedelta(minutes=1)


def test_a_store_is_named_without_its_password() -> None:
    assert shown("postgresql://adl:hidden@host:5433/adl") == "postgresql://adl:***@host:5433/adl"
    assert shown("postgresql://adl@host/adl?password=hidden") == "postgresql://adl@host/adl"


@pytest.mark.slow
def test_keys_are_listed_for_eyes_and_for_scripts_without_their_secrets(store: Store, url: str) -> None:
    made = [
        issue("risk engine", ["solve", "read"], NOON),
        issue("x", ["solve", "read", "admin"], NOON + timedelta(hours=1)),
    ]
    for key, _ in made:
        store.add_key(key)
    (first, _), (second, _) = made
    store.revoke_key(first.id)
    table, document = keys(url, ["list"], ["list", "--json"])
    assert table == (
        0,
        "id            name         scopes            created            revoked\n"
        f"{first.id}  risk engine  solve read        2025-10-10 12:00Z  2025-10-11 12:00Z\n"
        f"{second.id}  x            solve read admin  2025-10-10 13:00Z\n",
        "",
    )
    code, out, err = document
    assert (code, err) == (0, "")
    assert json.loads(out) == [
        {
            "id": first.id,
            "name": "risk engine",
            "scopes": ["solve", "read"],
            "created_at": "2025-10-10T12:00:59.123456+00:00",
            "revoked_at": "2025-10-11T12:00:59.123456+00:00",
        },
        {
            "id": second.id,
            "name": "x",
            "scopes": ["solve", "read", "admin"],
            "created_at": "2025-10-10T13:00:59.123456+00:00",
            "revoked_at": None,
        },
    ]


@pytest.mark.slow
def test_a_key_is_revoked_once(store: Store, url: str) -> None:
    key, _ = issue("risk engine", ["solve"], NOON)
    other, _ = issue("another", ["solve"], NOON)
    store.add_key(key)
    store.add_key(other)
    assert keys(url, ["revoke", key.id]) == [(0, "", "The key is refused everywhere within 10 seconds.\n")]
    listed = store.keys()
    assert {one.id for one in listed if one.revoked_at is None} == {other.id}
    refused = keys(url, ["revoke", key.id], ["revoke", "\udcff"])
    assert refused == [(1, "", "no key of that id counts: it is none, or revoked already\n")] * 2


@pytest.mark.slow
def test_what_cannot_be_done_ends_with_one_line_and_makes_no_key(store: Store, url: str) -> None:
    refused = keys(
        url,
        ["create", "--name", ""],
        ["create", "--name", "risk engine", "--scope", "solve", "--scope", "write"],
    )
    assert refused == [
        (1, "", "a key's name has 1 to 100 printable characters\n"),
        (1, "", "a key's scopes are one or more of solve, read, admin\n"),
    ]
    assert store.keys() == ()


@pytest.mark.slow
def test_a_database_that_cannot_be_used_ends_with_one_line(tmp_path: Path) -> None:
    refused = keys(f"sqlite:///{tmp_path}", ["create", "--name", "risk engine"], ["list"])
    assert refused == [(1, "", "the store's database cannot be used now\n")] * 2
    ((code, out, err),) = keys(f"sqlite:///{tmp_path / 'nowhere' / 'adl.db'}", ["create", "--name", "risk engine"])
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("ADL_DATABASE_URL: ")
    assert err.endswith(f"there is no folder {tmp_path / 'nowhere'} for the database\n")


@pytest.mark.slow
def test_a_wrong_address_ends_with_one_line_that_does_not_repeat_it() -> None:
    ((code, out, err),) = keys("mysql://someone:hidden@host/adl", ["list"])
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("ADL_DATABASE_URL: ")
    assert "hidden" not in err
