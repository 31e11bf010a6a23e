"""Bad requests of contract space: each field at fault, in rows and in columns, and what only markets have wrong."""

from collections.abc import Iterator
from typing import Any

from tests.app.bad_requests import HUGE, MARK, Bad, changed, text, without
from tests.app.closures import CLOSURES, EXAMPLE, columnar, verification
from tests.app.requests import VERIFICATIONS, Body

NAN, INF = float("nan"), float("inf")
FILLS: list[Body] = [
    {"account": "ann", "market": "BTC", "quantity": 3, "price": 105},
    {"account": "cat", "market": "SOL", "quantity": -40, "price": 9.5},
]
COLUMNS = columnar(EXAMPLE)
MARKETS, ACCOUNTS, POSITIONS = "/snapshot/markets", "/snapshot/accounts", "/snapshot/positions"
LEFT = "/liquidations"


def at(pointer: str, value: Any, account: str | None = None, *, what: str = "", base: Body = EXAMPLE) -> Bad:
    """The worked example with this value at this place, which is the place the answer has to name."""
    named = f"closures: {what or repr(value)[:24]} at {pointer}"
    return Bad(named, text(changed(base, pointer, value)), pointer, account, CLOSURES)


def bad(what: str, request: Body, pointer: str, account: str | None = None) -> Bad:
    return Bad(f"closures: {what}", text(request), pointer, account, CLOSURES)


def wrong_numbers() -> Iterator[Bad]:
    """No number at all, in every numeric field of every table."""
    fields: tuple[tuple[str, str, str | None], ...] = (
        (f"{MARKETS}/1/mark_price", f"{MARKETS}/mark_price/1", None),
        (f"{MARKETS}/1/lot_size", f"{MARKETS}/lot_size/1", None),
        (f"{ACCOUNTS}/2/cash", f"{ACCOUNTS}/cash/2", "cat"),
        (f"{POSITIONS}/2/quantity", f"{POSITIONS}/quantity/2", "bob"),
        (f"{POSITIONS}/2/entry_price", f"{POSITIONS}/entry_price/2", "bob"),
        (f"{LEFT}/1/quantity", f"{LEFT}/quantity/1", "eve"),
        (f"{LEFT}/1/price", f"{LEFT}/price/1", "eve"),
    )
    for row, column, account in fields:
        for value in (MARK, NAN, INF, -INF, HUGE, True, [MARK], {MARK: 1}, "1e999", ""):
            yield at(row, value, account)
            yield at(column, value, account, base=COLUMNS)
    for row in (f"{MARKETS}/1/tick_size", f"{MARKETS}/1/maintenance_margin_rate"):
        for value in (MARK, NAN, [1]):
            yield at(row, value)
    for name in ("max_haircut", "min_equity", "fees", "score"):
        yield at(f"{ACCOUNTS}/3/{name}", MARK, "dan")
    for pointer in ("insurance_fund", "severity", "largest", "needed"):
        for value in (MARK, NAN, -1, True, HUGE):
            yield at(f"/shortfall/{pointer}", value)


