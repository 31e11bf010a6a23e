"""Prometheus metrics: prefix adl_, base units, few labels, never an account.

With PROMETHEUS_MULTIPROC_DIR in the environment when this is imported, every process of the service keeps its values in
that directory, and each of them tells those of all.
"""

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from app import __version__
from app.engine import Seen
from app.problems import CODES

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
ACCOUNTS = (10, 100, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000, 1_000_000)


class Metrics:
    """One registry an application, so that several can live in one process.

    `multiprocess_mode` says what several workers' gauges are together; it changes nothing for one.
    """

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Histogram(
            "adl_request_duration_seconds",
            "Time from the first byte of a request to the last of its answer.",
            ("method", "route", "status"),
            buckets=SECONDS,
            registry=registry,
        )
        self.solves = Histogram(
            "adl_solve_duration_seconds",
            "Time of one policy's solve, verification and diagnostics.",
            ("policy", "status"),
            buckets=SECONDS,
            registry=registry,
        )
        self.accounts = Histogram(
            "adl_snapshot_accounts", "Accounts in a sound snapshot.", buckets=ACCOUNTS, registry=registry
        )
        self.in_flight = self._now("adl_in_flight_requests", "Requests being answered.")
        self.rejected = Counter("adl_rejected_requests", "Refused requests by code.", ("code",), registry=registry)
        self.budget = self._last("adl_budget", "Budget of the last allocation, in its settlement currency.")
        self.uncovered = self._last("adl_uncovered", "Budget the last allocation left open, in its currency.")
        self.worst_haircut = self._last("adl_worst_haircut_ratio", "Largest haircut of the last allocation.")
        self.ptsr = self._last("adl_ptsr_ratio", "Largest endowment left over the budget, last allocation.")
        self.store = Histogram(
            "adl_store_operation_duration_seconds",
            "Time of one operation of the store, waiting for a connection or a lock included.",
            ("operation", "outcome"),
            buckets=SECONDS,
            registry=registry,
        )
        self.store_up = Gauge(
            "adl_store_up",
            "1 if the store's database could last be used.",
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self.waiting = self._now("adl_waiting_requests", "Requests waiting for a thread or process.")
        self.killed = Counter(
            "adl_solver_processes_killed", "Worker processes lost, by reason.", ("reason",), registry=registry
        )
        self.idempotent = Counter(
            "adl_idempotent_requests", "Requests with an idempotency key, by outcome.", ("outcome",), registry=registry
        )
        self.answers = Counter("adl_answers", "Answers by kind and status.", ("kind", "status"), registry=registry)
        self.denied = Counter(
            "adl_authentication_failures", "Requests without a sufficient key, by code.", ("reason",), registry=registry
        )
        build = Gauge(
            "adl_build_info",
            "Always 1; the label tells the version.",
            ("version",),
            registry=registry,
            multiprocess_mode="livemax",
        )
        build.labels(__version__).set(1)
        self._begin()

    def _begin(self) -> None:
        """Begin at 0 what is counted by known labels: of a counter that is not there, Prometheus misses the first."""
        for counter, values in (
            (self.rejected, CODES),
            (self.killed, ("time-limit", "died")),
            (self.idempotent, ("claimed", "replayed", "waited", "conflict")),
            (self.denied, ("unauthorized", "forbidden")),
        ):
            for value in values:
                counter.labels(value)

    def _last(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, ("policy",), registry=self.registry, multiprocess_mode="mostrecent")

    def _now(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry, multiprocess_mode="livesum")

    def observe(self, seen: Seen) -> None:
        """That somebody solved."""
        self.solves.labels(seen.policy, seen.status).observe(seen.seconds)

    def observe_last(self, seen: Seen) -> None:
        """What was answered to who is about to act on it."""
        self.budget.labels(seen.policy).set(seen.budget)
        self.uncovered.labels(seen.policy).set(seen.uncovered)
        for gauge, value in ((self.worst_haircut, seen.worst_haircut), (self.ptsr, seen.ptsr)):
            if value is not None:
                gauge.labels(seen.policy).set(value)

    def observe_store(self, operation: str, outcome: str, seconds: float) -> None:
        """One use of the store: done, failed or unavailable."""
        self.store.labels(operation, outcome).observe(seconds)
        self.store_up.set(outcome != "unavailable")

    def text(self) -> bytes:
        """In Prometheus' text format, of all workers where there are several."""
        shared = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        return generate_latest(_of_all_workers(Path(shared)) if shared else self.registry)


class _Workers(Collector):
    """`process_*` of each of these processes, by `pid`: a sum of their counters would fall when one ends."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = pids

    def collect(self) -> Iterable[Metric]:
        found: dict[str, Metric] = {}
        for pid in self._pids:
            for family in ProcessCollector(pid=partial(str, pid), registry=None).collect():
                metric = found.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    metric.add_sample(sample.name, {"pid": f"{pid}"}, sample.value)
        return found.values()


def _of_all_workers(directory: Path) -> CollectorRegistry:
    """The values of all, with those of the dead, but for what only counts while a process lives."""
    pids = {int(path.stem.rpartition("_")[2]) for path in directory.glob("*.db")}
    alive = {pid for pid in pids if _is_alive(pid)}
    for pid in pids - alive:
        for path in directory.glob(f"gauge_live*_{pid}.db"):
            path.unlink(missing_ok=True)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, f"{directory}")  # type: ignore[no-untyped-call]
    registry.register(_Workers(sorted(alive)))
    return registry


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False  # or somebody else's by now
    try:
        # Where there is /proc: who was killed stays a zombie until the supervisor looks, which may take a while.
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True
