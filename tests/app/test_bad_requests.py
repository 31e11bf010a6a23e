"""Bad requests: each gets its code, names the field and the account, echoes nothing, and harms no later request."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from solvers.registry import POLICIES
from tests.books import AIMS

ALLOCATIONS, COMPARISONS, VERIFICATIONS = "/v1/allocations", "/v1/comparisons", "/v1/verifications"
HEADERS = {"content-type": "application/json"}
MARK = "marker7f3a"
HUGE = 10**400
ACCOUNTS = ("ann", "bob", "dee")
Body = dict[str, Any]

ROWS: list[Body] = [
    {
        "id": name,
        "cash": cash,
        "pnl": pnl,
        "notional": 40,
        "contracts": 10,
        "max_haircut": 1,
        "min_equity": 0,
        "fees": 0.5,
        "group": "mm",
        "maintenance_margin": 1.5,
        "entry_notional": 48,
        "bankruptcy_notional": 50,
        "price_ratio": 0.8,
        "score": 1,
        "exposure": [40, -2.5],
    }
    for name, cash, pnl in (("ann", 2, 8), ("bob", "1", 4), ("dee", 0, -6))
]
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}
NUMBERS = tuple(name for name in ROWS[0] if name not in ("id", "group", "exposure"))
AT_SCALE = {"precision": 0}


def body(accounts: Any = ROWS, **parts: Any) -> Body:
    return copy.deepcopy({"snapshot": {"accounts": accounts}, "policy": {"name": "capped-pro-rata"}} | parts)


def comparison(**parts: Any) -> Body:
    made = body(policies=[{"name": "queue"}], **parts)
    del made["policy"]
    return made


def verification(allocation: Any) -> Body:
    made = body(allocation=allocation)
    del made["policy"]
    return made


def text(value: Any) -> bytes:
    """As JSON, with Python's NaN and Infinity tokens where the value has them."""
    return json.dumps(value).encode()


def changed(request: Body, pointer: str, value: Any) -> Body:
    """A copy with the value at a JSON pointer replaced or added."""
    made = copy.deepcopy(request)
    *path, last = pointer.split("/")[1:]
    here: Any = made
    for part in path:
        here = here[int(part)] if isinstance(here, list) else here.setdefault(part, {})
    if isinstance(here, list):
        here[int(last)] = value
    else:
        here[last] = value
    return made


def without(request: Body, pointer: str) -> Body:
    made = copy.deepcopy(request)
    *path, last = pointer.split("/")[1:]
    here: Any = made
    for part in path:
        here = here[int(part)] if isinstance(here, list) else here[part]
    del here[last]
    return made


@dataclass(frozen=True)
class Bad:
    """One bad request; `pointer` and `account` are those of one of the errors in the answer."""

    what: str
    raw: bytes
    pointer: str
    account: str | None = None
    path: str = ALLOCATIONS
    status: int = 422
    code: str = "invalid-request"


def at(pointer: str, value: Any, account: str | None = None, *, what: str = "", base: Body | None = None) -> Bad:
    """A good request with this value at this place, which is the place the answer has to name."""
    named = f"{what or repr(value)[:24]} at {pointer}"
    return Bad(named, text(changed(base or body(), pointer, value)), pointer, account)


def in_verification(pointer: str, value: Any, account: str | None = None, *, what: str = "") -> Bad:
    base = verification([{"id": "ann", "seized": 4}, {"id": "bob", "seized": 2}])
    case = at(pointer, value, account, what=what, base=base)
    return Bad(f"verification: {case.what}", case.raw, pointer, account, VERIFICATIONS)


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


def wrong_fields() -> Iterator[Bad]:
    yield at("/colour", MARK)
    yield at("/snapshot/colour", MARK)
    yield at("/snapshot/accounts/1/colour", MARK, "bob")
    yield at("/snapshot/accounts/colour", [MARK] * 3, base=body(COLUMNS))
    yield at("/shortfall/colour", MARK)
    yield at("/options/colour", MARK)
    yield at("/policy/colour", MARK)
    for pointer in ("/snapshot", "/policy", "/snapshot/accounts", "/policy/name"):
        yield Bad(f"no {pointer}", text(without(body(), pointer)), pointer)
    for pointer in ("/snapshot", "/shortfall", "/options", "/policy"):
        yield at(pointer, MARK)
        yield at(pointer, [MARK])
        yield at(pointer, None)