def out_of_range() -> Iterator[Bad]:
    accounts = {MARKETS: None, POSITIONS: "ann", LEFT: "eve"}
    prices = ((MARKETS, "mark_price"), (MARKETS, "lot_size"), (POSITIONS, "entry_price"), (LEFT, "price"))
    for base, row in ((EXAMPLE, "{}/1/{}"), (COLUMNS, "{}/{}/1")):
        for table, name in prices:
            for value in (0, -1, "-1e-9"):
                yield at(row.format(table, name), value, accounts[table], base=base)
        for table in (POSITIONS, LEFT):
            yield at(row.format(table, "quantity"), 0, accounts[table], base=base)
        yield at(row.format(POSITIONS, "quantity"), "-7.5", "ann", base=base, what="off the lot grid")
        yield at(row.format(LEFT, "quantity"), "4.999999", "eve", base=base, what="off the lot grid")
        yield at(row.format(LEFT, "price"), 49.99, "eve", base=base, what="a gain of a bankrupt long")
    yield at(f"{LEFT}/2/price", 10.01, "fay", what="a gain of a bankrupt short")
    yield at(f"{MARKETS}/0/tick_size", 0)
    yield at(f"{MARKETS}/0/tick_size", -0.5)
    yield bad("mark off its tick", changed(EXAMPLE, f"{MARKETS}/0/tick_size", 3), f"{MARKETS}/0/mark_price")
    yield bad("price off its tick", changed(EXAMPLE, f"{MARKETS}/0/tick_size", 0.5), f"{LEFT}/0/price", "eve")
    yield at(f"{MARKETS}/0/maintenance_margin_rate", -0.01)
    yield at(f"{MARKETS}/0/lot_size", "1." + "1" * 31, what="32 digits")
    yield at(f"{ACCOUNTS}/1/max_haircut", 1.1, "bob")
    yield at(f"{ACCOUNTS}/1/min_equity", -1, "bob")
    yield at(f"{POSITIONS}/0/quantity", "1e-61", "ann")
    yield at(f"{POSITIONS}/0/quantity", -(2**53), "ann", what="2^53 lots")
    yield at(f"{POSITIONS}/0/entry_price", "1e61", "ann")
    yield at(f"{MARKETS}/0/mark_price", "1e61")
    yield at("/shortfall/severity", 1.01)
    yield at("/shortfall/severity", {"rule": "match"})


def too_large() -> Iterator[Bad]:
    rich = changed(EXAMPLE, f"{POSITIONS}/0/entry_price", 4e12)
    yield bad("a profit of 2^63 units", rich, f"{ACCOUNTS}/0/cash", "ann")
    far = changed(EXAMPLE, f"{LEFT}/0/price", 4e12)
    yield bad("a need of 2^63 units", far, f"{LEFT}")
    yield at(f"{ACCOUNTS}/0/cash", "9223372036854.775808", "ann")
    huge = {
        "snapshot": {
            "markets": [{"symbol": "up", "mark_price": "9e59", "lot_size": 1}],
            "accounts": [{"id": "ann", "cash": 1}],
            "positions": [{"account": "ann", "market": "up", "quantity": 5, "entry_price": "9e59"}],
        },
        "liquidations": [{"market": "up", "quantity": -1, "price": "9e59"}],
        "policy": {"name": "lexicographic"},
    }
    yield bad("a notional above 1e60", huge, f"{ACCOUNTS}/0", "ann")
    isolated = huge | {"options": {"margin": "isolated"}}
    yield bad("a notional above 1e60, isolated", isolated, f"{POSITIONS}/0", "ann")


def wrong_names() -> Iterator[Bad]:
    for base, row in ((EXAMPLE, "{0}/1/{1}"), (COLUMNS, "{0}/{1}/1")):
        yield at(row.format(POSITIONS, "account"), "zed", "zed", base=base, what="an unknown account")
        yield at(row.format(POSITIONS, "market"), MARK, "ann", base=base, what="an unknown market")
        yield at(row.format(LEFT, "market"), MARK, "eve", base=base, what="an unknown market")
        yield at(row.format(MARKETS, "symbol"), "BTC", base=base, what="a symbol twice")
        yield at(row.format(ACCOUNTS, "id"), "ann", "ann", base=base, what="an account twice")
        yield at(row.format(POSITIONS, "market"), "BTC", "ann", base=base, what="a position twice")
        for value in ("", MARK * 13, 5, True, None, [MARK], {MARK: 1}):
            yield at(row.format(MARKETS, "symbol"), value, base=base)
            yield at(row.format(ACCOUNTS, "id"), value, base=base)
            yield at(row.format(POSITIONS, "account"), value, base=base)
            yield at(row.format(POSITIONS, "market"), value, "ann", base=base)
            yield at(row.format(LEFT, "market"), value, "eve", base=base)
        for value in ("", MARK * 13, 5, [MARK]):
            yield at(row.format(LEFT, "account"), value, base=base)
        strange = changed(base, row.format(LEFT, "account"), "fay")
        yield bad(f"{row}: a side the account does not hold", strange, row.format(LEFT, "quantity"), "fay")
    yield at(f"{LEFT}/0/quantity", -3, "eve", what="the other side")
    yield at(f"{LEFT}/0/quantity", 4, "eve", what="more than was held")
    twice = changed(EXAMPLE, f"{LEFT}/1", EXAMPLE["liquidations"][0])
    yield bad("all of it twice", twice, f"{LEFT}/1/quantity", "eve")
    nobody = changed(EXAMPLE, f"{LEFT}/2", {"market": "SOL", "quantity": -40})
    yield bad("no price and no account", nobody, f"{LEFT}/2/price")
    stranger = changed(EXAMPLE, f"{LEFT}/2/account", "zed")
    yield bad("no price of a stranger", stranger, f"{LEFT}/2/price", "zed")
    solvent = changed(EXAMPLE, f"{ACCOUNTS}/5/cash", 1000)
    yield bad("no price of a solvent account", solvent, f"{LEFT}/2/price", "fay")


