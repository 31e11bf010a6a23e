"""A PostgreSQL server of Debian's package, on a socket in a folder of its own."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg


class Server:
    """Started empty; `remove` leaves nothing behind."""

    def __init__(self) -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        assert programs, "PostgreSQL is not installed: run scripts/install-debian"
        self._programs = programs[-1]
        # Not pytest's folder: that one is closed to the user postgres, and too deep for a socket's name.
        self._folder = Path(tempfile.mkdtemp(prefix="adl-postgres-", dir="/tmp"))
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:  # which PostgreSQL refuses to run as
            shutil.chown(self._folder, "postgres", "postgres")
            self._user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        self._data = self._folder / "data"
        self._process: subprocess.Popen[Any] | None = None
        subprocess.run(
            [self._programs / "initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=self._folder,
            **self._user,
        )

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = [
            f"{self._programs}/postgres", "-D", f"{self._data}", "-F",
            "-c", "listen_addresses=", "-c", f"unix_socket_directories={self._folder}",
        ]  # fmt: skip
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder, **self._user)
        self._process = process
        deadline = time.monotonic() + 30
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self._folder / "log").read_text()) from None
                time.sleep(0.05)
            else:
                return

    def stop(self, mode: str = "fast") -> None:
        """Stop, cutting all connections."""
        if self._process is not None:
            subprocess.run(
                [self._programs / "pg_ctl", "-D", self._data, "stop", "-m", mode, "-s"],
                check=True,
                cwd=self._folder,
                **self._user,
            )
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        try:
            self.stop("immediate")
        finally:
            shutil.rmtree(self._folder)

    def execute(self, statement: str) -> None:
        address = f"host={self._folder} user=postgres dbname=postgres options='-c default_transaction_read_only=off'"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement.encode())

    def emptied(self) -> str:
        """The address of its database, which has no tables any more."""
        self.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return f"postgresql://postgres@/postgres?host={self._folder}"
