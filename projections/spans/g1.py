"""Generation 1 of the spans: one row a membership, one row a name, from one event to another."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    and_,
    bindparam,
    insert,
    or_,
    select,
    update,
)

from domain.document import Change
from domain.group import Group
from domain.topics import AGGREGATE_OF
from projections.engines.types import Identifier
from projections.generations import Positioned
from projections.prepared import Prepared
from projections.row_statements import RowStatement, inserting, updating
from projections.spans import READ_MODEL, Span
from projections.tables import streams

metadata = MetaData()
member_spans = Table(
    "member_spans_g1",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("group_id", Identifier, nullable=False),
    Column("member_id", Identifier, nullable=False),
    Column("joined_version", Integer, nullable=False),
    Column("joined_position", BigInteger, nullable=False),
    Column("left_version", Integer),
    Column("left_position", BigInteger),
    PrimaryKeyConstraint(
        "realm", "group_id", "member_id", "joined_position", name="member_spans_g1_pk"
    ),
    # With rowids: without them SQLite would look for a member by the key, through the whole realm.
    Index("member_spans_g1_by_member", "realm", "member_id", "group_id"),
)
name_spans = Table(
    "name_spans_g1",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("id", Identifier, nullable=False),
    Column("display", Text),
    Column("from_position", BigInteger, nullable=False),
    Column("until_position", BigInteger),
    PrimaryKeyConstraint("realm", "id", "from_position", name="name_spans_g1_pk"),
    sqlite_with_rowid=False,
)

_IDS_AT_A_TIME = 1_000


class SpansG1:
    """The declaration; implements :class:`projections.generations.Generation`."""

    read_model: str = READ_MODEL
    number: int = 1
    metadata: MetaData = metadata

    def project(self, connection: Connection, events: Sequence[Positioned]) -> None:
        """Open and close spans, event by event, in their order."""
        moves: list[tuple[RowStatement, list[dict[str, Any]]]] = []
        for positioned in events:
            if AGGREGATE_OF[positioned.recorded.event.topic] != "Realm":
                statement, rows = _members(positioned)
                if moves and moves[-1][0] is statement:
                    moves[-1][1].extend(rows)  # one call for what a deletion does to many groups
                elif rows:
                    moves.append((statement, rows))
                _names(connection, positioned)
        for statement, rows in moves:
            statement.write(connection, rows)


def _members(positioned: Positioned) -> tuple[RowStatement, list[dict[str, Any]]]:
    """Return what an event does to spans of members: a statement, and the rows it is run for."""
    position, recorded = positioned
    of_group = {"realm": recorded.cause.realm, "group_id": recorded.stream_id}
    version = recorded.originator_version
    joined = {"joined_version": version, "joined_position": position}
    left = {"left_version": version, "left_position": position}
    match recorded.event:
        case Group.MembersAdded(members):
            none = dict.fromkeys(_LEFT)
            return _JOIN, [{**of_group, "member_id": id_, **joined, **none} for id_ in members]
        case Group.MembersRemoved(members):
            return _LEAVE, [{**of_group, "member_id": id_, **left} for id_ in members]
        case Group.Deleted():
            return _DISBAND, [{**of_group, **left}]
    return _JOIN, []


def _names(connection: Connection, positioned: Positioned) -> None:
    position, recorded = positioned
    named = {"b_realm": recorded.cause.realm, "b_id": recorded.stream_id, "position": position}
    event = recorded.event
    if hasattr(event, "document"):
        _NAME.later(connection, {**named, "display": event.document.get("displayName")})
    elif event.topic.endswith(".deleted"):
        _UNNAME.later(connection, named)
    elif "displayName" in getattr(event, "changes", {}):
        change: Change = event.changes["displayName"]
        _UNNAME.later(connection, named)
        _NAME.later(connection, {**named, "display": change.new})


def members_at(connection: Connection, realm: str, group_id: str, position: int) -> list[Span]:
    """Return the members of a group right after a position, ordered by id."""
    rows = connection.execute(_MEMBERS_AT, {"realm": realm, "group": group_id, "at": position})
    return [Span(*row) for row in rows]


def groups_at(connection: Connection, realm: str, member_id: str, position: int) -> list[Span]:
    """Return the groups a resource was a direct member of right after a position, by id."""
    rows = connection.execute(_GROUPS_AT, {"realm": realm, "member": member_id, "at": position})
    return [Span(id_, "direct", display) for id_, display in rows]


def groups_of_each_at(
    connection: Connection, realm: str, member_ids: Sequence[str], position: int
) -> Mapping[str, Sequence[Span]]:
    """Return what :func:`groups_at` does, of many members by one statement."""
    found: dict[str, list[Span]] = {}
    bound = {"realm": realm, "members": list(member_ids), "at": position}
    for member_id, id_, display in connection.execute(_GROUPS_OF_EACH_AT, bound):
        found.setdefault(member_id, []).append(Span(id_, "direct", display))
    return found


def memberships_at(
    connection: Connection, realm: str, ids: Sequence[str], position: int, *, of_groups: bool
) -> Iterator[tuple[str, str, str]]:
    """Yield (group id, member id, member type) right after a position, in no order.

    ``ids`` are of the groups (``of_groups``) or of the members.
    """
    statement = _MEMBERSHIPS_OF_GROUPS if of_groups else _MEMBERSHIPS_OF_MEMBERS
    bound = {"realm": realm, "ids": list(ids), "at": position}
    for row in connection.execute(
        statement, bound, execution_options={"yield_per": _IDS_AT_A_TIME}
    ):
        yield row.group_id, row.member_id, row.type


def members_at_version(
    connection: Connection, realm: str, group_id: str, version: int
) -> list[tuple[str, str]]:
    """Return (id, type) of the members of a group in one of its versions, ordered by id."""
    bound = {"realm": realm, "group": group_id, "version": version}
    return [(id_, kind) for id_, kind in connection.execute(_MEMBERS_AT_VERSION, bound)]


def names_at(
    connection: Connection, realm: str, ids: Iterable[str], position: int
) -> Mapping[str, str | None]:
    """Return what resources were called right after a position; those that existed then."""
    bound = {"realm": realm, "ids": sorted(ids), "at": position}
    return {row.id: row.display for row in connection.execute(_NAMES_AT, bound)}


def names_begun(
    connection: Connection, realm: str, ids: Iterable[str]
) -> Mapping[str, Sequence[tuple[int, str | None]]]:
    """Return (position, name) of every name that resources ever had, in their order."""
    found: dict[str, list[tuple[int, str | None]]] = {}
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), _IDS_AT_A_TIME):
        bound = {"realm": realm, "ids": wanted[start : start + _IDS_AT_A_TIME]}
        for id_, position, display in connection.execute(_NAMES_BEGUN, bound):
            found.setdefault(id_, []).append((position, display))
    return found


def _open_at(joined: ColumnElement[Any], left: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(joined <= bindparam("at"), or_(left.is_(None), left > bindparam("at")))


_JOIN = inserting(member_spans)
_LEFT = ("left_version", "left_position")
_STILL_IN = member_spans.c.left_version.is_(None)
_LEAVE = updating(member_spans, ("realm", "group_id", "member_id"), _LEFT, _STILL_IN)
_DISBAND = updating(member_spans, ("realm", "group_id"), _LEFT, _STILL_IN)
_NAME = Prepared(
    insert(name_spans).values(
        realm=bindparam("b_realm"),
        id=bindparam("b_id"),
        display=bindparam("display"),
        from_position=bindparam("position"),
    )
)
_UNNAME = Prepared(
    update(name_spans)
    .where(
        name_spans.c.realm == bindparam("b_realm"),
        name_spans.c.id == bindparam("b_id"),
        name_spans.c.until_position.is_(None),
    )
    .values(until_position=bindparam("position"))
)
_NAMED_THEN = _open_at(name_spans.c.from_position, name_spans.c.until_position)
_MEMBER_THEN = _open_at(member_spans.c.joined_position, member_spans.c.left_position)
_MEMBERS_AT = (
    select(member_spans.c.member_id, streams.c.type, name_spans.c.display)
    .join(
        streams,
        and_(streams.c.realm == member_spans.c.realm, streams.c.id == member_spans.c.member_id),
    )
    .outerjoin(
        name_spans,
        and_(
            name_spans.c.realm == member_spans.c.realm,
            name_spans.c.id == member_spans.c.member_id,
            _NAMED_THEN,
        ),
    )
    .where(
        member_spans.c.realm == bindparam("realm"),
        member_spans.c.group_id == bindparam("group"),
        _MEMBER_THEN,
    )
    .order_by(member_spans.c.member_id)
)
_GROUP_SPANS_AT = (
    select(member_spans.c.group_id, name_spans.c.display)
    .outerjoin(
        name_spans,
        and_(
            name_spans.c.realm == member_spans.c.realm,
            name_spans.c.id == member_spans.c.group_id,
            _NAMED_THEN,
        ),
    )
    .where(member_spans.c.realm == bindparam("realm"), _MEMBER_THEN)
    .order_by(member_spans.c.group_id)
)
_GROUPS_AT = _GROUP_SPANS_AT.where(member_spans.c.member_id == bindparam("member"))
_GROUPS_OF_EACH_AT = _GROUP_SPANS_AT.where(
    member_spans.c.member_id.in_(bindparam("members", expanding=True))
).with_only_columns(
    member_spans.c.member_id,
    member_spans.c.group_id,
    name_spans.c.display,
    maintain_column_froms=True,
)
_MEMBERSHIPS_AT = (
    select(member_spans.c.group_id, member_spans.c.member_id, streams.c.type)
    .join(
        streams,
        and_(streams.c.realm == member_spans.c.realm, streams.c.id == member_spans.c.member_id),
    )
    .where(member_spans.c.realm == bindparam("realm"), _MEMBER_THEN)
)
_THESE: BindParameter[Any] = bindparam("ids", expanding=True)
_MEMBERSHIPS_OF_GROUPS = _MEMBERSHIPS_AT.where(member_spans.c.group_id.in_(_THESE))
_MEMBERSHIPS_OF_MEMBERS = _MEMBERSHIPS_AT.where(member_spans.c.member_id.in_(_THESE))
_MEMBERS_AT_VERSION = (
    select(member_spans.c.member_id, streams.c.type)
    .join(
        streams,
        and_(streams.c.realm == member_spans.c.realm, streams.c.id == member_spans.c.member_id),
    )
    .where(
        member_spans.c.realm == bindparam("realm"),
        member_spans.c.group_id == bindparam("group"),
        member_spans.c.joined_version <= bindparam("version"),
        or_(
            member_spans.c.left_version.is_(None),
            member_spans.c.left_version > bindparam("version"),
        ),
    )
    .order_by(member_spans.c.member_id)
)
_NAMES_AT = select(name_spans.c.id, name_spans.c.display).where(
    name_spans.c.realm == bindparam("realm"),
    name_spans.c.id.in_(bindparam("ids", expanding=True)),
    _NAMED_THEN,
)
_NAMES_BEGUN = (
    select(name_spans.c.id, name_spans.c.from_position, name_spans.c.display)
    .where(
        name_spans.c.realm == bindparam("realm"),
        name_spans.c.id.in_(bindparam("ids", expanding=True)),
    )
    .order_by(name_spans.c.id, name_spans.c.from_position)
)
