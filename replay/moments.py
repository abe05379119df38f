"""Instants and positions: what "then" means (ADR 0015).

An instant is translated once into a position, the cut: the largest one below which every event was
recorded at the instant or before. Every question about the instant uses that cut, and the answer
names it.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, func, select

from domain.refusals import InvalidValue
from projections.database import Database, LogSnapshot
from projections.prepared import Prepared
from projections.tables import events

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST = 40
OVERLAPPING_EVENTS = 1_000
"""Events of transactions that overlap one of a clock that ran ahead, at most."""


class Moment(NamedTuple):
    """An instant (microseconds since 1970) and its cut, a position of the log."""

    at: int
    position: int


def parse_instant(text: str, name: str, has_happened: Callable[[int], bool]) -> int:
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
    if not has_happened(at):
        raise InvalidValue(f"{name} lies in the future: nothing has happened there yet")
    return at


def moment_at(database: Database, at: int) -> Moment:
    """Return an instant and its cut.

    Raises:
        Unavailable: the database is busy or gone.
    """
    with database.reading_log() as snapshot:
        return Moment(at, cut_at(snapshot, at))


def cut_at(snapshot: LogSnapshot, at: int) -> int:
    """Return the cut of an instant.

    What is not committed yet may have been recorded before it: below the safe head nothing is still
    to come.
    """
    later = _first_later(snapshot, at)
    return snapshot.head if later is None else later - 1


def _first_later(snapshot: LogSnapshot, at: int) -> int | None:
    """Return the lowest position up to the head that was recorded after an instant.

    It is that of the earliest later instant, or of a transaction that overlapped it: one recorded
    soon after, or, where its clock ran ahead, one not far below. All there is above would have to
    be looked through for anything else.
    """
    connection, head, overlap = snapshot
    bound = {"at": at, "head": head}
    earliest = _EARLIEST_LATER.first(connection, bound)
    if earliest is None:
        return None
    first: int
    first, recorded_at = earliest
    if overlap:
        soon = {**bound, "until": recorded_at + overlap}
        first = connection.scalar(_SOON_LATER, soon) or first
        below = {**bound, "first": first, "above": first - OVERLAPPING_EVENTS}
        first = connection.scalar(_BELOW, below) or first
    return first


_LATER = (events.c.recorded_at > bindparam("at"), events.c.position <= bindparam("head"))
_EARLIEST_LATER = Prepared(
    select(events.c.position, events.c.recorded_at)
    .where(*_LATER)
    .order_by(events.c.recorded_at, events.c.position)
    .limit(1)
)
_LOWEST = select(func.min(events.c.position))
_SOON_LATER = _LOWEST.where(*_LATER, events.c.recorded_at <= bindparam("until"))
_BELOW = _LOWEST.where(
    *_LATER, events.c.position < bindparam("first"), events.c.position > bindparam("above")
)
