"""Streams as they stood: the events of a resource up to a position or a version.

The events that only say who joined and left are left out save the last one: they leave a group's
own attributes alone, and there may be thousands of them (ADR 0005).
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, select

from domain.events import RecordedEvent
from domain.group import MEMBER_TOPICS
from projections.event_store import EventLog
from projections.generations import Positioned
from projections.recorder import STREAM
from projections.tables import events, streams

_ROWS_AT_A_TIME = 500


class PastStream(NamedTuple):
    """The events of a stream that say what it was, and the last of all."""

    events: Sequence[RecordedEvent[Any]]
    """Without those about members only, unless the last one is such."""
    position: int
    """Of the last event."""


class StreamEnd(NamedTuple):
    """A stream, living or ended: its version now, and the position of its last event."""

    id: str
    version: int
    position: int


def streams_after(
    connection: Connection, realm: str, kind: str, after: str, limit: int
) -> list[StreamEnd]:
    """Return the streams of a kind whose ids lie after one (``""``: all), by id."""
    bound = {"realm": realm, "type": kind, "after": after, "limit": limit}
    return [StreamEnd(*row) for row in connection.execute(_STREAMS_AFTER, bound)]


def count_streams(connection: Connection, realm: str, kind: str) -> int:
    """Return how many streams of a kind a realm ever had."""
    return int(connection.scalar(_COUNT_STREAMS, {"realm": realm, "type": kind}) or 0)


def events_at(
    connection: Connection, log: EventLog, ids: Sequence[str], position: int, *, thin: bool
) -> Iterator[Positioned]:
    """Yield the events of streams up to a position: each stream's in order, a few at a time.

    ``thin``: they may hold events about members alone, of which the last one of a stream is enough;
    it then comes after all others.
    """
    bound = {"ids": list(ids), "limit": position}
    for statement in (_OWN_AT, _LAST_ABOUT_MEMBERS) if thin else (_ALL_AT,):
        found = connection.execute(
            statement, bound, execution_options={"yield_per": _ROWS_AT_A_TIME}
        )
        for at, id_, version, topic, state in found:
            yield Positioned(at, log.decoded(id_, version, topic, state))


def whole_stream(connection: Connection, log: EventLog, stream_id: str) -> list[RecordedEvent[Any]]:
    """Return every event of a stream, in the caller's snapshot."""
    rows = connection.execute(STREAM, {"stream": stream_id})
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
_UP_TO_POSITION = events.c.position <= bindparam("limit")
_UP_TO_VERSION = events.c.originator_version <= bindparam("limit")
_STREAMS_AFTER = (
    select(streams.c.id, streams.c.version, events.c.position)
    .join(
        events,
        and_(
            events.c.originator_id == streams.c.id,
            events.c.originator_version == streams.c.version,
        ),
    )
    .where(
        streams.c.realm == bindparam("realm"),
        streams.c.type == bindparam("type"),
        streams.c.id > bindparam("after"),
    )
    .order_by(streams.c.id)
    .limit(bindparam("limit"))
)
_COUNT_STREAMS = (
    select(func.count())
    .select_from(streams)
    .where(streams.c.realm == bindparam("realm"), streams.c.type == bindparam("type"))
)
_OF_MANY = (
    select(
        events.c.position,
        events.c.originator_id,
        events.c.originator_version,
        events.c.topic,
        events.c.state,
    )
    .where(events.c.originator_id.in_(bindparam("ids", expanding=True)))
    .order_by(events.c.originator_id, events.c.originator_version)
)
_ALL_AT = _OF_MANY.where(_UP_TO_POSITION)
_OWN_AT = _ALL_AT.where(events.c.topic.not_in(MEMBER_TOPICS))
_LAST = (
    select(events.c.originator_id, func.max(events.c.originator_version).label("version"))
    .where(events.c.originator_id.in_(bindparam("ids", expanding=True)), _UP_TO_POSITION)
    .group_by(events.c.originator_id)
    .subquery()
)
_LAST_ABOUT_MEMBERS = _OF_MANY.join(
    _LAST,
    and_(
        events.c.originator_id == _LAST.c.originator_id,
        events.c.originator_version == _LAST.c.version,
    ),
).where(events.c.topic.in_(MEMBER_TOPICS))
"""The realm is not asked for: the ids are those of its streams, and no index has both."""
