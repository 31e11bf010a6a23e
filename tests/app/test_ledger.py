"""The store as the service uses it, where something goes wrong that nobody foresaw."""

import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from app.store import Store


def test_pruning_goes_on_after_a_fault_and_the_fault_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    again, calls = threading.Event(), []

    def prune(*limits: Any) -> int:
        calls.append(limits[1:])
        if len(calls) == 1:
            raise OverflowError("date value out of range")
        again.set()
        return 0

    monkeypatch.setattr("app.ledger.PRUNE_SECONDS", 0.01)
    monkeypatch.setattr(Store, "prune", prune)
    with (
        caplog.at_level(logging.WARNING, "adl"),
        TestClient(
            create_app(Settings(database_url=f"sqlite:///{tmp_path}/adl.db", retention_days=2, max_stored_bytes=7))
        ) as client,
    ):
        assert again.wait(10)
        metrics = client.get("/metrics").text
    assert calls[:2] == [(2 * 86_400, 7)] * 2
    (told,) = caplog.records
    assert told.getMessage() == "the store failed: prune: date value out of range"
    assert told.exc_info is not None
    assert told.exc_info[0] is OverflowError
    assert 'adl_store_operation_duration_seconds_count{operation="prune",outcome="failed"} 1.0' in metrics
