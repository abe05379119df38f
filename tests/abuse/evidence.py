"""What a database really holds, read beside the server that serves it and never written.

"No effect" is a statement about the database: no new event, and the read model as it was.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from domain.events import RecordedEvent
from projections.database import Database
from projections.event_store import EventLog
from tests.derived import Beside, beside

_LOG = "events"


class Evidence:
    """One database file, and one of its realms by slug."""

    def __init__(self, path: Path, slug: str = "acme") -> None:
        self.path = path
        self.slug = slug

    def select(self, statement: str, *bound: Any) -> list[tuple[Any, ...]]:
        """Run one SELECT on a connection of its own that cannot write."""
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as connection:
            return connection.execute(statement, bound).fetchall()

    @property
    def realm(self) -> str:
        """The id of the realm."""
        return str(self.select("SELECT realm FROM realms WHERE slug = ?", self.slug)[0][0])

    def event_count(self) -> int:
        """Return the number of events of all realms."""
        return int(self.select("SELECT count(*) FROM events")[0][0])

    def topics(self, stream_id: str) -> list[str]:
        """Return the topics of a stream in their order."""
        found = self.select(
            "SELECT topic FROM events WHERE originator_id IN (?, ?) ORDER BY originator_version",
            stream_id,
            UUID(stream_id).hex,
        )
        return [topic for (topic,) in found]

    def members(self, group_id: str) -> set[str]:
        """Return the member rows of a group."""
        found = self.select("SELECT member_id FROM members WHERE group_id = ?", group_id)
        return {member for (member,) in found}

    def owners(self, kind: str) -> dict[str, str]:
        """Return the claims of the realm of one kind: who has which key."""
        found = self.select(
            "SELECT key, owner FROM claims WHERE realm = ? AND kind = ?", self.realm, kind
        )
        return dict(found)

    def contents(self) -> dict[str, str]:
        """Return a digest of every table there is, the log included."""
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as connection:
            connection.execute("BEGIN")
            tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            return {name: _digest(connection, name) for (name,) in tables.fetchall()}

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
        database = Database(f"sqlite:///{self.path}")
        try:
            log, realm = EventLog(database), self.realm
            return [r for _, r in log.read(0, 10_000_000) if r.cause.realm == realm]
        finally:
            database.close()

    def assert_consistent(self) -> Beside:
        """Fail unless heads, claims, members and documents are what the realm's events say.

        The fold itself refuses a stream whose versions have a gap or a double, a member that was
        added twice, and two living resources of one name.
        """
        said, realm = beside(self.events()), self.realm
        heads = self.select("SELECT id, version, deleted FROM streams WHERE realm = ?", realm)
        assert {id_: (v, bool(d)) for id_, v, d in heads} == {
            id_: (head.version, head.deleted) for (_, id_), head in said.heads.items()
        }
        claims = self.select("SELECT kind, key, owner FROM claims WHERE realm = ?", realm)
        assert {(realm, kind, key): owner for kind, key, owner in claims} == said.claims
        joined: dict[tuple[str, str], set[str]] = {}
        rows = self.select("SELECT group_id, member_id FROM members WHERE realm = ?", realm)
        for group, member in rows:
            joined.setdefault((realm, group), set()).add(member)
            assert not said.heads[realm, member].deleted, "a member that does not exist"
        assert joined == said.members
        documents = {
            (realm, id_): _document(text)
            for table in ("users_g1", "groups_g1")
            for id_, text in self.select(f"SELECT id, document FROM {table} WHERE realm = ?", realm)  # noqa: S608  # two names of this function
        }
        assert documents == {
            key: state.document
            for key, state in said.states.items()
            if said.heads[key].type != "Realm" and not state.deleted
        }
        return said

    def assert_sound(self) -> None:
        """Fail unless SQLite itself finds the file in order."""
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _digest(connection: sqlite3.Connection, table: str) -> str:
    rows = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608  # a name of the schema
    return hashlib.sha256(repr(sorted(rows.fetchall(), key=repr)).encode()).hexdigest()


def _document(text: str) -> dict[str, Any]:
    whole = orjson.loads(text)
    return {name: value for name, value in whole.items() if name not in ("schemas", "id")}
