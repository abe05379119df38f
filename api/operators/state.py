"""The state of a read model, as operators are told it: by the command line and over HTTP alike."""

from typing import Any

from domain.instants import instant
from replay.status import ModelStatus


def told(each: ModelStatus) -> dict[str, Any]:
    """Return the state of a read model as JSON has it."""
    moved_at = None if each.moved_at is None else instant(each.moved_at)
    return {
        **each._asdict(),
        "lag_seconds": round(each.lag_seconds, 3),
        "rate": round(each.rate, 3),
        "moved_at": moved_at,
        "healthy": each.healthy,
        "advice": each.advice,
    }
