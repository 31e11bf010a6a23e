import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from app.demo import row, title
from app.sample import POLICIES

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "app.demo"]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(port: int | str) -> dict[str, str]:
    return os.environ | {"ADL_PORT": str(port)}


def once(port: int | str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "--once"],
        cwd=ROOT,
        env=environment(port),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def nobody_listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.slow
def test_once_prints_the_event_and_a_row_for_each_policy_and_leaves_nothing_behind() -> None:
    port = unused_port()
    done = once(port)
    assert done.returncode == 0, done.stderr
    assert "19,337 accounts" in done.stdout
    assert "Regime: coverable" in done.stdout
    lines = done.stdout.splitlines()
    for policy in POLICIES:
        name = title(policy)
        line = next(line for line in lines if line.startswith(f"{name}  "))
        # 90 winners with next to no equity cannot pay the common rate, which plain pro-rata does not forgive.
        assert ("infeasible-budget" in line) == (name == "pro-rata"), line
    assert "optimal" in next(line for line in lines if line.startswith("capped-pro-rata "))
    assert nobody_listens(port)


@pytest.mark.slow
def test_the_service_stays_up_until_it_is_told_to_stop() -> None:
    port = unused_port()
    with subprocess.Popen(COMMAND, cwd=ROOT, env=environment(port), stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            assert any("Ctrl-C stops it" in line for line in demo.stdout)
            with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as response:
                assert response.status == 200
        finally:
            demo.send_signal(signal.SIGTERM)
        assert demo.wait(30) == 0
    assert nobody_listens(port)


def test_a_port_that_is_taken_is_said_in_one_line(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    done = once(port)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"port {port} cannot be used" in done.stderr


def test_a_port_that_is_no_port_is_refused() -> None:
    done = once("http")
    assert done.returncode == 1
    assert "give a port from 1 to 65535" in done.stderr


def test_a_policy_without_an_allocation_says_why() -> None:
    problem = {"code": "infeasible-budget", "detail": "acct-1 can give at most 3"}
    line = row({"name": "pro-rata"}, {"problem": problem})
    assert line.split(maxsplit=2) == ["pro-rata", "infeasible-budget:", "acct-1 can give at most 3"]


def test_a_measure_that_is_undefined_is_a_dash() -> None:
    fairness = {"max_haircut": 0.5, "top_winner_survival": None, "ptsr": None, "gini": None}
    result = {
        "status": "feasible",
        "diagnostics": {
            "fairness": fairness,
            "robustness": {
                "expected_deficit_after": "99",
                "models": [
                    {"exposure_model": "deleverage", "expected_deficit_after": "1234.5"},
                    {"exposure_model": "cash", "expected_deficit_after": "99"},
                ],
            },
            "revenue": {"share_kept": None},
        },
        "certificate": {"relative_gap": None},
    }
    line = row({"name": "queue", "score": "pnl"}, result)
    assert line.split() == ["queue", "pnl", "50.0000%", "-", "-", "-", "1,234.50", "-", "feasible", "-"]
