"""``adl serve``: the service, listening."""

import logging
import os
import signal
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from types import FrameType
from typing import Annotated

import typer
from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app import logs
from app.access import may_listen
from app.protocol import BoundedProtocol
from app.settings import Settings, load
from app.store import Store, StoreError, StoreUnavailable

CLOSING_SECONDS = 10.0
"""What a worker may take beyond the time its requests have; then it is killed."""

_SHARED_METRICS = "PROMETHEUS_MULTIPROC_DIR"
_BACKLOG = 2048
_log = logging.getLogger("adl")


def serve(
    host: Annotated[str, typer.Option(envvar="ADL_HOST", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="ADL_PORT", min=0, max=65_535, help="0: any that is free.")] = 8000,
    workers: Annotated[int, typer.Option(envvar="ADL_WORKERS", min=1, help="Processes that answer requests.")] = 1,
) -> None:
    """Serve the API until the process is told to end (SIGTERM, Ctrl-C).

    Every other setting is a variable ADL_*. Where others can reach it, it needs a key to be there (`adl keys create`),
    or ADL_REQUIRE_KEYS=false.
    """
    settings = load()
    try:
        _check_store(host, settings)
        listener = _listen(host, port)
        with _directories(workers), listener:
            _run(configure(settings, workers), listener, settings.drain_seconds + settings.graceful_seconds)
    except (StoreError, ValueError, OSError) as exc:
        raise _failure(str(exc)) from exc


def configure(settings: Settings, workers: int) -> Config:
    """How uvicorn serves the application; logging is set up by this, too."""
    return Config(
        "app.main:create_app",
        factory=True,
        lifespan="on",
        http=BoundedProtocol,
        ws="none",
        workers=workers,
        log_config=logs.config(),
        access_log=False,
        server_header=False,
        proxy_headers=False,  # who asks is told by keys, and whether a proxy passed it on by `app.access`
        timeout_graceful_shutdown=ceil(settings.graceful_seconds),
        timeout_worker_healthcheck=15,
    )


def unknown_settings(environment: Iterable[str]) -> list[str]:
    """Variables that look like settings: a misspelt one is not to go unseen. Others may well set some like them."""
    names = (*(name.upper() for name in Settings.model_fields), "HOST", "PORT", "WORKERS", "KEY")
    known = {f"ADL_{name}" for name in names}
    return sorted(name for name in environment if name.startswith("ADL_") and name not in known)


def _check_store(host: str, settings: Settings) -> None:
    """Raises ValueError if the service may not listen there, and what opening the store does.

    A database that cannot be used yet is waited for by the service, unless it alone knows whether there are keys.
    """
    try:
        store = Store.open(settings.database_url)
        try:
            keys = store.keys()
        finally:
            store.close()
    except StoreUnavailable:
        if may_listen(host, settings.require_keys, has_keys=False):
            raise
        return
    if refusal := may_listen(host, settings.require_keys, any(key.revoked_at is None for key in keys)):
        raise ValueError(refusal)


def _listen(host: str, port: int) -> socket.socket:
    """A socket for all workers, listening from now on, so that a port that is taken is told at once."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as exc:
        raise OSError(f"cannot listen at {host}, port {port}: {exc.strerror}") from exc
    return listener


@contextmanager
def _directories(workers: int) -> Iterator[None]:
    """Where workers keep their metrics for each other: as prometheus_client's variable says, or a temporary directory.

    It must be there before a process imports `app.metrics`, and hold nothing of an earlier run.
    """
    if given := os.environ.get(_SHARED_METRICS):
        directory = Path(given)
        directory.mkdir(parents=True, exist_ok=True)
        for path in directory.glob("*.db"):
            path.unlink()
    if workers == 1:
        yield
        return
    with TemporaryDirectory(prefix="adl-") as made:
        os.environ["TMPDIR"] = made  # what workers cannot clear away, since a signal ends them, goes with it
        os.environ.setdefault(_SHARED_METRICS, made)
        yield


def _run(config: Config, listener: socket.socket, ending_seconds: float) -> None:
    """Serve until told to end. Raises ValueError if the application did not start."""
    for name in unknown_settings(os.environ):
        _log.warning("there is no such setting", extra={"variable": name})
    host, port = listener.getsockname()[:2]
    _log.info("listening", extra={"host": host, "port": port, "workers": config.workers})
    if config.workers > 1:
        supervisor = Supervisor(config, listener, ending_seconds + CLOSING_SECONDS)
        supervisor.run()
        started = all(process.exitcode != STARTUP_FAILURE for process in supervisor.processes)
    else:
        server = Server(config)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _done)
        with suppress(SystemExit):  # uvicorn's, when the application does not start
            server.run([listener])
        # Python waits for threads, whose requests were given up: no longer than this, which ends the process.
        signal.setitimer(signal.ITIMER_REAL, CLOSING_SECONDS)
        started = server.started
    if not started:
        raise ValueError("the service did not start; its log says why")


def _done(_: int, __: FrameType | None) -> None:
    """uvicorn handles the signals while it runs, and raises them again when it has ended: then all is said."""


class Supervisor(Multiprocess):
    """uvicorn's, which restarts workers that die, and would wait for ever for one that does not end."""

    def __init__(self, config: Config, listener: socket.socket, ending_seconds: float) -> None:
        super().__init__(config, [listener])
        self._ending_seconds = ending_seconds

    def join_all(self) -> None:
        deadline = monotonic() + self._ending_seconds
        for process in (worker.process for worker in self.processes):
            process.join(max(deadline - monotonic(), 0))
            if process.is_alive():
                process.kill()
                process.join()


def _failure(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)
