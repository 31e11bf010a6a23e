"""Tables as they are published, written cell by cell, and the request that comes of them."""

from collections.abc import Callable
from typing import Any

USERS = "user,adl_notional,closed_pnl,account_value_realtime,num_adl_events"
CLOSES = (
    "user,coin,time,adl_price,position_size,entry_price,account_value_realtime,"
    "total_unrealized_pnl,position_unrealized_pnl,liquidated_user"
)
FILLS = "user,coin,time,adl_price,adl_size,position_size,entry_price,account_value_realtime,liquidated_user"

Load = Callable[..., tuple[Any, list[str]]]


def table(header: str, *rows: str) -> str:
    return "".join(f"{line}\n" for line in (header, *rows))


def accounts(request: Any) -> Any:
    return request["snapshot"]["accounts"]


def close(user: str = "a", coin: str = "BTC", time: object = 1, size: object = -2, **cells: object) -> str:
    row = {"price": 10, "entry": 12, "cash": 5, "total": 7, "own": 4} | cells
    return ",".join(map(str, (user, coin, time, row["price"], size, *list(row.values())[1:], "z")))


def fill(
    user: str = "a", coin: str = "BTC", time: object = 1, size: object = 2, position: object = -2, **cells: object
) -> str:
    """A row of the detailed table with the size of the close: `size` contracts of a `position`."""
    row = {"price": 10, "entry": 12, "cash": 5} | cells
    return ",".join(map(str, (user, coin, time, row["price"], size, position, row["entry"], row["cash"], "z")))
