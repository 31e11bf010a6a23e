"""What a command was given as the body of a request: JSON as it is, tables as columns of decimal strings."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from app import tabular
from app.body import parse_json
from app.cli.failures import REFUSED, Failure, unknown_column
from app.cli.options import Change, apply
from app.cli.parts import Body, Source, Table
from app.convert import accounts, closures
from app.convert.tables import Fields
from app.loaders.report import LoadError
from app.problems import SHOWN_ERRORS, RequestProblem
from app.store import Kind
from solvers.registry import POLICIES

_MEMBERS = {
    "allocation": ("policy",),
    "comparison": ("policies",),
    "frontier": ("measures", "points", "allocation"),
    "closure": ("policy",),
    "verification": ("allocation", "closures", "score"),
}
"""What only requests of this kind have: one file is good for all commands, which leave out what is another's."""

_ALL_MEMBERS = {name for names in _MEMBERS.values() for name in names}
_TABLES = {"markets": closures.MARKETS, "accounts": closures.ACCOUNTS, "positions": closures.POSITIONS}


def build(kind: Kind, sources: Mapping[str, Source], changes: Sequence[Change]) -> Body:
    """Raises Failure. `sources`: `book`, and `made` where something is to be judged; or the tables of a closing."""
    body = Body()
    if "book" in sources:
        raw, request = _book(sources["book"], body)
    else:
        raw, request = None, _closing(sources, body)
    foreign = (_ALL_MEMBERS - set(_MEMBERS[kind])) & request.keys()
    for name in foreign:
        del request[name]
    own = [*_made(sources.get("made"), request, body), *_defaults(kind, request, changes), *changes]
    apply(request, own)
    body.policies = request.get("policies")
    if raw is not None and not foreign and not own:
        body.raw = raw
        return body
    body.raw = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode()
    return body


def _book(source: Source, body: Body) -> tuple[bytes | None, dict[str, Any]]:
    """The request in a file, with its bytes where it is a whole one."""
    if source.kind() != "json":
        return None, {"snapshot": {"accounts": _columns(source, accounts.ACCOUNTS, "/snapshot/accounts", body)}}
    found = _json(source)
    if "snapshot" in found:
        return source.data, found
    if "accounts" in found:
        return None, {"snapshot": found}
    raise Failure(REFUSED, f"{source.name}: neither a request, with `snapshot`, nor a snapshot, with `accounts`")


def _closing(sources: Mapping[str, Source], body: Body) -> dict[str, Any]:
    snapshot = {name: _columns(sources[name], fields, f"/snapshot/{name}", body) for name, fields in _TABLES.items()}
    liquidations = _columns(sources["liquidations"], closures.LIQUIDATIONS, "/liquidations", body)
    return {"snapshot": snapshot, "liquidations": liquidations}


def _made(source: Source | None, request: dict[str, Any], body: Body) -> list[Change]:
    """An allocation, or closes where the book has liquidations: a table, its rows or columns, or a whole answer."""
    if source is None:
        return []
    name, answered = ("closures", "closures") if "liquidations" in request else ("allocation", "allocations")
    fields = closures.CLOSURES if name == "closures" else accounts.SEIZED
    whole = False
    if source.kind() != "json":
        made: Any = _columns(source, fields, f"/{name}", body)
    elif source.data.lstrip().startswith(b"["):
        made = _json(Source(source.name, b'{"rows":%b}' % source.data))["rows"]
    else:
        found = _json(source)
        if found.get("allocations", ...) is None or found.get("closures", ...) is None:
            raise Failure(REFUSED, f"{source.name}: an answer without accounts: ask for options.detail full")
        made = found.get(answered, found.get(name, found))
        whole = made is not found and len(found) > 1
    rows = made if isinstance(made, list) else [made]
    if whole or {key for row in rows if isinstance(row, dict) for key in row} - set(fields.required):
        body.note = f"only {', '.join(fields.required[:-1])} and {fields.required[-1]} are looked at"
    return [((name,), made)]


def _defaults(kind: Kind, request: Mapping[str, Any], changes: Sequence[Change]) -> list[Change]:
    said = {*request, *(path[0] for path, _ in changes)}
    if kind == "allocation" and "policy" not in said:
        return [(("policy",), {"name": "capped-pro-rata"})]
    if kind == "closure" and "policy" not in said:
        return [(("policy",), {"name": "lexicographic"})]
    if kind == "comparison" and "policies" not in said:
        closed = [{"name": name} for name, policy in POLICIES.items() if not policy.heavy(policy.parameters())]
        return [(("policies",), closed)]
    return []


def _json(source: Source) -> dict[str, Any]:
    try:
        return parse_json(source.data.removeprefix(b"\xef\xbb\xbf"))
    except RequestProblem as exc:
        raise Failure(REFUSED, f"{source.name}: {exc.detail.removeprefix('the body: ')}") from exc


def _columns(source: Source, fields: Fields, place: str, body: Body) -> dict[str, list[Any]]:
    """A table's columns as the wire has them, where an empty cell is a field left out; `body` is told of the table."""
    if source.kind() == "json":
        raise Failure(REFUSED, f"{source.name}: must be a table in CSV or Parquet")
    read = tabular.read_parquet if source.kind() == "parquet" else tabular.read_csv
    try:
        cells = read(source.data)
    except LoadError as exc:
        further = exc.further if isinstance(exc, tabular.Faults) else ()
        shown = [f"{source.name} {line}" for line in further[: SHOWN_ERRORS - 1]]
        raise Failure(REFUSED, f"{source.name} {exc}", shown) from exc
    columns = cells.columns
    missing = [name for name in fields.required if name not in columns]
    if missing:
        lacks = f"{source.name} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}"
        unknown = [name for name in columns if name not in fields.known][: SHOWN_ERRORS - 1]
        raise Failure(REFUSED, lacks, [unknown_column(source.name, name, missing) for name in unknown])
    if not columns[fields.required[0]]:
        raise Failure(REFUSED, f"{source.name} has no row below its header")
    empty = [cell for name in fields.required for cell in islice(_empty(name, columns[name]), SHOWN_ERRORS)]
    body.tables[place] = Table(source.name, fields.known, cells.lines, empty)
    return {name: _values(name, cells, fields) for name, cells in columns.items()}


def _empty(name: str, cells: list[str]) -> Iterator[str]:
    return (f"{name}/{row}" for row, cell in enumerate(cells) if not cell)


def _values(name: str, cells: list[str], fields: Fields) -> list[Any]:
    empty = "" if name in fields.required else fields.defaults.get(name)
    if name == "exposure":
        return [_exposure(cell) if cell else empty for cell in cells]
    return [cell or empty for cell in cells] if "" in cells else list(cells)


def _exposure(cell: str) -> str | list[str]:
    if cell.startswith("[") and cell.endswith("]"):
        return [part.strip() for part in cell[1:-1].split(",")]
    return cell
