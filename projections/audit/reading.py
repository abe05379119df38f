"""Reading the audit log: its newest entries under conditions, all of a stretch, or their number.

Every function works in the caller's snapshot, so that the rows, the checkpoint and the rest of the
log belong together.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, select

from projections.audit import COLUMNS, Conditions, Entry
from projections.audit.entries import Name, entry_of
from projections.audit.g1 import audit
from projections.audit.positions import Stretch, positions
from projections.audit.rest import Untaken, named, untaken
from projections.event_store import EventLog
from projections.generations import Positioned
from projections.prepared import Prepared, PreparedFor
from projections.tables import events

PAGE_BYTES = 4 * 1024 * 1024
"""A page ends early, after at least one entry, once its events take so many bytes in the log."""
_CHUNK = PreparedFor.AT_ONCE
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
    rest: dict[int, Untaken] = {}
    weight = 0
    for each in islice(untaken(connection, log, realm, conditions, stretch), count + 1):
        rest[each.positioned.position] = each
        weight += len(each.payload)
        if weight > PAGE_BYTES:
            break
    chosen = positions(connection, realm, conditions, stretch, count + 1)
    if weight > PAGE_BYTES:  # what is older than the last of these has not been looked at
        chosen = [position for position in chosen if position > min(rest)]
    if rest:
        chosen = sorted({*rest, *chosen}, reverse=True)
    more = len(chosen) > count or weight > PAGE_BYTES
    entries: list[Entry] = []
    weight = 0
    for start in range(0, min(len(chosen), count), _CHUNK):
        for entry in _chunk(
            connection, log, realm, chosen[start : min(start + _CHUNK, count)], rest
        ):
            weight += len(entry.payload)
            if weight > PAGE_BYTES and entries:
                return Page(entries, more=True)
            entries.append(entry)
    return Page(entries, more)


def _chunk(
    connection: Connection,
    log: EventLog,
    realm: str,
    wanted: Sequence[int],
    rest: Mapping[int, Untaken],
) -> Sequence[Entry]:
    """Return the entries of some positions, newest first."""
    taken = [position for position in wanted if position not in rest] if rest else wanted
    entries: list[Entry] = []
    if taken:
        entries = list(map(_as_entry, _ROWS.rows(connection, {"realm": realm}, taken)))
    if len(taken) < len(wanted):
        entries += named(connection, log, realm, [rest[p] for p in wanted if p in rest])
        entries.sort(key=_POSITION, reverse=True)
    return entries


def onwards(
    connection: Connection, log: EventLog, realm: str, stretch: Stretch, limit: int
) -> list[Entry]:
    """Return the oldest entries of a stretch, in their order."""
    bound = {"realm": realm, "after": stretch.after, "before": stretch.before, "count": limit}
    entries: list[Entry] = []
    unnamed: list[Untaken] = []
    for position, id_, version, topic, *columns in _ONWARDS.rows(connection, bound):
        if columns[0] is None:
            recorded = log.decoded(id_, version, topic, columns[-1])
            unnamed.append(Untaken(Positioned(position, recorded), columns[-1]))
        else:
            entries.append(_as_entry(columns))
    if unnamed:
        entries += named(connection, log, realm, unnamed)
        entries.sort(key=_POSITION)
    return entries


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
    for each in untaken(connection, log, realm, Conditions(), stretch):
        entry = entry_of(each.positioned, Name())
        match by:
            case "day":
                yield (entry.recorded_at // MICROSECONDS_A_DAY,)
            case "action":
                yield (entry.action,)
            case "client":
                yield (entry.actor_kind, entry.actor_id)


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
_POSITION = attrgetter("position")
_as_entry: Callable[[Iterable[Any]], Entry] = partial(tuple.__new__, Entry)
"""As ``Entry._make``, in a third of the time: the statements below have its columns."""
_ENTRY_COLUMNS = (*(audit.c[name] for name in COLUMNS), events.c.state)
_ROWS = PreparedFor(
    select(*_ENTRY_COLUMNS)
    .join(events, events.c.position == audit.c.position)
    .where(audit.c.realm == bindparam("realm"))
    .order_by(audit.c.position.desc()),
    audit.c.position,
)
_BETWEEN = and_(
    events.c.realm == bindparam("realm"),
    events.c.position > bindparam("after"),
    events.c.position < bindparam("before"),
)
_ONWARDS = Prepared(
    select(
        events.c.position,
        events.c.originator_id,
        events.c.originator_version,
        events.c.topic,
        *_ENTRY_COLUMNS,
    )
    .outerjoin(audit, and_(audit.c.realm == events.c.realm, audit.c.position == events.c.position))
    .where(_BETWEEN)
    .order_by(events.c.position)
    .limit(bindparam("count"))
)
_SOME = select(events.c.position).where(_BETWEEN).limit(bindparam("count")).subquery()
_COUNT = select(func.count()).select_from(_SOME)
