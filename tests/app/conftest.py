"""The served specification, documents held against its schemas, and the loader run in process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from app.loaders.__main__ import main
from tests.app.desks import Desk
from tests.app.requests import Body
from tests.app.tables import Load


@pytest.fixture(scope="module")
def specification(client: Any) -> Body:
    served: Body = client.get("/openapi.json").json()
    return served


@pytest.fixture(scope="module")
def matches(specification: Body) -> Any:
    """``matches(name, document)``: no complaint about a document from the schema of that name."""
    resource = DRAFT202012.create_resource(specification)
    registry: Any = Registry().with_resource("urn:specification", resource)

    def check(name: str, document: Any) -> None:
        schema = {"$ref": f"urn:specification#/components/schemas/{name}"}
        complaints = sorted(map(str, Draft202012Validator(schema, registry=registry).iter_errors(document)))
        assert not complaints, complaints[0]

    return check


@pytest.fixture
def load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Load:
    """``load(kind, table, *options)``: the request, or None with exit code 1, and the lines on stderr."""

    def run(kind: str, table: str | bytes | Path, *options: str) -> tuple[Any, list[str]]:
        path = table if isinstance(table, Path) else tmp_path / "table.csv"
        if isinstance(table, str | bytes):
            path.write_bytes(table.encode() if isinstance(table, str) else table)
        code = main([kind, str(path), *options])
        out, err = capsys.readouterr()
        assert (code == 0) == bool(out)
        assert code in {0, 1}
        assert out.count("\n") == (code == 0)
        return json.loads(out) if out else None, err.replace(f"{path}", path.name).splitlines()

    return run


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(f"sqlite:///{tmp_path / 'adl.db'}")
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """For tests that leave it as it is."""
    made = Desk(f"sqlite:///{tmp_path_factory.mktemp('access') / 'adl.db'}")
    yield made
    made.store.close()
