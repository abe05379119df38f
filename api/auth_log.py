"""What the structured log says of refused credentials: who, from where, why; never a secret."""

import structlog

_SHOWN = 64


def log_refused(slug: str, client_id: str | None, address: str | None, reason: str) -> None:
    """Log that a request proved nothing, or not enough."""
    structlog.get_logger().warning("auth.refused", **_fields(slug, client_id, address, reason))


def log_throttled(slug: str, client_id: str | None, address: str | None, reason: str) -> None:
    """Log that credentials were not even looked at: too many failed before (ABUSE A3)."""
    structlog.get_logger().warning("auth.throttled", **_fields(slug, client_id, address, reason))


def _fields(
    slug: str, client_id: str | None, address: str | None, reason: str
) -> dict[str, str | None]:
    return {
        "realm": _shown(slug),
        "client_id": None if client_id is None else _shown(client_id),
        "source_address": address,
        "reason": reason,
    }


def _shown(text: str) -> str:
    """Return text of a stranger on one line of ASCII: nothing in it can forge an entry."""
    return ascii(text[:_SHOWN])[1:-1]
