"""What two instants differ by: the net effect of everything that happened between them.

What changed and changed back is not listed, nor what was made and deleted again. The state before
is what the first event of each path says it was; only what was deleted or came back on the way is
read from its whole stream.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection

from domain.document import Change, Document, by_path
from domain.document import changed as changed_document
from domain.events import WithChanges, WithDocument, WithMembers
from domain.group import Group
from domain.refusals import TooMany
from domain.topics import EVENTS
from domain.user import User
from projections.audit import Entry
from projections.audit.positions import Stretch
from projections.audit.reading import count_events, onwards
from projections.log import SqlLog
from projections.mapper import parts_of
from projections.past import stream_at
from projections.spans.g1 import members_at, names_begun
from replay.history import Between
from replay.telling import Told, name_then

MAX_EVENTS, MAX_MEMBERS = 10_000, 100_000
_BATCH = 500
_AGGREGATES: Mapping[str, Any] = {"User": User, "Group": Group}
Progress = Callable[[int, int], None]


class Difference(NamedTuple):
    """Lists of JSON objects, each in the order of the first event about its resource."""

    created: Sequence[Told]
    changed: Sequence[Told]
    deleted: Sequence[Told]
    joined: Sequence[Told]
    left: Sequence[Told]


@dataclass
class _Touched:
    """A resource with events between the cuts."""

    last: Entry
    first: Entry
    ends: list[Entry] = field(default_factory=list)
    """Its creations, deletions and restorations."""
    document: Document | None = None
    """What it says in the end, as far as one of those has told."""
    changes: dict[str, Change] = field(default_factory=dict)
    members: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    """By id: whether it was a member at first, and whether it is in the end."""


def difference(
    log: SqlLog,
    realm: str,
    span: Between,
    *,
    capped: bool = True,
    progress: Progress = lambda _done, _all: None,
) -> Difference:
    """Return what two cuts differ by; realms, clients and tokens are no part of it.

    ``capped``: at most :data:`MAX_EVENTS` events and :data:`MAX_MEMBERS` members are read.

    Raises:
        TooMany: there are more of them.
        Unavailable: the database is busy or gone.
    """
    if capped:
        _check_events(log, realm, span)
    touched: dict[str, _Touched] = {}
    members, after = 0, span.after
    while True:
        with log.database.reading() as connection:
            stretch = Stretch(after, span.upto + 1)
            entries = onwards(connection, log.events, realm, stretch, _BATCH)
        for entry in entries:
            members += _touch(touched, entry)
            if capped and members > MAX_MEMBERS:
                raise _too_many(f"{MAX_MEMBERS:,} members")
        if len(entries) < _BATCH:
            break
        after = entries[-1].position
        progress(after - span.after, span.upto - span.after)
    with log.database.reading() as connection:
        return _told(connection, log, realm, span, touched.values(), capped=capped)


def _check_events(log: SqlLog, realm: str, span: Between) -> None:
    with log.database.reading() as connection:
        stretch = Stretch(span.after, span.upto + 1)
        if count_events(connection, realm, stretch, MAX_EVENTS + 1) > MAX_EVENTS:
            raise _too_many(f"{MAX_EVENTS:,} events")


def _too_many(what: str) -> TooMany:
    return TooMany(
        f"more than {what} lie between the two instants: narrow the range, "
        'or use "rollbook replay diff" at the command line'
    )


def _touch(touched: dict[str, _Touched], entry: Entry) -> int:
    """Take an event into account; return how many members it names."""
    parts = parts_of(entry.action, entry.payload)  # what is unknown is refused, not passed by
    if entry.resource_type not in _AGGREGATES:
        return 0
    event = EVENTS[entry.action].from_parts(*parts)
    own = touched.setdefault(entry.resource_id, _Touched(entry, entry))
    own.last = entry
    if isinstance(event, WithChanges):
        for path, change in event.changes.items():
            first = own.changes.get(path, change)
            own.changes[path] = Change(first.old, change.new)
        own.document = own.document and changed_document(own.document, event.changes)
    ids = event.members if isinstance(event, WithMembers) else ()
    joins = entry.action == Group.MembersAdded.topic
    for id_ in ids:
        own.members[id_] = (own.members.get(id_, (not joins, joins))[0], joins)
    if isinstance(event, WithDocument) or event.topic.endswith(".deleted"):
        own.ends.append(entry)
        own.document = getattr(event, "document", None)
    return len(ids)


def _told(  # noqa: PLR0913  # the parts of one answer
    connection: Connection,
    log: SqlLog,
    realm: str,
    span: Between,
    touched: Iterable[_Touched],
    *,
    capped: bool,
) -> Difference:
    created, changed, deleted, joined, left = (list[Told]() for _ in Difference._fields)
    memberships: list[tuple[list[Told], _Touched, str]] = []
    for own in touched:
        was, is_there, changes = _net(connection, log, realm, span, own)
        about = _about(own)
        if is_there and not was:
            created.append({**about, "changes": changes})
        elif was and not is_there:
            deleted.append(about)
        elif was and changes:
            changed.append({**about, "changes": changes})
        came, went = _members(connection, realm, span, own)
        memberships += [(joined, own, id_) for id_ in sorted(came)]
        memberships += [(left, own, id_) for id_ in sorted(went)]
        if capped and len(memberships) > MAX_MEMBERS:
            raise _too_many(f"{MAX_MEMBERS:,} members")
    names = names_begun(connection, realm, [id_ for _, _, id_ in memberships])
    for where, own, id_ in memberships:
        name = name_then(names, id_, span.upto)
        group = {"groupId": own.last.resource_id, "groupName": own.last.resource_name}
        where.append({**group, "value": id_, "display": name})
    return Difference(created, changed, deleted, joined, left)


def _net(
    connection: Connection, log: SqlLog, realm: str, span: Between, own: _Touched
) -> tuple[bool, bool, Sequence[Told]]:
    """Return whether a resource was there at both cuts, and what changed about it."""
    first = own.first
    if not own.ends:
        return True, True, _changes(own)
    was = first.version > 1 and not first.action.endswith(".restored")
    before: Document = {}
    if was and own.document is not None:  # deleted and restored: only its stream knows
        past = stream_at(connection, log.events, realm, first.resource_id, span.after)
        state: Any = None
        for recorded in past.events if past else ():
            state = _AGGREGATES[first.resource_type].evolve(state, recorded.event)
        before = state.document
    return was, own.document is not None, _between(before, own.document or {})


def _members(
    connection: Connection, realm: str, span: Between, own: _Touched
) -> tuple[set[str], set[str]]:
    """Return who joined and who left a group in the end."""
    group_id = own.last.resource_id
    if any(end.action == Group.Deleted.topic for end in own.ends):
        before, after = (
            {member.id for member in members_at(connection, realm, group_id, position)}
            for position in span
        )
        return after - before, before - after
    came = {id_ for id_, (was, now) in own.members.items() if now and not was}
    went = {id_ for id_, (was, now) in own.members.items() if was and not now}
    return came, went


def _about(own: _Touched) -> Told:
    last = own.last
    return {
        "resourceType": last.resource_type,
        "resourceId": last.resource_id,
        "resourceName": last.resource_name,
    }


def _changes(own: _Touched) -> list[Told]:
    return [
        {"path": path, "before": change.old, "after": change.new}
        for path, change in own.changes.items()
        if change.old != change.new
    ]


def _between(before: Document, after: Document) -> list[Told]:
    old, new = by_path(before), by_path(after)
    return [
        {"path": path, "before": old.get(path), "after": new.get(path)}
        for path in {**old, **new}
        if old.get(path) != new.get(path)
    ]