def wrong_tables() -> Iterator[Bad]:
    tables = {
        MARKETS: ("symbol", "mark_price"),
        ACCOUNTS: ("id", "cash"),
        POSITIONS: ("account", "market", "quantity", "entry_price"),
        LEFT: ("market", "quantity"),
    }
    row_accounts = {MARKETS: None, ACCOUNTS: "bob", POSITIONS: "ann", LEFT: "eve"}
    for here, required in tables.items():
        for value in ([], MARK, None, 7, {name: [] for name in required}):
            yield at(here, value)
        yield bad(f"no {here}", without(EXAMPLE, here), here)
        yield at(f"{here}/1", MARK)
        yield at(f"{here}/1", [1, MARK])
        account = row_accounts[here]
        yield at(f"{here}/1/colour", MARK, account)
        yield at(f"{here}/colour", [MARK] * 3, base=COLUMNS)
        for name in required:
            lacking = None if name in ("id", "account") else account
            yield bad(f"no {name} in {here}", without(EXAMPLE, f"{here}/1/{name}"), f"{here}/1/{name}", lacking)
            yield bad(f"no column {name} in {here}", without(COLUMNS, f"{here}/{name}"), f"{here}/{name}")
        yield at(f"{here}/{required[1]}", [1], base=COLUMNS, what="a short column")
        yield at(f"{here}/{required[1]}", MARK, base=COLUMNS)


def wrong_fields() -> Iterator[Bad]:
    for pointer in ("/colour", "/snapshot/colour", "/shortfall/colour", "/options/colour", "/policy/colour"):
        yield at(pointer, MARK)
    yield at("/shortfall/deficit", 5, what="the deficit follows")
    for name in ("pnl", "notional"):
        yield at(f"{ACCOUNTS}/0/{name}", 5, "ann", what="it follows")
    yield bad("no policy", without(EXAMPLE, "/policy"), "/policy")
    for value in (MARK, [MARK], None):
        for pointer in ("/snapshot", "/shortfall", "/options", "/policy"):
            yield at(pointer, value)
    for name in (MARK, "capped-pro-rata", 7, None):
        yield at("/policy/name", name)
    for parameter, value in (("score", MARK), ("score", None), ("partial_close", 1), ("partial_close", MARK)):
        yield at(f"/policy/{parameter}", value, base=EXAMPLE | {"policy": {"name": "queue"}})
    yield at("/policy/score", "pnl")
    for option, values in {
        "margin": (MARK, None, 1),
        "integer": (MARK, True),
        "numeraire": (MARK, None),
        "on_infeasible": (MARK,),
        "on_timeout": (MARK,),
        "detail": (MARK,),
        "time_limit": (0, "1", NAN),
        "shock": (MARK, {"law": MARK}),
        "retention": (MARK,),
    }.items():
        for value in values:
            where = f"/options/{option}" + ("/law" if isinstance(value, dict) else "")
            yield bad(f"{option} {value!r:.20}", changed(EXAMPLE, f"/options/{option}", value), where)
    for value in (19, -1, "6"):
        yield at("/snapshot/precision", value)
    yield at("/snapshot/as_of", MARK)


