"""Instants as text: RFC 3339 in UTC, microseconds and ``Z``."""

from datetime import datetime, timedelta

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # UTC, spelled "Z" and not "+00:00"


def instant(microseconds: int) -> str:
    """Return an instant, in microseconds since 1970 (UTC), as text."""
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="microseconds") + "Z"
