"""Instants and positions: what "then" means (ADR 0015).

An instant is translated once into a position, the cut: the largest one below which every event was
recorded at the instant or before. Every question about the instant uses that cut, and the answer
names it.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, func, select

from domain.ports import Clock
from domain.refusals import InvalidValue
from projections.database import Database
from projections.tables import events

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST = 40


class Moment(NamedTuple):
    """An instant (microseconds since 1970) and its cut, a position of the log."""

    at: int
    position: int


def parse_instant(text: str, name: str, clock: Clock) -> int:
    """Return an instant in microseconds since 1970.

    Raises:
        InvalidValue: it is malformed, has no zone, or lies in the future; the detail calls it
            ``name``.
    """
    example = "2026-03-03T12:00:00Z"
    try:
        instant = datetime.fromisoformat(text if len(text) <= _LONGEST else "")
    except ValueError:
        raise InvalidValue(f"{name} is no instant; write it like {example}") from None
    if instant.tzinfo is None:
        raise InvalidValue(f"{name} has no time zone; write Z for UTC, like {example}")
    try:
        at = (instant - _EPOCH) // _MICROSECOND
    except OverflowError:
        raise InvalidValue(f"{name} is no instant; write it like {example}") from None
    if at > clock():
        raise InvalidValue(f"{name} lies in the future: nothing has happened there yet")
    return at


def moment_at(database: Database, at: int) -> Moment:
    """Return the cut of an instant.

    Raises:
        Unavailable: the database is busy or gone.
    """
    # What is not committed yet may have been recorded before the instant: below the safe head
    # nothing is still to come.
    head = database.safe_head()
    with database.reading() as connection:
        later = connection.scalar(_FIRST_LATER, {"at": at, "head": head})
    return Moment(at, head if later is None else later - 1)


_FIRST_LATER = select(func.min(events.c.position)).where(
    events.c.recorded_at > bindparam("at"), events.c.position <= bindparam("head")
)
