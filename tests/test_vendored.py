"""Vendored files are what their VERSION.md says."""

import hashlib
import re
from pathlib import Path

import pytest

STATIC = Path(__file__).parent.parent / "app" / "static"
RECORDS = sorted(STATIC.glob("*/VERSION.md"))


def test_vendored_folders_are_found() -> None:
    assert "swagger-ui" in {record.parent.name for record in RECORDS}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.parent.name)
def test_every_vendored_file_has_the_recorded_digest_and_no_other_file_is_there(record: Path) -> None:
    recorded = dict(re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|$", record.read_text(), re.MULTILINE))
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in record.parent.iterdir() if file != record
    }
    assert found == recorded
    assert "LICENSE" in found
