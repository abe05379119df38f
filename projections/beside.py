"""What stands beside the log in the same transaction: heads, claims and member rows (ADR 0003).

Each class works on the connection of one transaction and in one realm.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, delete, select
from sqlalchemy.sql.elements import ColumnElement

from domain.ports import Head
from domain.refusals import VersionConflict
from domain.schemas import USER
from projections.engines.spelling import insert_new
from projections.prepared import Prepared
from projections.row_statements import inserting, updating
from projections.tables import claims, members, streams

IDS_PER_STATEMENT = 500
"""Long lists of ids go in pieces, so that a statement is compiled once and stays small."""


def pieces(ids: Iterable[str]) -> Iterator[list[str]]:
    """Return the ids sorted, in pieces of :data:`IDS_PER_STATEMENT`."""
    rest = iter(sorted(ids))
    return iter(lambda: list(islice(rest, IDS_PER_STATEMENT)), [])


def _nothing() -> None:
    """Ask nothing."""


class SqlHeads:
    """The newest version of each stream."""

    def __init__(
        self, connection: Connection, realm: str, then: Callable[[], None] = _nothing
    ) -> None:
        """``then`` asks what is to be known as soon as rows are locked: in one round trip."""
        self._connection = connection
        self._realm = realm
        self._then = then

    def lock(self, written: Iterable[str], referred: Iterable[str]) -> dict[str, Head]:
        """Lock head rows in one order everywhere: users before groups, each sorted by id.

        Users that are only referred to are locked against deletion, not against each other.
        """
        written, referred = set(written), set(referred)
        found: dict[str, Head] = {}
        for ids in pieces(referred - written):
            found.update(self._select(_REFERRED, ids))
        rest = written | (referred - found.keys())
        if len(rest) == 1:
            bound = {"realm": self._realm, "id": rest.pop()}
            answer = _WRITTEN_ONE.promised(self._connection, bound)
            self._then()
            return found | {row[0]: _head(row) for row in answer()}
        for ids in pieces(rest):
            found.update(self._select(_WRITTEN, ids))
        self._then()
        return found

    def _select(self, statement: Select[Any], ids: Sequence[str]) -> dict[str, Head]:
        bound = {"realm": self._realm, "ids": ids}
        return {row.id: _head(row) for row in self._connection.execute(statement, bound)}

    def save(self, heads: Iterable[Head], new: frozenset[str]) -> None:
        """Write heads; ``new`` names the streams that begin in this transaction."""
        rows = [
            {
                "realm": self._realm,
                "id": head.id,
                "type": head.type,
                "version": head.version,
                "deleted": head.deleted,
                "recorded_at": head.recorded_at,
                "correlation_id": head.correlation_id,
            }
            for head in heads
        ]
        _INSERT_HEADS.write(self._connection, [row for row in rows if row["id"] in new])
        _UPDATE_HEADS.write(self._connection, [row for row in rows if row["id"] not in new])


def _head(row: Any) -> Head:
    id_, kind, version, deleted, recorded_at, correlation_id = row
    return Head(id_, kind, version, bool(deleted), recorded_at, correlation_id)


_OF_REALM = select(
    streams.c.id,
    streams.c.type,
    streams.c.version,
    streams.c.deleted,
    streams.c.recorded_at,
    streams.c.correlation_id,
).where(streams.c.realm == bindparam("realm"))
_HEADS = _OF_REALM.where(streams.c.id.in_(bindparam("ids", expanding=True))).order_by(streams.c.id)
_REFERRED = _HEADS.where(streams.c.type == USER.name).with_for_update(read=True)
_WRITTEN = _HEADS.with_for_update()
_WRITTEN_ONE = Prepared(_OF_REALM.where(streams.c.id == bindparam("id")).with_for_update())
_KEY = ("realm", "id")
_INSERT_HEADS = inserting(streams)
_UPDATE_HEADS = updating(streams, _KEY, [c.name for c in streams.c if c.name not in _KEY])


class SqlClaims:
    """Unique names; the primary key of the table is the promise."""

    def __init__(
        self, connection: Connection, realm: str, then: Callable[[], None] = _nothing
    ) -> None:
        """``then`` asks what is to be known as soon as a name is taken: in one round trip."""
        self._connection = connection
        self._realm = realm
        self._then = then

    def release(self, kind: str, key: str) -> None:
        """Give a name up."""
        bound = {"b_realm": self._realm, "b_kind": kind, "b_key": key}
        _RELEASE.later(self._connection, bound)

    def take(self, kind: str, key: str, owner: str) -> str | None:
        """Take a name; return the owner that has it already, or ``None`` when it was free.

        Raises:
            VersionConflict: its owner has given it up since it was found taken; decide again.
        """
        bound = {"b_realm": self._realm, "b_kind": kind, "b_key": key, "b_owner": owner}
        taken = _taking(self._connection.dialect.name).later(self._connection, bound)
        self._then()
        if taken():
            return None
        found = _OWNER.first(self._connection, bound)
        if found is None:
            raise VersionConflict(f"the {kind} of {owner} was given up by another one meanwhile")
        return str(found[0])


_CLAIM = and_(
    claims.c.realm == bindparam("b_realm"),
    claims.c.kind == bindparam("b_kind"),
    claims.c.key == bindparam("b_key"),
)
_RELEASE = Prepared(delete(claims).where(_CLAIM))
_OWNER = Prepared(select(claims.c.owner).where(_CLAIM))


@cache
def _taking(dialect_name: str) -> Prepared:
    values: dict[str, Any] = {c.name: bindparam(f"b_{c.name}") for c in claims.c}
    return Prepared(insert_new(dialect_name, claims).values(values).returning(claims.c.owner))


class SqlMemberships:
    """Who is a member of what, now."""

    def __init__(self, connection: Connection, realm: str) -> None:
        self._connection = connection
        self._realm = realm

    def _of(self, group_id: str) -> ColumnElement[bool]:
        return and_(members.c.realm == self._realm, members.c.group_id == group_id)

    def of_group(self, group_id: str) -> frozenset[str]:
        """Return the members of a group."""
        ids = self._connection.scalars(select(members.c.member_id).where(self._of(group_id)))
        return frozenset(ids)

    def groups_of(self, member_id: str) -> Sequence[str]:
        """Return the groups a resource is a member of, sorted."""
        bound = {"b_realm": self._realm, "b_member": member_id}
        return sorted(group_id for (group_id,) in _GROUPS_OF.rows(self._connection, bound))

    def add(self, group_id: str, new: Mapping[str, str]) -> Sequence[str]:
        """Add members (id to resource type); return those that were none before, sorted."""
        statement = insert_new(self._connection.dialect.name, members).returning(
            members.c.member_id
        )
        added: list[str] = []
        for ids in pieces(new):
            rows = [
                {
                    "realm": self._realm,
                    "group_id": group_id,
                    "member_id": id_,
                    "member_type": new[id_],
                }
                for id_ in ids
            ]
            added += self._connection.execute(statement, rows).scalars()
        return sorted(added)

    def remove(self, group_id: str, leaving: Iterable[str]) -> Sequence[str]:
        """Remove members; return those that were, sorted."""
        removed: list[str] = []
        for ids in pieces(leaving):
            statement = (
                delete(members)
                .where(self._of(group_id), members.c.member_id.in_(ids))
                .returning(members.c.member_id)
            )
            removed += self._connection.execute(statement).scalars()
        return sorted(removed)

    def join_all(self, groups: Iterable[str], member_id: str, member_type: str) -> Sequence[str]:
        """Add a resource to groups, in one statement; return those it was not in, sorted."""
        statement = insert_new(self._connection.dialect.name, members).returning(members.c.group_id)
        joined: list[str] = []
        for ids in pieces(groups):
            rows = [
                {
                    "realm": self._realm,
                    "group_id": id_,
                    "member_id": member_id,
                    "member_type": member_type,
                }
                for id_ in ids
            ]
            joined += self._connection.execute(statement, rows).scalars()
        return sorted(joined)

    def leave_all(self, member_id: str) -> None:
        """Remove a resource from every group, in one statement."""
        _LEAVE_ALL.rows(self._connection, {"b_realm": self._realm, "b_member": member_id})

    def disband(self, group_id: str) -> None:
        """Remove every member of a group, in one statement."""
        self._connection.execute(delete(members).where(self._of(group_id)))


_IS_MEMBER = and_(
    members.c.realm == bindparam("b_realm"), members.c.member_id == bindparam("b_member")
)
_GROUPS_OF = Prepared(select(members.c.group_id).where(_IS_MEMBER))
_LEAVE_ALL = Prepared(delete(members).where(_IS_MEMBER))
