"""Instants as text: RFC 3339 in UTC, microseconds and ``Z``."""

from datetime import datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # UTC, spelled "Z" and not "+00:00"


def instant(microseconds: int) -> str:
    """Return an instant, in microseconds since 1970 (UTC), as text."""
    second, rest = divmod(microseconds, 1_000_000)
    return f"{_second(second)}.{rest:06}Z"


@lru_cache(4_096)
def _second(since_epoch: int) -> str:
    """Return a whole second as text; what is told together happened in few of them."""
    return (_EPOCH + timedelta(seconds=since_epoch)).isoformat()
