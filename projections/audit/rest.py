"""What the audit log does not hold yet: the end of the log, and events that wait (ADR 0014).

An answer reads the rows up to the follower's checkpoint and the rest from the log itself, through
the functions the follower writes its rows with: it is never stale.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from projections.audit import READ_MODEL, Conditions, Entry
from projections.audit.entries import NAMING_TOPICS, Name, attributes_of, entry_of, named_after
from projections.audit.g1 import AuditG1
from projections.audit.positions import Stretch
from projections.event_store import EventLog
from projections.followers.checkpoints import Checkpoint
from projections.generations import Positioned
from projections.prepared import Prepared
from projections.tables import events, parked_events

_BATCH = 200


class Untaken(NamedTuple):
    """An event that has no row yet, and how it stands in the log."""

    positioned: Positioned
    payload: bytes


def untaken(
    connection: Connection, log: EventLog, realm: str, conditions: Conditions, stretch: Stretch
) -> Iterator[Untaken]:
    """Yield the events of a stretch that have no rows yet and meet the conditions, newest first."""
    taken = Checkpoint(AuditG1()).position(connection)
    end = Stretch(max(stretch.after, taken), stretch.before)
    waiting = Stretch(stretch.after, min(stretch.before, taken + 1))
    for statement, part in ((_IN_REALM, end), (_PARKED, waiting)):
        for each in _read(connection, log, statement, realm, part):
            event = each.positioned.recorded.event
            if conditions.hold(entry_of(each.positioned, Name()), attributes_of(event)):
                yield each


def named(
    connection: Connection, log: EventLog, realm: str, found: Sequence[Untaken]
) -> list[Entry]:
    """Return events as entries, each with its resource's name, told by the resource's stream."""
    names = _names_then(connection, log, realm, [each.positioned for each in found])
    return [
        entry_of(positioned, names[positioned.position], payload) for positioned, payload in found
    ]


def _read(
    connection: Connection, log: EventLog, statement: Prepared, realm: str, stretch: Stretch
) -> Iterator[Untaken]:
    before = stretch.before
    while before - stretch.after > 1:
        bound = {"realm": realm, "after": stretch.after, "before": before}
        rows = statement.rows(connection, bound)
        for position, stream_id, version, topic, state in rows:
            recorded = log.decoded(stream_id, version, topic, state)
            yield Untaken(Positioned(position, recorded), state)
        if len(rows) < _BATCH:
            return
        before = rows[-1][0]


def _names_then(
    connection: Connection, log: EventLog, realm: str, found: Sequence[Positioned]
) -> dict[int, Name]:
    """Return what each event's resource was called right after it, by position."""
    if not found:
        return {}
    asked: dict[str, list[Positioned]] = {}
    for each in sorted(found):
        asked.setdefault(each.recorded.stream_id, []).append(each)
    bound = {"realm": realm, "ids": sorted(asked), "last": max(each.position for each in found)}
    told: dict[str, list[tuple[int, Name]]] = {}
    for stream_id, version, topic, state in connection.execute(_NAMING, bound):
        named_so_far = told.setdefault(stream_id, [(0, Name())])
        event = log.decoded(stream_id, version, topic, state).event
        named_so_far.append((version, named_after(named_so_far[-1][1], event)))
    names = {}
    for stream_id, own in asked.items():
        known = told.get(stream_id, [(0, Name())])
        for each in own:
            version = each.recorded.originator_version
            names[each.position] = next(name for at, name in reversed(known) if at <= version)
    return names


_EVENTS = select(
    events.c.position,
    events.c.originator_id,
    events.c.originator_version,
    events.c.topic,
    events.c.state,
)
_IN_REALM = Prepared(
    _EVENTS.where(
        events.c.realm == bindparam("realm"),
        events.c.position > bindparam("after"),
        events.c.position < bindparam("before"),
    )
    .order_by(events.c.position.desc())
    .limit(_BATCH)
)
_PARKED = Prepared(
    _EVENTS.join(parked_events, parked_events.c.position == events.c.position)
    .where(
        parked_events.c.read_model == READ_MODEL,
        parked_events.c.generation == AuditG1.number,
        parked_events.c.realm == bindparam("realm"),
        parked_events.c.position > bindparam("after"),
        parked_events.c.position < bindparam("before"),
    )
    .order_by(parked_events.c.position.desc())
    .limit(_BATCH)
)
_NAMING = (
    select(events.c.originator_id, events.c.originator_version, events.c.topic, events.c.state)
    .where(
        events.c.realm == bindparam("realm"),
        events.c.originator_id.in_(bindparam("ids", expanding=True)),
        events.c.topic.in_(NAMING_TOPICS),
        events.c.position <= bindparam("last"),
    )
    .order_by(events.c.originator_id, events.c.originator_version)
)
