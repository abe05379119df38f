"""Streams as they stood: the events of a resource up to a position or a version.

The events that only say who joined and left are left out save the last one: they leave a group's
own attributes alone, and there may be thousands of them (ADR 0005).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, select

from domain.events import RecordedEvent
from domain.group import MEMBER_TOPICS
from projections.event_store import EventLog
from projections.tables import events


class PastStream(NamedTuple):
    """The events of a stream that say what it was, and the last of all."""

    events: Sequence[RecordedEvent[Any]]
    """Without those about members only, unless the last one is such."""
    position: int
    """Of the last event."""


def whole_stream(connection: Connection, log: EventLog, stream_id: str) -> list[RecordedEvent[Any]]:
    """Return every event of a stream, in the caller's snapshot."""
    rows = connection.execute(_WHOLE, {"stream": stream_id})
    return [log.decoded(stream_id, row.originator_version, row.topic, row.state) for row in rows]


def stream_at(
    connection: Connection, log: EventLog, realm: str, stream_id: str, position: int
) -> PastStream | None:
    """Return a stream right after a position, ``None`` when the realm did not have it yet."""
    return _past(connection, log, realm, stream_id, _UP_TO_POSITION, position)


def stream_in_version(
    connection: Connection, log: EventLog, realm: str, stream_id: str, version: int
) -> PastStream | None:
    """Return a stream in one of its versions, ``None`` when it never reached that one."""
    past = _past(connection, log, realm, stream_id, _UP_TO_VERSION, version)
    if past is None or past.events[-1].originator_version != version:
        return None
    return past


def _past(  # noqa: PLR0913, PLR0917  # the parts of one question
    connection: Connection,
    log: EventLog,
    realm: str,
    stream_id: str,
    limit: ColumnElement[bool],
    bound: int,
) -> PastStream | None:
    parameters = {"realm": realm, "stream": stream_id, "limit": bound}
    last = connection.execute(
        _STREAM.where(limit).order_by(events.c.originator_version.desc()).limit(1), parameters
    ).first()
    if last is None:
        return None
    own = connection.execute(
        _STREAM.where(limit, events.c.topic.not_in(MEMBER_TOPICS)).order_by(
            events.c.originator_version
        ),
        parameters,
    ).all()
    rows = [*own] if own and own[-1].position == last.position else [*own, last]
    decoded = [log.decoded(stream_id, row.originator_version, row.topic, row.state) for row in rows]
    return PastStream(decoded, last.position)


_STREAM = select(
    events.c.position, events.c.originator_version, events.c.topic, events.c.state
).where(events.c.realm == bindparam("realm"), events.c.originator_id == bindparam("stream"))
_WHOLE = (
    select(events.c.originator_version, events.c.topic, events.c.state)
    .where(events.c.originator_id == bindparam("stream"))
    .order_by(events.c.originator_version)
)
_UP_TO_POSITION = events.c.position <= bindparam("limit")
_UP_TO_VERSION = events.c.originator_version <= bindparam("limit")
