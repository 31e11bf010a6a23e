"""Bad requests whose fault is beside the accounts: fields, options, policies and allocations."""

from collections.abc import Iterator
from typing import Any

from tests.app.bad_requests import (
    COLUMNS,
    HUGE,
    MARK,
    ROWS,
    Bad,
    at,
    body,
    changed,
    comparison,
    in_verification,
    text,
    verification,
    without,
)
from tests.app.requests import COMPARISONS, VERIFICATIONS, Body


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
        "/snapshot/as_of": (
            MARK,
            0,
            1.5,
            "1768469400",
            "2026-01-15",
            "2026-01-15T09:30:00",
            True,
            [MARK],
            "9999-12-31T23:59:59-02:00",
        ),
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
    rates = (0, -1, "1", None, True, nan, inf, 1e61, 9e-61, 1e-300, MARK)
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
    scales = (0, -0.1, "0.1", None, True, [MARK], nan, inf, 1e61, 9e-61, 1e-300, HUGE, MARK)
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
    blend = body(policy={"name": "blend", "weights": {"fairness": 1}})
    for aim in ("fairness", "robustness", "revenue"):
        for value in (-1, "1", None, float("inf"), 1e61, 1e307, 9e-61, 1e-300):
            yield at(f"/policy/weights/{aim}", value, base=blend)


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
