"""Reading the audit log: its newest entries under conditions, all of a stretch, or their number.

Every function works in the caller's snapshot, so that the rows, the checkpoint and the rest of the
log belong together.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, bindparam, func, select

from projections.audit import AuditRow, Conditions, Entry
from projections.audit.g1 import audit
from projections.audit.positions import Stretch, positions
from projections.audit.rest import named, untaken
from projections.audit.said import Name, row_of
from projections.event_store import EventLog
from projections.generations import Positioned
from projections.mapper import parts_of
from projections.prepared import Prepared
from projections.tables import events

PAGE_BYTES = 4 * 1024 * 1024
"""A page ends early, after at least one entry, once its events take so many bytes in the log."""
_CHUNK = 100
MICROSECONDS_A_DAY = 86_400_000_000

Group = Literal["day", "action", "client"]


class Page(NamedTuple):
    """Entries, newest first, and whether older ones follow."""

    entries: Sequence[Entry]
    more: bool


def newest(  # noqa: PLR0913, PLR0917  # the parts of one question
    connection: Connection,
    log: EventLog,
    realm: str,
    conditions: Conditions,
    stretch: Stretch,
    count: int,
) -> Page:
    """Return the newest entries of a stretch that meet the conditions; ``count`` at most."""
    rest: dict[int, Positioned] = {}
    weight = 0
    for weighed in islice(untaken(connection, log, realm, conditions, stretch), count + 1):
        rest[weighed.positioned.position] = weighed.positioned
        weight += weighed.size
        if weight > PAGE_BYTES:
            break
    rows = positions(connection, realm, conditions, stretch, count + 1)
    if weight > PAGE_BYTES:  # what is older than the last of these has not been looked at
        rows = [position for position in rows if position > min(rest)]
    chosen = sorted({*rest, *rows}, reverse=True)
    more = len(chosen) > count or weight > PAGE_BYTES
    entries: list[Entry] = []
    weight = 0
    for start in range(0, min(len(chosen), count), _CHUNK):
        part = chosen[start : min(start + _CHUNK, count)]
        of_rest = named(connection, log, realm, [rest[p] for p in part if p in rest])
        found = {entry.row.position: (entry, 0) for entry in of_rest}
        found |= _loaded(connection, realm, [p for p in part if p not in rest])
        for position in part:
            entry, size = found[position]
            weight += size
            if weight > PAGE_BYTES and entries:
                return Page(entries, more=True)
            entries.append(entry)
    return Page(entries, more)


def _loaded(
    connection: Connection, realm: str, wanted: Sequence[int]
) -> Mapping[int, tuple[Entry, int]]:
    """Return entries of the read model by position, each with the bytes of its event."""
    if not wanted:
        return {}
    padded = [*wanted, *[wanted[-1]] * (_CHUNK - len(wanted))]
    bound = {"realm": realm, **dict(zip(_PLACES, padded, strict=True))}
    found = {}
    for columns in _ROWS.rows(connection, bound):
        row, state = AuditRow._make(columns[:-1]), columns[-1]
        found[row.position] = (_entry(row, state), len(state))
    return found


def onwards(
    connection: Connection, log: EventLog, realm: str, stretch: Stretch, limit: int
) -> list[Entry]:
    """Return the oldest entries of a stretch, in their order."""
    bound = {"realm": realm, "after": stretch.after, "before": stretch.before, "count": limit}
    entries: list[Entry] = []
    unnamed: list[Positioned] = []
    for position, id_, version, topic, state, *columns in connection.execute(_ONWARDS, bound):
        if columns[0] is None:
            unnamed.append(Positioned(position, log.decoded(id_, version, topic, state)))
        else:
            entries.append(_entry(AuditRow._make(columns), state))
    if unnamed:
        entries += named(connection, log, realm, unnamed)
        entries.sort(key=lambda entry: entry.row.position)
    return entries


def _entry(row: AuditRow, state: bytes) -> Entry:
    clear, personal = parts_of(row.action, state)
    return Entry(row, clear, personal, clear["warnings"])


def count_events(connection: Connection, realm: str, stretch: Stretch, limit: int) -> int:
    """Return how many events of a realm stand in a stretch, ``limit`` at most."""
    bound = {"realm": realm, "after": stretch.after, "before": stretch.before, "count": limit}
    return int(connection.scalar(_COUNT, bound) or 0)


def counts(
    connection: Connection, log: EventLog, realm: str, stretch: Stretch, by: Group
) -> Mapping[tuple[Any, ...], int]:
    """Return how many events fall on each day (since 1970, UTC), action, or actor (kind, id)."""
    columns = _GROUPS[by]
    statement = select(*columns, func.count()).where(_WITHIN).group_by(*columns)
    bound = {"realm": realm, "after": stretch.after, "before": stretch.before}
    found = Counter({tuple(key): n for *key, n in connection.execute(statement, bound)})
    found.update(_keys_of_rest(connection, log, realm, stretch, by))
    return found


def _keys_of_rest(
    connection: Connection, log: EventLog, realm: str, stretch: Stretch, by: Group
) -> Iterator[tuple[Any, ...]]:
    for positioned, _ in untaken(connection, log, realm, Conditions(), stretch):
        row = row_of(positioned, Name())
        match by:
            case "day":
                yield (row.recorded_at // MICROSECONDS_A_DAY,)
            case "action":
                yield (row.action,)
            case "client":
                yield (row.actor_kind, row.actor_id)


_WITHIN = and_(
    audit.c.realm == bindparam("realm"),
    audit.c.position > bindparam("after"),
    audit.c.position < bindparam("before"),
)
_GROUPS: Mapping[Group, Sequence[ColumnElement[Any]]] = {
    "day": [audit.c.recorded_at // MICROSECONDS_A_DAY],
    "action": [audit.c.action],
    "client": [audit.c.actor_kind, audit.c.actor_id],
}
_PLACES = [f"position_{number}" for number in range(_CHUNK)]
_ROWS = Prepared(
    select(*(audit.c[name] for name in AuditRow._fields), events.c.state)
    .join(events, events.c.position == audit.c.position)
    .where(
        audit.c.realm == bindparam("realm"),
        audit.c.position.in_([bindparam(place, type_=BigInteger) for place in _PLACES]),
    )
)
"""As many positions as a chunk has: one statement, compiled once (ADR 0011)."""
_BETWEEN = and_(
    events.c.realm == bindparam("realm"),
    events.c.position > bindparam("after"),
    events.c.position < bindparam("before"),
)
_ONWARDS = (
    select(
        events.c.position,
        events.c.originator_id,
        events.c.originator_version,
        events.c.topic,
        events.c.state,
        *(audit.c[name] for name in AuditRow._fields),
    )
    .outerjoin(audit, and_(audit.c.realm == events.c.realm, audit.c.position == events.c.position))
    .where(_BETWEEN)
    .order_by(events.c.position)
    .limit(bindparam("count"))
)
_SOME = select(events.c.position).where(_BETWEEN).limit(bindparam("count")).subquery()
_COUNT = select(func.count()).select_from(_SOME)
