"""A client does not carry the service."""

import subprocess
import sys

from tests.processes import ROOT


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_client_loads_nothing_of_the_service() -> None:
    loaded = python("import sys, app.client; print(*sorted({name.partition('.')[0] for name in sys.modules}))").split()
    heavy = {
        "numpy",
        "cvxpy",
        "fastapi",
        "sqlalchemy",
        "pandas",
        "polars",
        "pydantic",
        "starlette",
        "orjson",
        "solvers",
    }
    assert heavy & set(loaded) == set()
    ours = python("import sys, app.client; print(*sorted(name for name in sys.modules if name.startswith('app')))")
    assert [name for name in ours.split() if not name.startswith("app.client")] == ["app"]


def test_a_missing_library_is_named_with_what_installs_it() -> None:
    code = """
import sys
sys.modules["httpx2"] = None
try:
    import app.client
except ImportError as exc:
    print(exc)
"""
    assert python(code) == "app.client needs httpx2: pip install 'adl-service[client]'\n"
