"""The metrics before Prometheus's own programs: promtool finds no fault, a server scrapes them."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.processes import answers, free_port, running, service

pytestmark = pytest.mark.debian


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with service() as address:
        yield address


def test_promtool_has_nothing_to_say_about_the_metrics(address: str) -> None:
    metrics = httpx2.get(f"{address}/metrics").text
    assert "adl_" in metrics
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=metrics, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_a_prometheus_server_scrapes_the_service(address: str, tmp_path: Path) -> None:
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        "scrape_configs:\n"
        "  - job_name: adl\n"
        f"    static_configs: [{{targets: ['{address.removeprefix('http://')}']}}]\n"
    )
    server = f"127.0.0.1:{free_port()}"
    command = [
        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={server}",
    ]  # fmt: skip
    with running(command, ready=lambda: answers(f"http://{server}/-/ready")):
        up: list[str] = []
        deadline = time.monotonic() + 20
        while up != ["1"] and time.monotonic() < deadline:
            time.sleep(0.2)
            answer = httpx2.get(f"http://{server}/api/v1/query", params={"query": 'up{job="adl"}'}).json()
            up = [sample["value"][1] for sample in answer["data"]["result"]]
        assert up == ["1"]
