"""Settings, by environment (``ROLLBOOK_…``). A bad one is one clear line, not a traceback."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.source_address import TrustedProxies

LOOPBACK = "127.0.0.1"
_LAST_PORT = 65_535


class BadSetting(Exception):
    """A setting cannot be used; the message names the variable."""


class Settings(BaseSettings):
    """What an operator decides. Every field is read from ``ROLLBOOK_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="ROLLBOOK_", extra="ignore")

    database_url: str = "sqlite:///var/rollbook.db"
    public_url: str | None = None
    """The https address clients use, without a path; ``meta.location`` is built from it."""
    key_file: Path | None = None
    """Where the key of the credential hashes lies; beside an embedded database by default."""
    access_token_seconds: int = Field(3600, ge=60, le=86_400)
    """How long a token of the token endpoint lives (gallery rule: 60 minutes to 6 hours)."""
    max_body_bytes: int = Field(1_048_576, ge=1024)
    max_operations: int = Field(500, ge=1)
    """Operations a PATCH may hold."""
    max_page: int = Field(1_000, ge=1)
    max_members: int = Field(10_000, ge=1)
    """Members a request may name."""
    journal_days: int = Field(90, ge=0, le=36_500)
    """How long the journal of requests is kept; 0 keeps none."""
    log_level: str = "INFO"
    admin_listen: str | None = None
    """``[HOST:]PORT`` of ``/metrics`` and ``/status``, off the public port; nowhere by default."""
    trusted_proxies: str = ""
    """Comma-separated addresses whose X-Forwarded-For is believed; nobody's by default."""

    @field_validator("public_url")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError("must be an absolute address such as https://scim.example.com")
        return value.rstrip("/")

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: str) -> str:
        TrustedProxies(value)
        return value

    @field_validator("admin_listen")
    @classmethod
    def _place(cls, value: str | None) -> str | None:
        if not value:
            return None
        listen_address(value)
        return value

    @field_validator("log_level")
    @classmethod
    def _level(cls, value: str) -> str:
        if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value.upper()


def listen_address(text: str) -> tuple[str, int]:
    """Return the host and the port of ``[HOST:]PORT``; without a host, this machine alone.

    Raises:
        ValueError: it is not of that form.
    """
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):  # an address of IPv6
        host = host[1:-1]
    elif ":" in host or (colon and not host):
        port = ""
    if not (port.isascii() and port.isdigit() and int(port) <= _LAST_PORT):
        raise ValueError("must be PORT or HOST:PORT, such as 127.0.0.1:9464 or [::1]:9464")
    return host or LOOPBACK, int(port)


def read_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        BadSetting: one cannot be used; one line that names the variable.
    """
    try:
        return Settings()
    except ValidationError as error:
        found = error.errors()[0]
        name = f"ROLLBOOK_{str(found['loc'][0]).upper()}"
        message = str(found["msg"]).removeprefix("Value error, ")
        raise BadSetting(f"{name}={found['input']!r}: {message}") from None
