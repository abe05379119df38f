"""Folding every stream, and comparing what comes out with what is kept.

The functions that fold are those of live writes; what is compared is everything that stands beside
the log: heads, rendered documents, names that are claimed, members. One stream is in memory at a
time, and each is compared in one snapshot, so that it may run while others write.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from domain.events import RecordedEvent
from domain.group import Group
from domain.handlers.groups import DISPLAY_NAME
from domain.handlers.users import USER_NAME
from domain.schemas import GROUP, SCHEMAS, USER, ResourceSchema
from domain.user import User
from projections.directory import Rendered, live_directory
from projections.log import SqlLog
from projections.past import whole_stream
from projections.tables import claims, members, realms, streams

_PAGE = 500
Progress = Callable[[int, int], None]
"""Called with the streams compared and all there are."""


class Difference(NamedTuple):
    """Something that is kept otherwise than the events say."""

    realm: str
    resource_type: str
    resource_id: str
    what: str
    """``head``, ``document``, ``meta``, ``claim`` or ``members``."""
    said: str
    """What the events say."""
    kept: str


def verify(
    log: SqlLog, realm: str | None = None, *, progress: Progress = lambda _done, _all: None
) -> Iterator[Difference]:
    """Yield every difference, stream by stream; of one realm (an id), or of all.

    Raises:
        Unavailable: the database is busy or gone.
        EventFromTheFuture: this release does not know an event.
    """
    done, after = 0, ("", "")
    with log.database.reading() as connection:
        total = connection.scalar(_counted(realm)) or 0
    while True:
        with log.database.reading() as connection:
            page = connection.execute(
                _page(realm), {"realm_after": after[0], "id_after": after[1]}
            ).all()
        if not page:
            break
        for row in page:
            with log.database.reading() as connection:
                yield from _differences(connection, log, row.realm, row.id)
            done += 1
            progress(done, total)
        after = (page[-1].realm, page[-1].id)
    yield from _orphans(log, realm)


def _orphans(log: SqlLog, realm: str | None) -> Iterator[Difference]:
    """Yield the claims of what does not exist (any more): nobody else can take those names."""
    statement = _ORPHANS if realm is None else _ORPHANS.where(claims.c.realm == realm)
    with log.database.reading() as connection:
        rows = connection.execute(statement).all()
    for row in rows:
        kind = "User" if row.kind == USER_NAME else "Group"
        kept = f"{row.kind} {row.key!r}"
        yield Difference(row.realm, kind, row.owner, "claim", "None", kept)


def _differences(connection: Connection, log: SqlLog, realm: str, id_: str) -> Iterator[Difference]:
    head = connection.execute(_HEAD, {"realm": realm, "id": id_}).one()
    events = whole_stream(connection, log.events, id_)

    def differ(what: str, said: object, kept: object) -> Iterator[Difference]:
        if said != kept:
            yield Difference(realm, head.type, id_, what, str(said), str(kept))

    last = events[-1]
    yield from differ(
        "head",
        (last.originator_version, last.event.topic.endswith(".deleted"), last.recorded_at),
        (head.version, bool(head.deleted), head.recorded_at),
    )
    if head.type not in SCHEMAS:
        return
    schema = SCHEMAS[head.type]
    directory = live_directory(log.registry, connection)
    said, kept = directory.folded(events), directory.get(connection, schema, realm, id_)
    yield from differ("document", _document(said), _document(kept))
    yield from differ("meta", said.meta if said else None, kept.meta if kept else None)
    for kind, key in _claimed(schema, events, unique_groups=bool(head.unique_group_names)):
        owner = connection.scalar(_OWNER, {"realm": realm, "kind": kind, "key": key})
        yield from differ("claim", f"{kind} {key!r}: {id_}", f"{kind} {key!r}: {owner}")
    if schema is GROUP:
        yield from differ("members", _joined(events), _members(connection, realm, id_))


def _document(row: Rendered | None) -> str | None:
    return None if row is None else row.document


def _claimed(
    schema: ResourceSchema, events: list[RecordedEvent[Any]], *, unique_groups: bool
) -> list[tuple[str, str]]:
    """Return the names that the events make the resource's own."""
    evolve: Any = User.evolve if schema is USER else Group.evolve
    state: Any = None
    for recorded in events:
        state = evolve(state, recorded.event)
    if state.deleted:
        return []
    if schema is USER:
        return [(USER_NAME, state.name_key)]
    return [(DISPLAY_NAME, state.name_key)] if unique_groups else []


def _joined(events: list[RecordedEvent[Any]]) -> list[str]:
    joined = set[str]()
    for recorded in events:
        match recorded.event:
            case Group.MembersAdded(ids):
                joined |= set(ids)
            case Group.MembersRemoved(ids):
                joined -= set(ids)
            case Group.Deleted():
                joined.clear()
    return sorted(joined)


def _members(connection: Connection, realm: str, group_id: str) -> list[str]:
    return sorted(connection.scalars(_MEMBERS, {"realm": realm, "group": group_id}))


def _counted(realm: str | None) -> Any:
    counted = select(func.count()).select_from(streams)
    return counted if realm is None else counted.where(streams.c.realm == realm)


def _page(realm: str | None) -> Any:
    after = (streams.c.realm > bindparam("realm_after")) | (
        (streams.c.realm == bindparam("realm_after")) & (streams.c.id > bindparam("id_after"))
    )
    page = (
        select(streams.c.realm, streams.c.id)
        .where(after)
        .order_by(streams.c.realm, streams.c.id)
        .limit(_PAGE)
    )
    return page if realm is None else page.where(streams.c.realm == realm)


_HEAD = (
    select(
        streams.c.type,
        streams.c.version,
        streams.c.deleted,
        streams.c.recorded_at,
        realms.c.unique_group_names,
    )
    .join(realms, realms.c.realm == streams.c.realm)
    .where(streams.c.realm == bindparam("realm"), streams.c.id == bindparam("id"))
)
_OWNER = select(claims.c.owner).where(
    claims.c.realm == bindparam("realm"),
    claims.c.kind == bindparam("kind"),
    claims.c.key == bindparam("key"),
)
_ORPHANS = (
    select(claims.c.realm, claims.c.kind, claims.c.key, claims.c.owner)
    .outerjoin(streams, (streams.c.realm == claims.c.realm) & (streams.c.id == claims.c.owner))
    .where(streams.c.deleted.is_(True) | streams.c.id.is_(None))
)
_MEMBERS = select(members.c.member_id).where(
    members.c.realm == bindparam("realm"), members.c.group_id == bindparam("group")
)