def wrong_together() -> Iterator[Bad]:
    """Sound fields that do not go together."""
    isolated = EXAMPLE | {"options": {"margin": "isolated"}}
    yield bad(
        "isolated with min_equity", changed(isolated, f"{ACCOUNTS}/1/min_equity", 1), f"{ACCOUNTS}/1/min_equity", "bob"
    )
    yield bad("isolated with equity", changed(isolated, "/options/numeraire", "equity"), "/options/numeraire")
    shocked = changed(isolated, "/options/shock", {"law": "normal", "sigma": 0.1})
    yield bad("isolated with a shock", shocked, "/options/margin")
    kept = changed(isolated, "/options/retention", {"curve": "linear", "rate": 0.5})
    yield bad("isolated with a retention", kept, "/options/margin")
    for policy in ({"name": "queue"}, {"name": "contracts-pro-rata"}):
        exact = EXAMPLE | {"policy": policy, "options": {"integer": "exact"}}
        yield bad(f"exact with {policy['name']}", exact, "/options/integer")
    custom = EXAMPLE | {"policy": {"name": "queue", "score": "custom"}}
    yield bad("custom without scores", custom, f"{ACCOUNTS}/0/score", "ann")
    yield bad("custom with one score", changed(custom, f"{ACCOUNTS}/0/score", 5), f"{ACCOUNTS}/1/score", "bob")
    columns = columnar(changed(custom, f"{ACCOUNTS}/0/score", 5))
    yield bad("custom with one score in columns", columns, f"{ACCOUNTS}/score/1", "bob")
    scenarios = {"law": "scenarios", "moves": [[0.1, -0.2]]}
    shocked = EXAMPLE | {"options": {"shock": scenarios}}
    yield bad("no exposures", shocked, "/options/shock/moves")
    yield bad("one exposure", changed(shocked, f"{ACCOUNTS}/1/exposure", [5, 5]), f"{ACCOUNTS}/0/exposure", "ann")
    fees = changed(EXAMPLE, "/options/retention", {"curve": "linear", "rate": 0.5})
    yield bad("negative fees kept", changed(fees, f"{ACCOUNTS}/2/fees", -1), f"{ACCOUNTS}/2/fees", "cat")


def wrong_verifications() -> Iterator[Bad]:
    good = verification(EXAMPLE, FILLS)
    columns = verification(EXAMPLE, {name: [row[name] for row in FILLS] for name in FILLS[0]})

    def wrong(pointer: str, value: Any, account: str | None = None, base: Body = good) -> Bad:
        named = f"made: {value!r:.24} at {pointer}"
        return Bad(named, text(changed(base, pointer, value)), pointer, account, VERIFICATIONS)

    for value in (MARK, NAN, INF, HUGE, None, True):
        yield wrong("/closures/1/quantity", value, "cat")
        yield wrong("/closures/price/0", value, "ann", columns)
    yield wrong("/closures/1/quantity", 0, "cat")
    for value in ("", 5, None, [MARK]):
        yield wrong("/closures/1/account", value)
        yield wrong("/closures/1/market", value, "cat")
    for value in ([], MARK, None, {"account": [], "market": [], "quantity": [], "price": []}):
        yield wrong("/closures", value)
    yield wrong("/closures/1/colour", MARK, "cat")
    yield wrong("/closures/price", [1], None, columns)
    yield wrong("/score", MARK)
    yield wrong("/policy", {"name": "lexicographic"})
    yield wrong(f"{POSITIONS}/0/market", MARK, "ann")
    yield Bad("made: no closures", text(without(good, "/closures")), "/closures", None, VERIFICATIONS)
    yield Bad("made: no liquidations", text(without(good, LEFT)), LEFT, None, VERIFICATIONS)
    beyond = changed(good, "/closures/0/price", 4e12)
    yield Bad("made: a cost of 2^63 units", text(beyond), "/closures/0/price", "ann", VERIFICATIONS)
