"""Every limit of the service, from ADL_* environment variables."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.store.database import engine_of


def _known(url: str) -> str:
    engine = engine_of(url)
    engine.dispose()
    folder = Path(str(engine.url.database)).parent
    if engine.dialect.name == "sqlite":
        with suppress(PermissionError):  # which the store will tell
            if not folder.is_dir():
                raise ValueError(f"there is no folder {folder} for the database")
    return url


class Settings(BaseSettings):
    """Limits. Sizes in bytes, times in seconds."""

    model_config = SettingsConfigDict(env_prefix="ADL_", frozen=True)

    max_body_bytes: int = Field(64 * 2**20, gt=0, description="Largest request body.")
    body_seconds: float = Field(
        10.0,
        gt=0,
        allow_inf_nan=False,
        description="Longest time for a body to come, and a second more for each 100 kB of it.",
    )
    max_accounts: int = Field(1_000_000, gt=0, description="Most accounts in one snapshot.")
    max_positions: int = Field(3_000_000, gt=0, description="Most positions, liquidations or closures in one request.")
    max_markets: int = Field(10_000, gt=0, description="Most markets in one snapshot.")
    max_scenario_losses: int = Field(
        200_000_000,
        gt=0,
        description=(
            "Most accounts times scenarios (at least 16) times factors of a shock; of closures positions times "
            "scenarios."
        ),
    )
    max_policies: int = Field(64, gt=0, description="Most policies in one comparison.")
    max_points: int = Field(100, gt=1, description="Most points of one frontier.")
    time_limit: float = Field(
        30.0, gt=0, allow_inf_nan=False, description="Longest time for one request, waiting included."
    )
    solver_threads: int = Field(2, gt=0, description="Requests worked on at once.")
    solver_processes: int = Field(
        2, ge=0, description="Processes for heavy solves, which are killed at their time limit; 0: none are heavy."
    )
    max_waiting: int = Field(64, ge=0, description="Requests that may wait for a thread or process; more are refused.")
    rate_per_second: float = Field(
        1000.0, gt=0, allow_inf_nan=False, description="Requests of one caller a second, in each worker."
    )
    max_snapshot_age: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Seconds by which `as_of` may differ from now; a snapshot without one is refused then. Unset: any.",
    )
    database_url: Annotated[str, AfterValidator(_known)] = Field(
        "sqlite:///adl.db", description="The store: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE."
    )
    on_store_failure: Literal["refuse", "answer"] = Field(
        "refuse",
        description='When an answer cannot be recorded: refuse it with 503, or answer with `"recorded": false`.',
    )
    retention_days: float | None = Field(
        None,
        gt=0,
        le=36_500,
        allow_inf_nan=False,
        description="Days an answer is kept after it was last given. Unset: for ever.",
    )
    max_stored_bytes: int = Field(
        20 * 2**30,
        gt=0,
        lt=2**62,
        description="Most bytes of records kept, compressed; the longest ago answered go first.",
    )
    require_keys: bool | None = Field(
        None,
        description="Whether requests need an API key. Unset: those that do not come over loopback, or by a proxy.",
    )
    drain_seconds: float = Field(
        1.0,
        ge=0,
        allow_inf_nan=False,
        description="After a termination signal, how long requests are still taken while `/readyz` already fails.",
    )
    graceful_seconds: float = Field(
        30.0, gt=0, allow_inf_nan=False, description="How long requests under way may go on after that."
    )


def load() -> Settings:
    """The settings of the environment; a wrong one ends the process with the variable's name."""
    try:
        return Settings()
    except ValidationError as exc:
        faults = [f"ADL_{str(error['loc'][0]).upper()}: {error['msg']}" for error in exc.errors()]
        raise SystemExit("\n".join(faults)) from exc
