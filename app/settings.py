"""Every limit of the service, from ADL_* environment variables."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Limits. Sizes in bytes, times in seconds."""

    model_config = SettingsConfigDict(env_prefix="ADL_", frozen=True)

    max_body_bytes: int = Field(64 * 2**20, gt=0, description="Largest request body.")
    max_accounts: int = Field(1_000_000, gt=0, description="Most accounts in one snapshot.")
    max_policies: int = Field(64, gt=0, description="Most policies in one comparison.")
    time_limit: float = Field(30.0, gt=0, description="Longest time for one request, waiting included.")
    solver_threads: int = Field(2, gt=0, description="Requests worked on at once.")
    max_waiting: int = Field(64, ge=0, description="Requests that may wait for a thread; more are refused.")
