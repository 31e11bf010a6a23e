"""What a hostile client may send: JSON texts to stand at any place of a good request, whole bodies, raw bytes."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tests.app.bad_requests import MARK
from tests.app.requests import Body
from tests.processes import ROOT

Place = tuple[str | int, ...]

_HOLE = "a hole for the hostile text"


def _good() -> dict[str, Body]:
    """One small good request an operation, with all its parts."""
    names = ("allocations", "comparisons", "frontiers", "closures", "verifications")
    files = ("five-accounts", "comparison", "frontier", "closures", "verification")
    made: dict[str, Body] = {
        f"/v1/{name}": json.loads((ROOT / f"app/static/examples/{file}.json").read_bytes())
        for name, file in zip(names, files, strict=True)
    }
    made["/v1/allocations"]["options"] = {"shock": {"law": "normal", "sigma": 0.1}, "detail": "full"}
    made["/v1/comparisons"] |= {"policies": [{"name": "queue", "score": "pnl"}]}
    made["/v1/frontiers"]["points"] = 2
    return made


GOOD = _good()
"""By path."""


def places(document: Any, at: Place = ()) -> Iterator[Place]:
    """Every value of a document, the first element of its lists, and a field nobody knows in each object."""
    if at:
        yield at
    if isinstance(document, dict):
        for name, value in document.items():
            yield from places(value, (*at, name))
        yield (*at, "unknown")
    elif isinstance(document, list) and document:
        yield from places(document[0], (*at, 0))


def spliced(document: Body, at: Place, raw: bytes) -> bytes:
    """The document as JSON with this text at that place."""
    made = copy.deepcopy(document)
    here: Any = made
    for part in at[:-1]:
        here = here[part]
    here[at[-1]] = _HOLE
    return json.dumps(made).encode().replace(json.dumps(_HOLE).encode(), raw)


def nested(depth: int, kind: str, *, closed: bool) -> bytes:
    """So many arrays, objects, or both in turn, in one another."""
    opening, closing = {"arrays": (b"[", b"]"), "objects": (b'{"a":', b"}"), "both": (b'[{"a":', b"}]")}[kind]
    count = depth // 2 if kind == "both" else depth
    return opening * count + (b"1" + closing * count if closed else b"")


def _nests(*depths: int) -> dict[str, bytes]:
    return {
        f"{depth} {kind}{'' if closed else ', cut off'}": nested(depth, kind, closed=closed)
        for depth in depths
        for kind in ("arrays", "objects", "both")
        for closed in (True, False)
    }


def small() -> dict[str, bytes]:
    """Texts of at most some thousand bytes; not all of them are JSON, and some are right at some places."""
    mark = MARK.encode()
    numbers = (
        b"-0", b"-0.0", b"1e400", b"-1e400", b"1e-400", b"1e999999999999999999999", b"0e99999999999", b"NaN",
        b"Infinity", b"-Infinity", b"01", b"+1", b".5", b"1.", b"0x10", b"1_000", b"1e", b"-", b"7" * 30, b"7" * 4_000,
        b"9223372036854775808", b"-9223372036854775809", b"18446744073709551616", b"5e-324", b"1.7976931348623157e308",
    )  # fmt: skip
    texts = (
        rb'"\ud800"', rb'"\udc00\ud800"', rb'"\ud83d\ude00"', rb'"a\u0000b"', b'"a\x00b"', b'"\xed\xa0\x80"', b'"\xff"',
        b'"\xc0\xaf"', b'"\xe2\x82"', rb'"\x"', rb'"\u12"', b"'single'", b'"no end', b'"line\nend"', b'""', b'" "',
        b'"1e999"', b'"' + mark + b'"', '"\u202e\u0661"'.encode(), b'"' + mark * 500 + b'"', b'"__class__"',
    )  # fmt: skip
    others = (
        b"true", b"false", b"null", b"{}", b"[]", b"[[]]", b"[{}]", b"[null]", b"undefined", b"/* */ 1", b"1 // c\n",
        b"[1,]", b'{"a":1,}', b"{,}", b"[,]", b"", b"1 2", b'{"a":1,"a":2}', rb'{"cash":1,"c\u0061sh":2}',
        b'{"' + mark * 500 + b'":1}', b'{"":1}', b'{"a/b~c":1}', b'{"id":[1],"cash":[],"pnl":{}}', b"1,", b"]", b"}",
    )  # fmt: skip
    return {repr(text)[2:26]: text for text in (*numbers, *texts, *others)} | _nests(10, 100, 190, 1_000)


def large() -> dict[str, bytes]:
    """Texts of megabytes."""
    million = 1_000_000

    def repeated(element: bytes, count: int = million) -> bytes:
        return b"[" + b",".join([element] * count) + b"]"

    keys = b"{" + b",".join(b'"k%d":1' % number for number in range(million)) + b"}"
    return _nests(100_000, million) | {
        "0.1 and a million digits": b"0.1" + b"3" * million,
        "an integer of a million digits": b"7" * million,
        "its negative": b"-" + b"7" * million,
        "a text of a million digits": b'"' + b"7" * million + b'"',
        "a text of two million bytes": b'"' + b"x" * 2 * million + b'"',
        "a text of escapes": b'"' + rb"\u0041" * million + b'"',
        "a million keys": keys,
        "a million keys that are no numbers": keys.replace(b":1", b":[]"),
        "a million empty lists": repeated(b"[]"),
        "three million lists in lists": repeated(b"[[]]", 3 * million),
        "a million empty objects": repeated(b"{}"),
        "a million nulls": repeated(b"null"),
        "a million empty texts": repeated(b'""'),
        "two million numbers": repeated(b"1", 2 * million),
        "the same id 200,000 times": repeated(b'{"id":"a","cash":1,"pnl":1}', 200_000),
        "a key twice, far apart": keys[:-1] + b',"k0":2}',
    }


def whole(good: Body) -> dict[str, bytes]:
    """Bodies that are no JSON object, or not in UTF-8."""
    text = json.dumps(good)
    raw = text.encode()
    found = {name: text.encode(name) for name in ("utf-16-le", "utf-16-be", "utf-32", "utf-32-le")}
    return found | {
        "a mark of UTF-8 before it": b"\xef\xbb\xbf" + raw,
        "a zero byte after it": raw + b"\0",
        "zero bytes": b"\0" * 1_000,
        "a comment before it": b"// all\n" + raw,
        "the same again on a line of its own": raw + b"\n" + raw,
        "only spaces": b" \n\t" * 1_000,
        "an opening": b"{",
        "rows mixed with columns": spliced(good, ("snapshot", "accounts"), b'[{"id":["a"],"cash":[1],"pnl":[1]}]'),
        "columns of rows": spliced(good, ("snapshot", "accounts"), b'{"id":[{"id":"a"}],"cash":[{}],"pnl":[[]]}'),
        "one column longer": spliced(good, ("snapshot", "accounts"), b'{"id":["a"],"cash":[1,2],"pnl":[1],"fees":[]}'),
        "merged prototypes": spliced(good, ("__proto__",), b'{"admin":true}'),
    }


_ODD: list[Any] = [None, True, 0, -1, 1e-300, 1e300, 2**63, "", "0", "-1", "1e30", [], {}, "a", MARK, 10**30, 0.1, 1e17]


@st.composite
def mutated(draw: Any) -> tuple[str, bytes]:
    """A path and a good request with up to four values dropped, doubled, swapped, copied elsewhere, or made odd."""
    path = draw(st.sampled_from(list(GOOD)))
    made = copy.deepcopy(GOOD[path])
    for _ in range(draw(st.integers(1, 4))):
        if not made:
            break
        spots = list(_holders(made))
        holder, key = draw(st.sampled_from(spots))
        other, there = draw(st.sampled_from(spots))
        match draw(st.sampled_from(["drop", "double", "swap", "copy", "odd", "odd"])):
            case "drop":
                del holder[key]
            case "double" if isinstance(holder, list):
                holder.insert(key, copy.deepcopy(holder[key]))
            case "swap":
                one, two = copy.deepcopy(holder[key]), copy.deepcopy(other[there])
                holder[key], other[there] = two, one
            case "copy":
                other[there] = copy.deepcopy(holder[key])
            case _:
                holder[key] = draw(st.sampled_from(_ODD))
    return path, json.dumps(made).encode()


def _holders(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every object or list with each of its keys or places, at any depth."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _holders(value[key])
