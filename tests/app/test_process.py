"""The service as a process: how it ends, how it is opened again, and settings that it does not start with."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.app.requests import COMPARISONS, send
from tests.app.services import SLOW, to, works
from tests.processes import ROOT, answers, free_port


@pytest.mark.slow
def test_a_termination_signal_lets_a_request_finish_and_ends_the_process_cleanly() -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app", "--port", f"{port}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            deadline = time.monotonic() + 30
            while not answers(f"{address}/healthz") and time.monotonic() < deadline:
                time.sleep(0.05)
            with to(address) as client, ThreadPoolExecutor(1) as threads:
                pending = threads.submit(send, client, COMPARISONS, SLOW)
                time.sleep(0.3)
                process.send_signal(signal.SIGTERM)
                assert pending.result().status_code == 200
            output, _ = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode in (0, -signal.SIGTERM)
    assert "Application shutdown complete" in output
    assert "Traceback" not in output


def test_a_closed_service_can_be_opened_again() -> None:
    app = create_app(Settings())
    for _ in range(2):
        with TestClient(app) as client:
            assert works(client)


@pytest.mark.parametrize("setting", Settings.model_fields)
@pytest.mark.parametrize("value", ["abc", "-1", "nan"])
def test_a_wrong_setting_is_refused_with_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    variable = f"ADL_{setting.upper()}"
    monkeypatch.setenv(variable, value)
    with pytest.raises((ValueError, SystemExit), match=variable):
        create_app()


@pytest.mark.slow
def test_the_process_does_not_start_with_a_wrong_setting() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app", "--port", f"{free_port()}"],
        cwd=ROOT,
        env=os.environ | {"ADL_TIME_LIMIT": "abc"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert "ADL_TIME_LIMIT" in done.stderr
