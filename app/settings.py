"""Every limit of the service, from ADL_* environment variables."""

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Limits. Sizes in bytes, times in seconds."""

    model_config = SettingsConfigDict(env_prefix="ADL_", frozen=True)

    max_body_bytes: int = Field(64 * 2**20, gt=0, description="Largest request body.")
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
    max_waiting: int = Field(64, ge=0, description="Requests that may wait for a thread; more are refused.")


def load() -> Settings:
    """The settings of the environment; a wrong one ends the process with the variable's name."""
    try:
        return Settings()
    except ValidationError as exc:
        faults = [f"ADL_{str(error['loc'][0]).upper()}: {error['msg']}" for error in exc.errors()]
        raise SystemExit("\n".join(faults)) from exc
