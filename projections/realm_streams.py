"""The log of a realm, stream by stream: how a read model is filled (ADR 0021).

All events of a stream come together, so that a resource's row is made once, as its last event
leaves it, and not once an event.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from projections.event_store import EventLog
from projections.fillings import Place
from projections.generations import Positioned
from projections.prepared import Prepared
from projections.tables import events, streams

_LAST = 2**31 - 1
"""After every version of a stream."""


def list_realms(connection: Connection, stop: int) -> Sequence[str]:
    """Return the realms that the log up to ``stop`` is about, asking twice for each."""
    return list(_realms(connection, stop))


def _realms(connection: Connection, stop: int) -> Iterator[str]:
    realm = connection.scalar(_FIRST_REALM)
    while realm is not None:
        if connection.scalar(_BEGAN, {"realm": realm}) <= stop:
            yield realm
        realm = connection.scalar(_NEXT_REALM, {"realm": realm})


def read_streams(  # noqa: PLR0913  # where from, and how far
    connection: Connection, log: EventLog, realm: str, after: Place, *, stop: int, limit: int
) -> tuple[Sequence[Positioned], Place]:
    """Return the next events of a realm, by stream and version, and the place after them.

    Only those up to the position ``stop``, a safe head; ``limit`` of them at most, perhaps fewer
    even where more are left: the place says whether it is done.
    """
    wanted = limit // 2 + 2  # the first may be the one that was read last
    found = {"realm": realm, "stream": after.stream_id, "count": wanted}
    ids = [id_ for (id_,) in _IDS.rows(connection, found)]
    if not ids:
        return [], Place(after.stream_id, after.version, done=True)
    bound = {
        "ids": ids,
        "stream": after.stream_id,
        "version": after.version,
        "stop": stop,
        "count": limit,
    }
    rows = connection.execute(_EVENTS, bound).all()
    read = [Positioned(row[0], log.decoded(*row[1:])) for row in rows]
    if len(rows) == limit:
        return read, Place(rows[-1].originator_id, rows[-1].originator_version)
    return read, Place(ids[-1], _LAST, done=len(ids) < wanted)


def count_events(connection: Connection, stop: int, realm: str | None = None) -> int:
    """Return how many events stand up to a position, of one realm or of all."""
    counted = select(func.count()).select_from(events).where(events.c.position <= stop)
    if realm is not None:
        counted = counted.where(events.c.realm == realm)
    return int(connection.scalar(counted) or 0)


_FIRST_REALM = select(func.min(events.c.realm))
_NEXT_REALM = _FIRST_REALM.where(events.c.realm > bindparam("realm"))
_BEGAN = select(func.min(events.c.position)).where(events.c.realm == bindparam("realm"))
_IDS = Prepared(
    select(streams.c.id)
    .where(streams.c.realm == bindparam("realm"), streams.c.id >= bindparam("stream"))
    .order_by(streams.c.id)
    .limit(bindparam("count"))
)
_EVENTS = (
    select(
        events.c.position,
        events.c.originator_id,
        events.c.originator_version,
        events.c.topic,
        events.c.state,
    )
    .where(
        events.c.originator_id.in_(bindparam("ids", expanding=True)),
        or_(
            events.c.originator_id > bindparam("stream"),
            and_(
                events.c.originator_id == bindparam("stream"),
                events.c.originator_version > bindparam("version"),
            ),
        ),
        events.c.position <= bindparam("stop"),
    )
    .order_by(events.c.originator_id, events.c.originator_version)
    .limit(bindparam("count"))
)