def wrong_scalars() -> Iterator[Bad]:
    nan, inf = float("nan"), float("inf")
    wrong: dict[str, tuple[Any, ...]] = {
        "/snapshot/precision": (-1, 19, 2.5, 6.0, "6", True, None, nan, HUGE),
        "/snapshot/as_of": (MARK, 0, 1.5, "1768469400", "2026-01-15", "2026-01-15T09:30:00", True, [MARK]),
        "/snapshot/venue": (7, MARK * 13, [MARK]),
        "/snapshot/currency": ("", MARK * 2, None, 7),
        "/shortfall/severity": (-0.01, 1.01, "1.0000000000000000000001", MARK, True, None, nan, inf, HUGE),
        "/shortfall/deficit": (-1, "-0.000001", MARK),
        "/shortfall/largest": (-1, [MARK]),
        "/shortfall/insurance_fund": (-1, "-1", None, MARK),
        "/shortfall/needed": (-1, {MARK: 1}),
        "/options/numeraire": (MARK, None, 1),
        "/options/on_infeasible": (MARK, True),
        "/options/on_timeout": (MARK,),
        "/options/detail": (MARK,),
        "/options/time_limit": (0, -1, "1", True, nan, inf, MARK),
        "/options/shock": (MARK, 7, True, []),
        "/options/retention": (MARK, 0, True, []),
    }
    for pointer, values in wrong.items():
        for value in values:
            yield at(pointer, value)


def wrong_retentions() -> Iterator[Bad]:
    nan, inf = float("nan"), float("inf")
    here = "/options/retention"
    for curve in (MARK, 7, None):
        yield at(f"{here}/curve", curve)
    rates = (0, -1, "1", None, True, nan, inf, 1e61, MARK)
    wrong: list[tuple[Body, str, tuple[Any, ...]]] = [
        ({"curve": "exponential", "rate": 3}, "rate", rates),
        ({"curve": "exponential", "rate": 3}, "exponent", (2,)),
        ({"curve": "linear", "rate": 1}, "rate", (*rates, 1.01)),
        ({"curve": "power", "rate": 1, "exponent": 2}, "rate", (*rates, 1.01)),
        ({"curve": "power", "rate": 1, "exponent": 2}, "exponent", (1, 0, -1, "2", None, nan, inf, 101)),
    ]
    for curve, field, values in wrong:
        for value in values:
            yield at(f"{here}/{field}", value, base=body(options={"retention": curve}))
    for fees in (-1e-9, "-5"):
        retained = body(options={"retention": {"curve": "linear", "rate": 1}})
        yield at("/snapshot/accounts/1/fees", fees, "bob", base=retained)


def wrong_rules() -> Iterator[Bad]:
    here = "/shortfall/severity"
    for rule in (MARK, "Match", None, 1, ["match"]):
        yield at(f"{here}/rule", rule)
    unknown = text(body(shortfall={"severity": {"rule": "match", "share": MARK}}))
    yield Bad("a rule with a share", unknown, f"{here}/share")
    yield Bad("no rule", text(body(shortfall={"severity": {}})), f"{here}/rule")
    for severity in (["match"], "match"):
        yield at(here, severity)


