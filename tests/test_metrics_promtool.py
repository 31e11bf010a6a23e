"""The metrics before Prometheus' own programs: promtool finds no fault, of one process or of several workers."""

import subprocess
from pathlib import Path

import httpx2
import pytest

from tests.app.services import to, works
from tests.serving import serving

pytestmark = pytest.mark.debian


@pytest.mark.parametrize("workers", [1, 2])
def test_promtool_has_nothing_to_say_about_the_metrics(tmp_path: Path, workers: int) -> None:
    with serving(tmp_path, "--workers", f"{workers}") as served:
        with to(served.address) as client:
            assert works(client)
        metrics = httpx2.get(f"{served.address}/metrics").text
    assert 'adl_budget{policy="capped-pro-rata"} 3.0' in metrics
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=metrics, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
