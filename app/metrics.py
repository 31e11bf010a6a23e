"""Prometheus metrics: prefix adl_, base units, few labels, never an account."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from app import __version__

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
ACCOUNTS = (10, 100, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000, 1_000_000)


class Metrics:
    """One registry an application, so that several can live in one process."""

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
        self.in_flight = Gauge("adl_in_flight_requests", "Requests being answered.", registry=registry)
        self.rejected = Counter("adl_rejected_requests", "Refused requests by code.", ("code",), registry=registry)
        self.budget = self._last("adl_budget", "Budget of the last allocation, in its settlement currency.")
        self.uncovered = self._last("adl_uncovered", "Budget the last allocation left open, in its currency.")
        self.worst_haircut = self._last("adl_worst_haircut_ratio", "Largest haircut of the last allocation.")
        self.ptsr = self._last("adl_ptsr_ratio", "Largest endowment left over the budget, last allocation.")
        build = Gauge("adl_build_info", "Always 1; the label tells the version.", ("version",), registry=registry)
        build.labels(__version__).set(1)

    def _last(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, ("policy",), registry=self.registry)

    def observe_answer(self, answer: dict[str, Any], seconds: float) -> None:
        """What one allocation answer says."""
        self._observe(answer["policy"]["name"], answer, seconds)

    def observe_closing(self, answer: dict[str, Any], seconds: float) -> None:
        """What one answer of contract space says; some of its policies are named like others of wealth space."""
        self._observe(f"closures {answer['policy']['name']}", answer, seconds)

    def _observe(self, policy: str, answer: dict[str, Any], seconds: float) -> None:
        solvency, fairness = answer["diagnostics"]["solvency"], answer["diagnostics"]["fairness"]
        self.solves.labels(policy, answer["status"]).observe(seconds)
        self.budget.labels(policy).set(float(solvency["budget"]))
        self.uncovered.labels(policy).set(float(solvency["uncovered"]))
        for gauge, value in ((self.worst_haircut, fairness["max_haircut"]), (self.ptsr, fairness["ptsr"])):
            if value is not None:
                gauge.labels(policy).set(value)

    def text(self) -> bytes:
        return generate_latest(self.registry)
