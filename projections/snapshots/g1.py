"""Generation 1 of the snapshots: at most one row a user, of users with many events alone.

As in a payload, what names a person stands apart (``personal``), so that it can be sealed under
the key of its subject, and a row goes when its user is deleted (ADR 0005).
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
)

from domain.events import Stream
from domain.topics import AGGREGATE_OF, EVENTS
from domain.user import User
from projections.database import Database
from projections.engines.types import Identifier
from projections.event_store import folding
from projections.generations import Positioned
from projections.mapper import EventMapper
from projections.prepared import Prepared
from projections.recorder import STREAM, WHOLE_STREAM, stored_events
from projections.snapshots import INTERVAL
from projections.tables import events as log

READ_MODEL = "snapshots"
KIND = "User"
_FORMAT = 1
"""To be counted up when what a row says, or what an event does to a user, changes its meaning."""

metadata = MetaData()
snapshots = Table(
    "snapshots_g1",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("stream_id", Identifier, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("schema", String(16), nullable=False),
    Column("last_event", String(64), nullable=False),
    Column("clear", LargeBinary, nullable=False),
    Column("personal", LargeBinary, nullable=False),
    Column("digest", String(64), nullable=False),
    Index("snapshots_g1_by_realm", "realm", "stream_id"),
)
_fold = folding(KIND, User.evolve)


def schema_of(kinds: Mapping[str, Any]) -> str:
    """Return what tells whether rows were folded from events as this code reads them."""
    versions = {
        topic: kind.schema_version for topic, kind in kinds.items() if AGGREGATE_OF[topic] == KIND
    }
    return sha256(orjson.dumps([_FORMAT, sorted(versions.items())])).hexdigest()[:16]


class SnapshotsG1:
    """The declaration; implements :class:`projections.generations.Generation`."""

    read_model: str = READ_MODEL
    number: int = 1
    metadata: MetaData = metadata

    def __init__(self, interval: int = INTERVAL) -> None:
        self.interval = interval
        self._mapper = EventMapper()
        self._schema = schema_of(EVENTS)

    def project(self, connection: Connection, events: Sequence[Positioned]) -> None:
        """Keep each user whose version is a multiple of the interval; forget who is deleted."""
        due: dict[UUID, int | None] = {}
        for _, recorded in events:
            if recorded.event.topic == User.Deleted.topic:
                due[recorded.originator_id] = None
            elif (
                recorded.originator_version % self.interval == 0
                and AGGREGATE_OF[recorded.event.topic] == KIND
            ):
                due[recorded.originator_id] = recorded.originator_version
        for stream_id, version in due.items():
            row = None if version is None else self._row(connection, stream_id, version)
            connection.execute(_DELETE, {"stream": str(stream_id)})
            if row is not None:
                connection.execute(insert(snapshots), row)

    def _row(self, connection: Connection, stream_id: UUID, version: int) -> dict[str, Any]:
        """Return the row of a stream in a version, folded on from the row there is."""
        bound = {"stream": str(stream_id)}
        row = _ONE.first(connection, bound)
        after = 0 if row is None or row[0] >= version else row[0]
        events = connection.execute(_BETWEEN, {**bound, "from": after, "upto": version}).all()
        before = self._continued(stream_id, row, events) if after else None
        if after and before is None:
            events = connection.execute(_BETWEEN, {**bound, "from": 0, "upto": version}).all()
        new = stored_events(stream_id, events if before is None else events[1:])
        folded = _fold(before, map(self._mapper.to_domain_event, new))
        said = {"realm": folded.realm, "correlation_id": folded.correlation_id}
        values = {
            "stream_id": str(stream_id),
            "version": version,
            "schema": self._schema,
            "last_event": sha256(events[-1].state).hexdigest(),
            "clear": orjson.dumps({**said, "deleted": folded.state.deleted}),
            "personal": orjson.dumps({"document": folded.state.document}),
        }
        return {"realm": folded.realm, **values, "digest": _digest(values.values())}

    def _continued(self, stream_id: UUID, row: Any, events: Sequence[Any]) -> Stream[User] | None:
        """Return the stream of a row, ``None`` unless it is whole, read as this code would have
        folded it, and the first of these events of the log is the last one that it was folded from.
        """
        if row is None or row[1] != self._schema or row[-1] != _digest([str(stream_id), *row[:-1]]):
            return None
        version, _, last_event, clear, personal, _ = row
        if not events or events[0][0] != version:
            return None
        if sha256(events[0][2]).hexdigest() != last_event:
            return None
        said, document = orjson.loads(clear), orjson.loads(personal)["document"]
        return Stream(
            id=stream_id,
            version=version,
            state=User(document, said["deleted"]),
            correlation_id=said["correlation_id"],
            realm=said["realm"],
        )

    def begun(
        self, database: Database, stream_id: UUID
    ) -> tuple[Stream[User] | None, Sequence[Any]]:
        """Return a stream as its snapshot says it, and its stored events from the last folded one.

        Without one to be believed: ``None``, and every event. A stream that has events and no row
        costs what it cost without snapshots: one statement.

        Raises:
            Unavailable: the database is busy or gone.
        """
        bound = {"stream": str(stream_id)}
        with database.glancing() as connection:
            events = _FROM_SNAPSHOT.rows(connection, bound)
            if events and events[0][0] == 1:
                return None, stored_events(stream_id, events)
            row = _ONE.first(connection, bound)
            if row is None and not events:
                return None, []
            if row is not None:  # it may have been replaced by a newer one since
                rest = [each for each in events if each[0] >= row[0]]
                stream = self._continued(stream_id, row, rest)
                if stream is not None:
                    return stream, stored_events(stream_id, rest)
            return None, stored_events(stream_id, WHOLE_STREAM.rows(connection, bound))


def _digest(values: Any) -> str:
    parts = [v if isinstance(v, bytes) else str(v).encode() for v in values]
    return sha256(b"\n".join(parts)).hexdigest()


_OWN = snapshots.c.stream_id == bindparam("stream")
_DELETE = delete(snapshots).where(_OWN)
_ONE = Prepared(
    select(*(c for c in snapshots.c if c.name not in {"realm", "stream_id"})).where(_OWN)
)
_BETWEEN = STREAM.where(
    log.c.originator_version >= bindparam("from"), log.c.originator_version <= bindparam("upto")
)
_FROM = select(snapshots.c.version).where(_OWN).scalar_subquery()
_FROM_SNAPSHOT = Prepared(STREAM.where(log.c.originator_version >= func.coalesce(_FROM, 1)))
