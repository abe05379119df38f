"""What a database really holds, read beside the server that serves it and never written.

"No effect" is a statement about the database: no new event, and the read model as it was.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from sqlalchemy import Connection, Select, func, select

from api.composition import known_generations
from domain.events import RecordedEvent
from projections.database import Database
from projections.directory.g1.projection import TABLES
from projections.event_store import EventLog
from projections.tables import (
    checkpoints,
    claims,
    events,
    members,
    realms,
    request_gaps,
    requests,
    streams,
)
from tests.derived import Beside, beside
from tests.engines import looking_at
from tests.houses import all_rows

_FOLLOWING = {
    checkpoints.name,
    requests.name,
    request_gaps.name,
    *(n for g in known_generations().followed for n in g.metadata.tables),
}


class Evidence:
    """One database by its URL, and one of its realms by slug."""

    def __init__(self, url: str, slug: str = "acme") -> None:
        self.url = url
        self.slug = slug

    def select(self, statement: Select[Any]) -> list[tuple[Any, ...]]:
        """Run one SELECT on a connection of its own that cannot write."""
        with looking_at(self.url) as connection:
            return _rows(connection, statement)

    @property
    def realm(self) -> str:
        """The id of the realm."""
        return str(self.select(select(realms.c.realm).where(realms.c.slug == self.slug))[0][0])

    def event_count(self) -> int:
        """Return the number of events of all realms."""
        return int(self.select(select(func.count()).select_from(events))[0][0])

    def topics(self, stream_id: str) -> list[str]:
        """Return the topics of a stream in their order."""
        found = self.select(
            select(events.c.topic)
            .where(events.c.originator_id == stream_id)
            .order_by(events.c.originator_version)
        )
        return [topic for (topic,) in found]

    def members(self, group_id: str) -> set[str]:
        """Return the member rows of a group."""
        found = self.select(select(members.c.member_id).where(members.c.group_id == group_id))
        return {member for (member,) in found}

    def owners(self, kind: str) -> dict[str, str]:
        """Return the claims of the realm of one kind: who has which key."""
        taken = select(claims.c.key, claims.c.owner)
        found = self.select(taken.where(claims.c.realm == self.realm, claims.c.kind == kind))
        return {row[0]: row[1] for row in found}

    def contents(self) -> dict[str, str]:
        """Return a digest of every table there is, the log included; not of what follows it.

        A follower may still be catching up with what was recorded before.
        """
        with looking_at(self.url) as connection:
            found = all_rows(connection)
        return {name: _digest(rows) for name, rows in found.items() if name not in _FOLLOWING}

    @contextmanager
    def nothing_happens(self) -> Iterator[None]:
        """Fail unless the block leaves the log, the claims and the read model as they were."""
        count, before = self.event_count(), self.contents()
        yield
        assert self.event_count() == count, "an event was recorded"
        after = self.contents()
        changed = [name for name in before if before[name] != after[name]]
        assert not changed, f"changed without an event: {changed}"

    @contextmanager
    def new_events(self, expected: int) -> Iterator[None]:
        """Fail unless the block records exactly so many events."""
        count = self.event_count()
        yield
        assert self.event_count() - count == expected

    def events(self) -> list[RecordedEvent[Any]]:
        """Return the events of the realm, in the order of the log."""
        with looking_at(self.url) as connection:
            return self._events(connection, self.realm)

    def _events(self, connection: Connection, realm: str) -> list[RecordedEvent[Any]]:
        database = Database(self.url)
        try:
            found = EventLog(database).read(0, 10_000_000, connection=connection)
            return [r for _, r in found if r.cause.realm == realm]
        finally:
            database.close()

    def assert_consistent(self) -> Beside:
        """Fail unless heads, claims, members and documents are what the realm's events say.

        The fold itself refuses a stream whose versions have a gap or a double, a member that was
        added twice, and two living resources of one name. All is seen at one instant, whoever
        writes meanwhile.
        """
        realm = self.realm
        with looking_at(self.url) as connection:
            said = beside(self._events(connection, realm))
            _assert_beside(connection, realm, said)
        return said


def _assert_beside(connection: Connection, realm: str, said: Beside) -> None:
    heads = select(streams.c.id, streams.c.version, streams.c.deleted)
    found = _rows(connection, heads.where(streams.c.realm == realm))
    assert {id_: (version, deleted) for id_, version, deleted in found} == {
        id_: (head.version, head.deleted) for (_, id_), head in said.heads.items()
    }
    taken = select(claims.c.realm, claims.c.kind, claims.c.key, claims.c.owner)
    found = _rows(connection, taken.where(claims.c.realm == realm))
    assert {row[:3]: row[3] for row in found} == said.claims
    joined: dict[tuple[str, str], set[str]] = {}
    rows = select(members.c.group_id, members.c.member_id).where(members.c.realm == realm)
    for group, member in _rows(connection, rows):
        joined.setdefault((realm, group), set()).add(member)
        assert not said.heads[realm, member].deleted, "a member that does not exist"
    assert joined == said.members
    documents = {
        (realm, id_): _document(text)
        for table in TABLES.values()
        for id_, text in _rows(
            connection, select(table.c.id, table.c.document).where(table.c.realm == realm)
        )
    }
    assert documents == {
        key: state.document
        for key, state in said.states.items()
        if said.heads[key].type != "Realm" and not state.deleted
    }


def _rows(connection: Connection, statement: Select[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(statement)]


def _digest(rows: list[tuple[Any, ...]]) -> str:
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def _document(text: str) -> dict[str, Any]:
    whole = orjson.loads(text)
    return {name: value for name, value in whole.items() if name not in ("schemas", "id")}
