"""Bad requests whose fault is in the JSON or in the accounts."""

import json
from collections.abc import Iterator
from typing import Any

from tests.app.bad_requests import (
    COLUMNS,
    HUGE,
    MARK,
    NUMBERS,
    ROWS,
    Bad,
    at,
    body,
    changed,
    in_verification,
    text,
    verification,
    without,
)
from tests.app.requests import VERIFICATIONS

AT_SCALE = {"precision": 0}


def broken_json() -> Iterator[Bad]:
    good = text(body())
    doubled = b'"severity": 1, "severity": 0.5, "deficit": "' + MARK.encode() + b'"'
    yield Bad("an empty body", b"", "")
    yield Bad("truncated JSON", good[:-20], "")
    yield Bad("two documents", good + good, "")
    yield Bad("not JSON at all", MARK.encode(), "")
    yield Bad("a trailing comma", good[:-1] + b",}", "")
    yield Bad("a list", text([body(venue=MARK)]), "")
    yield Bad("a string", text(MARK), "")
    yield Bad("null", b"null", "")
    yield Bad("a number", b"7", "")
    yield Bad("NaN alone", b"NaN", "")
    yield Bad("100,000 open lists", b"[" * 100_000, "")
    yield Bad("100,000 lists in a field", good[:-1] + b', "options": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "")
    yield Bad("100,000 open objects", b'{"a":' * 100_000, "")
    yield Bad("a lone surrogate in an id", good.replace(b'"bob"', rb'"\ud83d"'), "")
    yield Bad("a lone surrogate in a key", good.replace(b'"fees"', rb'"\udc00"'), "")
    yield Bad("a surrogate in UTF-8", good.replace(b'"bob"', b'"\xed\xa0\x80"'), "")
    yield Bad("bytes that are not UTF-8", good.replace(b'"bob"', b'"\xff\xfe"'), "")
    yield Bad("UTF-16", json.dumps(body()).encode("utf-16"), "")
    yield Bad("a number of 5,000 digits", good.replace(b'"cash": 2', b'"cash": 1' + b"0" * 5_000), "")
    yield Bad("a key twice at the top", good[:-1] + b', "policy": {"name": "' + MARK.encode() + b'"}}', "")
    yield Bad("a key twice further down", good[:-1] + b', "shortfall": {' + doubled + b"}}", "")
    yield Bad("a key twice in a row", good.replace(b'"cash": 2', b'"cash": 2, "cash": 3', 1), "")
    yield Bad("a key twice, once escaped", good.replace(b'"cash": 2', rb'"cash": 2, "\u0063ash": 3', 1), "")
    columns = text(body(COLUMNS))
    yield Bad("a column twice", columns.replace(b'"pnl"', b'"pnl": [1, 1, -1], "pnl"', 1), "")


def wrong_kinds() -> Iterator[Bad]:
    columns = body(COLUMNS)
    for name in NUMBERS:
        yield at(f"/snapshot/accounts/1/{name}", MARK, "bob")
        yield at(f"/snapshot/accounts/{name}/2", MARK, "dee", base=columns)
        yield at(f"/snapshot/accounts/{name}", {MARK: [1, 2, 3]}, base=columns)
    for pointer, account, base in (
        ("/snapshot/accounts/0/pnl", "ann", body()),
        ("/snapshot/accounts/pnl/1", "bob", columns),
        ("/snapshot/accounts/2/score", "dee", body()),
        ("/shortfall/deficit", None, body()),
    ):
        for value in (True, [MARK], {MARK: 1}, float("nan"), float("inf"), float("-inf"), HUGE, -HUGE):
            yield at(pointer, value, account, base=base, what=repr(value)[:12])
        for string in ("1e999", "-1e999", "NaN", "Infinity", "inf", "", " 1", "1 ", ".5", "5.", "0x10", "1_000", "1,5"):
            yield at(pointer, string, account, base=base)
        yield at(pointer, "\u0661\u0662", account, base=base, what="Arabic digits")
        yield at(pointer, "1" * 65, account, base=base, what="65 digits")
        raw = text(changed(base, pointer, 424242)).replace(b"424242", b"1e400")
        yield Bad(f"1e400 at {pointer}", raw, pointer, account)
        yield Bad(f"-1e400 at {pointer}", raw.replace(b"1e400", b"-1e400"), pointer, account)
    yield at("/snapshot/accounts/0/cash", None, "ann")
    yield at("/snapshot/accounts/cash", None, base=columns)
    for value in (MARK, True, {MARK: 1}, [1, MARK], [[1]], [1, float("nan")], [None]):
        yield at("/snapshot/accounts/1/exposure", value, "bob")
    for value in (7, [MARK], {MARK: 1}, False):
        yield at("/snapshot/accounts/1/group", value, "bob")


def wrong_ids() -> Iterator[Bad]:
    for base, pointer in ((body(), "/snapshot/accounts/1/id"), (body(COLUMNS), "/snapshot/accounts/id/1")):
        for value in ("", MARK * 13, 5, True, None, [MARK], {MARK: 1}):
            yield at(pointer, value, base=base)
        yield at(pointer, "ann", "ann", base=base)
    for value in ("", MARK * 13, 5, None, [MARK], {MARK: 1}):
        yield in_verification("/allocation/1/id", value)
    yield in_verification("/allocation/1/id", "ann", "ann")


def wrong_tables() -> Iterator[Bad]:
    columns = body(COLUMNS)
    here = "/snapshot/accounts"
    for value in ([], MARK, None, 7, {"id": [], "cash": [], "pnl": []}):
        yield at(here, value)
    yield Bad("no columns", text(body({})), f"{here}/pnl")
    yield at(f"{here}/notional", [1, 2], base=columns)
    yield at(f"{here}/cash", [1, 2, 3, 4], base=columns)
    yield at(f"{here}/cash", MARK, base=columns)
    yield at(f"{here}/group", {"0": MARK}, base=columns)
    yield at(f"{here}/id", "ann", base=columns)
    yield at(f"{here}/1", [1, 2, MARK])
    yield at(f"{here}/1", MARK)
    yield at(f"{here}/2", None)
    for name, account in (("id", None), ("cash", "bob"), ("pnl", "bob")):
        yield Bad(f"no {name} in a row", text(without(body(), f"{here}/1/{name}")), f"{here}/1/{name}", account)
        yield Bad(f"no column {name}", text(without(columns, f"{here}/{name}")), f"{here}/{name}")


def out_of_range() -> Iterator[Bad]:
    columns = body(COLUMNS)
    wrong: dict[str, tuple[Any, ...]] = {
        "max_haircut": (-0.1, 1.1, "1.000001", 2, "-1e-9"),
        "min_equity": (-1, "-0.000001"),
        "notional": (-1, "-0.5"),
        "contracts": (-1,),
        "maintenance_margin": (-0.01,),
        "entry_notional": (-48,),
        "price_ratio": (-0.5,),
    }
    for name, values in wrong.items():
        for value in values:
            yield at(f"/snapshot/accounts/1/{name}", value, "bob")
        yield at(f"/snapshot/accounts/{name}/2", values[0], "dee", base=columns)
    beyond_doubles = "-1000000000e-400"
    for name in ("max_haircut", "notional", "contracts"):
        yield at(f"/snapshot/accounts/1/{name}", beyond_doubles, "bob", what="negative, and zero as a double")
    just_above = "1.0000000000000000000001"
    yield at("/snapshot/accounts/1/max_haircut", just_above, "bob", what="above 1, and 1 as a double")


def too_large() -> Iterator[Bad]:
    exact, columns = body(snapshot={"accounts": ROWS} | AT_SCALE), body(snapshot={"accounts": COLUMNS} | AT_SCALE)
    here = "/snapshot/accounts"
    limit, half = 2**63, 2**62
    for value in (limit, -limit, str(limit), 1e19, "1e19"):
        yield at(f"{here}/1/cash", value, "bob", base=exact)
    yield at(f"{here}/pnl/1", limit, "bob", base=columns)
    yield at(f"{here}/1/pnl", "9223372036854.775808", "bob")
    yield at(f"{here}/1/min_equity", limit, "bob", base=exact)
    yield at("/shortfall/deficit", limit, base=exact)
    yield at("/shortfall/insurance_fund", "9223372036854.775808")
    sum_of_gains = changed(changed(columns, f"{here}/pnl/0", half), f"{here}/pnl/1", half)
    yield Bad("gains of 2^63 units together", text(sum_of_gains), f"{here}/pnl")
    sum_of_losses = changed(columns, f"{here}/cash", [-half, 0, -half])
    yield Bad("losses of 2^63 units together", text(sum_of_losses), f"{here}/cash")
    equity = changed(changed(exact, f"{here}/1/cash", half), f"{here}/1/pnl", half)
    yield Bad("an equity of 2^63 units", text(equity), f"{here}/1/pnl", "bob")
    yield in_verification("/allocation/1/seized", "9223372036854.775808", "bob")
    yield in_verification("/allocation/0/seized", HUGE, "ann")
    both = verification({"id": ["ann", "bob"], "seized": ["5000000000000", "5000000000000"]})
    yield Bad("seized amounts of 2^63 units together", text(both), "/allocation/seized", None, VERIFICATIONS)


def needed_by_scores() -> Iterator[Bad]:
    needs = {
        "bitmex": ("entry_notional", "bankruptcy_notional"),
        "binance": ("maintenance_margin",),
        "aevo": ("maintenance_margin",),
        "hyperliquid-published": ("price_ratio",),
        "hyperliquid-observed": ("entry_notional",),
        "pnl-leverage": ("entry_notional",),
        "custom": ("score",),
    }
    divides = {"bitmex", "hyperliquid-observed", "pnl-leverage"}
    here = "/snapshot/accounts"
    for score, fields in needs.items():
        policy = {"name": "queue", "score": score}
        for name in fields:
            bare = [{key: value for key, value in row.items() if key != name} for row in ROWS]
            what = f"{score} without {name}"
            yield Bad(f"{what}", text(body(bare, policy=policy)), f"{here}/0/{name}", "ann")
            one = [bare[0] | {name: 1}, *bare[1:]]
            yield Bad(f"{what} of one winner", text(body(one, policy=policy)), f"{here}/1/{name}", "bob")
            columns = COLUMNS | {name: [1, None, None]}
            yield Bad(f"{what} in a column", text(body(columns, policy=policy)), f"{here}/{name}/1", "bob")
        if score in divides:
            zero = changed(body(policy=policy), f"{here}/1/entry_notional", 0)
            yield Bad(f"{score} with entry_notional zero", text(zero), f"{here}/1/entry_notional", "bob")