def wrong_shocks() -> Iterator[Bad]:
    nan, inf = float("nan"), float("inf")
    here = "/options/shock"
    for law in (MARK, 7, None, [MARK], {MARK: 1}):
        yield at(f"{here}/law", law)
    yield Bad("a shock without a law", text(body(options={"shock": {"sigma": 1}})), f"{here}/law")
    normal, student = {"law": "normal", "sigma": 0.1}, {"law": "student-t", "df": 3, "scale": 0.1}
    scenarios = {"law": "scenarios", "moves": [[0.1, -0.2], [0.3, 0]]}
    scales = (0, -0.1, "0.1", None, True, [MARK], nan, inf, 1e61, HUGE, MARK)
    wrong: list[tuple[Body, str, tuple[Any, ...]]] = [
        (normal, "sigma", scales),
        (normal, "normal", (MARK,)),
        (student, "scale", scales),
        (student, "df", (1, 0.5, -3, "3", None, nan, inf, HUGE, MARK)),
        ({"law": "two-point", "size": 0.1}, "size", scales),
        ({"law": "two-point", "size": 0.1}, "sigma", (0.1,)),
        (scenarios, "moves", ([], MARK, None, {MARK: 1}, 7)),
        (scenarios, "moves/1", ([], MARK, None, 0.1, [0.1], [0.1, 0.2, 0.3])),
        (scenarios, "moves/1/0", (MARK, "0.1", None, True, [MARK], nan, inf, -1e61, HUGE)),
        (scenarios, "weights", ([], [1], [1, 2, 3], [0, 0], MARK)),
        (scenarios, "weights/1", (-1, "1", None, True, nan, inf, 1e61, HUGE)),
    ]
    for shock, field, values in wrong:
        weighted = shock | {"weights": [1, 2]} if field == "weights/1" else shock
        for value in values:
            yield at(
                f"{here}/{field}", value, base=body(options={"shock": weighted}), what=f"{shock['law']} {value!r:.24}"
            )
        missing = body(options={"shock": {name: part for name, part in shock.items() if name != field}})
        if field in shock:
            yield Bad(f"{shock['law']} without {field}", text(missing), f"{here}/{field}")
    bare = [{name: value for name, value in row.items() if name != "exposure"} for row in ROWS]
    where = "/snapshot/accounts"
    yield Bad(
        "scenarios without exposures", text(body(bare, options={"shock": scenarios})), f"{where}/1/exposure", "bob"
    )
    three = scenarios | {"moves": [[1, 2, 3]]}
    yield Bad("three factors", text(body(options={"shock": three})), f"{where}/0/exposure", "ann")
    yield Bad("three in columns", text(body(COLUMNS, options={"shock": three})), f"{where}/exposure/0", "ann")
    yield Bad("two exposures to one factor", text(body(options={"shock": normal})), f"{where}/1/exposure", "bob")
    optimal = {"name": "rap", "risk": "optimal"}
    yield Bad("rap optimal without a shock", text(body(policy=optimal)), here)


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


def wrong_policies() -> Iterator[Bad]:
    yield at("/policy/name", MARK)
    yield at("/policy/name", 7)
    wrong: dict[str, dict[str, tuple[Any, ...]]] = {
        "capped-pro-rata": {"threshold": (1,)},
        "queue": {"score": (MARK, 7, None, ["pnl"]), "exponent": (2,)},
        "rap": {
            "risk": (MARK, None),
            "exponent": (-1, 10.5, "2", True, float("nan"), HUGE),
            "threshold": (-0.1, MARK, float("inf")),
        },
    }
    for name, parameters in wrong.items():
        for parameter, values in parameters.items():
            for value in values:
                yield at(f"/policy/{parameter}", value, base=body(policy={"name": name}))


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


def wrong_comparisons() -> Iterator[Bad]:
    def bad(what: str, request: Body, pointer: str, account: str | None = None) -> Bad:
        return Bad(f"comparison: {what}", text(request), pointer, account, COMPARISONS)

    for value in ([], MARK, None, {"name": "queue"}):
        yield bad(f"policies {value!r}", comparison() | {"policies": value}, "/policies")
    yield bad("no policies", without(comparison(), "/policies"), "/policies")
    yield bad("a policy beside them", comparison() | {"policy": {"name": "queue"}}, "/policy")
    yield bad("a deficit", comparison(shortfall={"deficit": MARK}), "/shortfall/deficit")
    cash = "/snapshot/accounts/1/cash"
    yield bad("cash", changed(comparison(), cash, MARK), cash, "bob")


def wrong_verifications() -> Iterator[Bad]:
    def bad(what: str, allocation: Any, pointer: str, account: str | None = None) -> Bad:
        return Bad(f"verification: {what}", text(verification(allocation)), pointer, account, VERIFICATIONS)

    for value in ([], MARK, None, {"id": [], "seized": []}):
        yield bad(repr(value), value, "/allocation")
    yield bad("no columns", {}, "/allocation/seized")
    yield bad("unequal columns", {"id": ["ann", "bob"], "seized": [1]}, "/allocation/seized")
    yield bad("an id twice in columns", {"id": ["ann", "bob", "ann"], "seized": [1, 2, 3]}, "/allocation/id/2", "ann")
    yield bad("no seized in a row", [{"id": "ann"}], "/allocation/0/seized", "ann")
    for value in (MARK, None, float("nan"), True, "1e999"):
        yield in_verification("/allocation/1/seized", value, "bob")
    yield in_verification("/allocation/1/colour", MARK, "bob")
    yield in_verification("/allocation/1", MARK)
    absent = without(verification([]), "/allocation")
    yield Bad("verification: no allocation", text(absent), "/allocation", None, VERIFICATIONS)
    beside = body(allocation=[{"id": "ann", "seized": 6}])
    yield Bad("verification: a policy beside it", text(beside), "/policy", None, VERIFICATIONS)


