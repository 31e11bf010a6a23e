"""Small tables by hand, under the names that the real ones are published by, and an event from them."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from app.replay import policies, story
from app.replay.event import Event
from tests.processes import ROOT

EVENT = ROOT.parent / "shared/data/hyperliquid-2025-10-10"
real = pytest.mark.skipif(not EVENT.exists(), reason="the tables of 2025-10-10 are not on this machine")

TOTALS = "wave,t_start_ms,t_end_ms,deficit_usd,budget_needed_usd,budget_prod_usd"
METRICS = (
    "wave,budget_needed,budget_prod,max_pct_prod,total_cap,budget_pr,max_pct_pr,budget_contract_pr,max_pct_contract_pr"
)
GAPS = "wave,t_start_ms,t_end_ms,coin,gap_usd_x_qty,qty_contracts"
SHOCKS = "coin,cluster_id,deficit_usd,budget_queue_usd"
CLOSES = "user,coin,time,adl_notional,closed_pnl,account_value_realtime,liquidated_user"
USERS = "user,adl_notional,closed_pnl,account_value_realtime"

NAMES = {
    TOTALS: "two_pass_equity_delta_by_wave.csv",
    METRICS: "policy_per_wave_metrics.csv",
    GAPS: "two_pass_wave_coin_gap_per_contract.csv",
    SHOCKS: "per_shock_metrics_queue.csv",
    CLOSES: "adl_detailed_analysis_REALTIME.csv",
    USERS: "adl_by_user_REALTIME.csv",
}

WAVES = ("1,1000,2000,50,10.1,12.35", "2,9000,9000,50,20,15.5", "4,20000,26000,,,3", "5,40000,40000,7,0.2,0.2")
"""Over by 2.25, short by 4.5, nothing known to be needed, neither."""
TWO_WAVES = (
    "a,BTC,1000,100,8,2,z",
    "b,BTC,6000,60,4,1,z",
    "a,ETH,6000,10,-1,2,z",
    "c,BTC,11001,5,0.5,0.5,z",
    "d,BTC,11001,5,-3,9,z",
)
"""A pause of 5,000 ms is within a wave, one of 5,001 ms is not."""
TWO_NEEDS = ("1,1000,6000,BTC,3.3,1", "1,1000,6000,ETH,2.2,1", "2,11001,11001,BTC,2,1")
"""5.5 of 11, which a has 7 of and b 4; 2 where only 0.5 can be taken, of c."""


def write(folder: Path, header: str, *rows: str) -> Path:
    path = folder / NAMES[header]
    path.write_text("".join(f"{line}\n" for line in (header, *rows)))
    return path


def told(path: Path, names: Sequence[str] = policies.DEFAULT) -> Event:
    return story.of_tables(path, names, lambda *_: None)


def taken(event: Event, policy: str) -> dict[str, Decimal]:
    """What a policy takes of each account."""
    assert event.accounts is not None
    units = event.accounts.taken_units[policy].tolist()
    return {account: Decimal(amount) / 10**6 for account, amount in zip(event.accounts.ids, units, strict=True)}
