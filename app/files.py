"""Several files, all of them whole or none touched: written under other names, and renamed when all are there."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path


def write(contents: Mapping[Path, bytes]) -> None:
    """What each file is to hold. Raises OSError naming the path; whatever raises, no file holds half of it."""
    made: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            with _naming(path):
                if path.exists() and not path.is_file():  # /dev/null, or a pipe: nothing to rename
                    path.write_bytes(content)
                    continue
                target = path.resolve()
                handle, name = tempfile.mkstemp(prefix=".adl-", dir=target.parent)
                made[path] = Path(name)
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fchmod(handle, _mode(target))
                    os.fsync(handle)
        for path, temporary in made.items():
            with _naming(path):
                temporary.replace(path.resolve())
    finally:
        for temporary in made.values():
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Errors name what the user asked for, not the other name."""
    try:
        yield
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror, f"{path}") from exc


def _mode(target: Path) -> int:
    """Of the file that is replaced, or what a new one gets."""
    with suppress(OSError):
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