CASES = [
    *broken_json(),
    *wrong_kinds(),
    *wrong_ids(),
    *wrong_tables(),
    *wrong_fields(),
    *wrong_scalars(),
    *wrong_retentions(),
    *wrong_rules(),
    *wrong_shocks(),
    *out_of_range(),
    *too_large(),
    *wrong_policies(),
    *needed_by_scores(),
    *wrong_comparisons(),
    *wrong_verifications(),
]


@pytest.fixture(scope="module")
def good(client: Any) -> bytes:
    """The answer to a good request, before anything bad was sent."""
    return answer_to_the_good(client)


def answer_to_the_good(client: Any) -> bytes:
    answer = client.post(ALLOCATIONS, content=text(body()), headers=HEADERS)
    assert answer.status_code == 200
    content: bytes = answer.content
    return content


def never(token: str) -> Any:
    raise AssertionError(f"{token} in an answer")


def refused(client: Any, path: str, raw: bytes, status: int, code: str) -> Body:
    """The problem document of a refused request, after what holds for all of them was checked."""
    answer = client.post(path, content=raw, headers=HEADERS)
    problem: Body = json.loads(answer.content, parse_constant=never)
    said = (answer.status_code, problem.get("status"), problem.get("code"))
    assert said == (status, status, code), answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]
    assert problem["type"].endswith(code)
    assert problem["title"]
    assert problem["detail"]
    assert MARK not in answer.text
    assert len(answer.content) < 8_000
    shown = problem.get("errors", [])
    assert len(shown) == min(problem.get("errors_total", 0), 20)
    assert all(set(error) == {"pointer", "detail", "account"} and error["detail"] for error in shown)
    return problem


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_a_bad_request_is_refused_by_name_and_the_next_good_one_works(client: Any, good: bytes, case: Bad) -> None:
    problem = refused(client, case.path, case.raw, case.status, case.code)
    named = [(error["pointer"], error["account"]) for error in problem["errors"]]
    assert (case.pointer, case.account) in named, problem
    assert answer_to_the_good(client) == good


