"""Both files or neither."""

import os
from pathlib import Path

import pytest

from app import files


def test_files_are_replaced_whole_and_keep_their_mode(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("before")
    old.chmod(0o640)
    files.write({old: b"one", new: b"two"})
    assert (old.read_text(), new.read_text(), old.stat().st_mode & 0o777) == ("one", "two", 0o640)
    assert sorted(tmp_path.iterdir()) == [new, old]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("before")
    (tmp_path / "link").symlink_to("file")
    files.write({tmp_path / "link": b"after"})
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "after"


def test_when_one_cannot_be_written_the_other_is_what_it_was_and_the_error_names_the_path(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "missing/second"
    first.write_text("before")
    with pytest.raises(FileNotFoundError) as raised:
        files.write({first: b"after", second: b"after"})
    assert raised.value.filename == f"{second}"
    assert (first.read_text(), list(tmp_path.iterdir())) == ("before", [first])


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        files.write({pipe: b"told"})
        assert os.read(reader, 99) == b"told"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
