"""Whether a database holds a whole log: what a copy must pass before anybody relies on it."""

from typing import NamedTuple

from sqlalchemy import Connection, and_, exc, func, inspect, or_, select

from projections.backup import NotCopied
from projections.migration import WrongSchema, present_revision, refuse_newer
from projections.tables import events, key_checks, streams


class Contents(NamedTuple):
    """What a sound database holds."""

    revision: str
    events: int
    last_position: int


_TABLES = frozenset({events.name, streams.name, key_checks.name})
_COUNTS = select(func.count(), func.coalesce(func.max(events.c.position), 0)).select_from(events)
_PROMISED = select(func.coalesce(func.sum(streams.c.version), 0))
_HEADS_WITHOUT_THEIR_EVENT = (
    select(streams.c.id)
    .outerjoin(
        events,
        and_(
            events.c.originator_id == streams.c.id,
            events.c.originator_version == streams.c.version,
            events.c.realm == streams.c.realm,
            events.c.recorded_at == streams.c.recorded_at,
            events.c.correlation_id == streams.c.correlation_id,
        ),
    )
    .where(events.c.position.is_(None))
    .limit(1)
)
_EVENTS_BEYOND_THEIR_HEAD = (
    select(events.c.originator_id)
    .outerjoin(
        streams,
        and_(streams.c.realm == events.c.realm, streams.c.id == events.c.originator_id),
    )
    .where(or_(streams.c.id.is_(None), events.c.originator_version > streams.c.version))
    .limit(1)
)


def check_log(connection: Connection, name: str) -> Contents:
    """Check that every event the heads tell of is there, up to the newest.

    On any engine. The connection must see one snapshot; ``name`` is how the message calls the
    database, which may be of an older release.

    Raises:
        NotCopied: it is no database of ours, its log is damaged, or a newer release wrote it.
    """
    try:
        return _contents(connection, name)
    except exc.DBAPIError as error:
        raise NotCopied(f"{name} is damaged: {error.orig}") from None
    except WrongSchema as error:
        raise NotCopied(f"{name}: {error}") from None


def _contents(connection: Connection, name: str) -> Contents:
    revision = present_revision(connection)
    if revision is None or not set(inspect(connection).get_table_names()) >= _TABLES:
        raise NotCopied(f"{name} holds no log of Rollbook")
    refuse_newer(revision)
    for statement in (_HEADS_WITHOUT_THEIR_EVENT, _EVENTS_BEYOND_THEIR_HEAD):
        stream = connection.scalar(statement)
        if stream is not None:
            raise NotCopied(f"{name} is damaged: the head of {stream} is not its newest event")
    count, last_position = connection.execute(_COUNTS).one()
    # Versions are unique in a stream and count from 1: as many events as the heads add up to are
    # all of them.
    promised = connection.scalar(_PROMISED)
    if count != promised:
        raise NotCopied(f"{name} is damaged: it should hold {promised} events, and holds {count}")
    return Contents(revision, count, last_position)