def test_the_table_of_bad_requests_has_no_case_twice() -> None:
    assert len({(case.path, case.raw) for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
def test_all_faults_of_a_book_are_named_at_once(client: Any, columns: bool) -> None:
    here = "/snapshot/accounts"
    faults = [("cash", 0, MARK), ("pnl", 2, None), ("max_haircut", 1, "x"), ("group", 1, 7), ("exposure", 2, "y")]
    request, expected = body(COLUMNS if columns else ROWS), set()
    for name, i, value in faults:
        pointer = f"{here}/{name}/{i}" if columns else f"{here}/{i}/{name}"
        request = changed(request, pointer, value)
        expected.add((pointer, ACCOUNTS[i]))
    problem = refused(client, ALLOCATIONS, text(request), 422, "invalid-request")
    assert {(error["pointer"], error["account"]) for error in problem["errors"]} == expected
    assert problem["errors_total"] == len(faults)


def test_twenty_of_many_errors_are_shown_with_their_total(client: Any) -> None:
    rows = [{"id": f"a{i}", "cash": MARK, "pnl": 1} for i in range(500)]
    problem = refused(client, ALLOCATIONS, text(body(rows)), 422, "invalid-request")
    assert (len(problem["errors"]), problem["errors_total"]) == (20, 500)
    unknown = refused(client, ALLOCATIONS, text(body() | {f"x{i}": 1 for i in range(50)}), 422, "invalid-request")
    assert (len(unknown["errors"]), unknown["errors_total"]) == (20, 50)


def test_a_very_long_field_name_does_not_make_a_very_long_answer(client: Any) -> None:
    refused(client, ALLOCATIONS, text(body() | {"x" * 100_000: 1}), 422, "invalid-request")


@pytest.mark.parametrize(
    ("score", "name"),
    [
        ("binance", "maintenance_margin"),
        ("hyperliquid-observed", "entry_notional"),
        ("bitmex", "bankruptcy_notional"),
        ("hyperliquid-published", "price_ratio"),
        ("custom", "score"),
    ],
)
def test_an_account_that_cannot_be_haircut_may_lack_what_a_score_needs(client: Any, score: str, name: str) -> None:
    lacking = without(body(policy={"name": "queue", "score": score}), f"/snapshot/accounts/2/{name}")
    answer = client.post(ALLOCATIONS, content=text(lacking), headers=HEADERS)
    assert answer.status_code == 200, answer.text
    assert answer.json()["allocations"][2]["rank"] is None


def unexposed(accounts: Body) -> Body:
    """Without exposures, which are for two factors."""
    return {name: value for name, value in accounts.items() if name != "exposure"}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
@pytest.mark.parametrize(
    ("numeraire", "caps", "pro_rata"), [("pnl", [0.25, 1, 1], 3), ("equity", [0.25, 0.7, 1], 3.75)]
)
def test_a_budget_above_capacity_is_refused_with_the_severity_that_fits(
    client: Any, policy: str, columns: bool, numeraire: str, caps: list[float], pro_rata: float
) -> None:
    """Six can be taken of endowments 8 and 4, or 10 and 5; by pro-rata a quarter of all. The deficit is 7.7."""
    table = unexposed(COLUMNS) | {"max_haircut": caps}
    rows = [unexposed(row) | {"max_haircut": cap} for row, cap in zip(ROWS, caps, strict=True)]
    accounts: Any = table if columns else rows
    options = {"numeraire": numeraire, **AIMS}
    request = body(accounts, policy={"name": policy}, shortfall={"deficit": 7.7}, options=options)
    problem = refused(client, ALLOCATIONS, text(request), 409, "infeasible-budget")
    assert (problem["budget"], problem["reachable_capacity"]) == ("7.700000", "6.000000")
    most = pro_rata if policy == "pro-rata" else 6
    assert float(problem["shortage"]) == pytest.approx(7.7 - most, abs=2e-6)
    severity = problem["largest_feasible_severity"]
    assert severity == pytest.approx(most / 7.7, rel=1e-6)
    fitting = client.post(ALLOCATIONS, content=text(changed(request, "/shortfall/severity", severity)), headers=HEADERS)
    assert fitting.status_code == 200, fitting.text
    assert float(fitting.json()["budget"]) == pytest.approx(most, abs=2e-6)
    if policy == "pro-rata":
        named = [(error["pointer"], error["account"]) for error in problem["errors"]]
        assert ("/snapshot/accounts/id/0" if columns else "/snapshot/accounts/0", "ann") in named


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
def test_a_budget_without_winners_is_refused_and_nothing_can_be_taken(client: Any, policy: str, columns: bool) -> None:
    accounts: Any = (
        {"id": ["ann", "bob"], "cash": [0, 1], "pnl": [-8, -3]} if columns else list(map(unexposed, ROWS[2:]))
    )
    request = body(accounts, policy={"name": policy}, options=AIMS)
    problem = refused(client, ALLOCATIONS, text(request), 409, "infeasible-budget")
    assert (problem["reachable_capacity"], problem["largest_feasible_severity"]) == ("0.000000", 0)
    assert problem["shortage"] == problem["budget"] == ("10.000000" if columns else "6.000000")
    nothing = client.post(ALLOCATIONS, content=text(changed(request, "/shortfall/severity", 0)), headers=HEADERS)
    assert (nothing.status_code, nothing.json()["budget"]) == (200, "0.000000")


ENDS = {
    "the smallest severity": {"shortfall": {"severity": 5e-324}},
    "a severity below all doubles": {"shortfall": {"severity": "1e-999", "deficit": 5, "largest": 3}},
    "a whole power of the largest leverage": {"policy": {"name": "rap", "risk": "power", "exponent": 10}},
    "half a power of the largest leverage": {"policy": {"name": "rap", "risk": "power", "exponent": 2.5}},
    "the largest leverage": {"policy": {"name": "leverage-pro-rata"}},
    "the largest threshold": {"policy": {"name": "rap", "risk": "cvar", "threshold": 1.7e308}},
    "the most contracts": {"policy": {"name": "contracts-pro-rata"}},
    "the largest scores": {"policy": {"name": "queue", "score": "hyperliquid-observed"}},
    "the largest time limit": {"options": {"time_limit": 1.7e308}},
}


@pytest.mark.parametrize("size", [1.7e308, 5e-324, 0.0], ids=repr)
@pytest.mark.parametrize("end", ENDS)
def test_numbers_at_the_ends_of_the_range_do_not_break_the_service(client: Any, end: str, size: float) -> None:
    """Answered, or refused by name where that cannot be: never a failure of the service."""
    only_one = {"notional": 0, "contracts": 0}
    rows = [ROWS[0] | {"notional": size, "contracts": size}, ROWS[1] | only_one, ROWS[2] | {"pnl": -5}]
    answer = client.post(ALLOCATIONS, content=text(body(rows, **ENDS[end])), headers=HEADERS)
    json.loads(answer.content, parse_constant=never)
    assert answer.status_code in (200, 422), answer.text
