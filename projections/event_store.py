"""The eventsourcing library, put together around our recorder and mapper.

This module, :mod:`projections.recorder`, :mod:`projections.mapper` and, for two exceptions,
:mod:`projections.log` are the only ones that know the library: its next major version rewrites what
is above them (ADR 0002).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.application import Application, Repository
from eventsourcing.persistence import (
    ApplicationRecorder,
    EventStore,
    Mapper,
    Recording,
    StoredEvent,
)
from eventsourcing.utils import Environment
from sqlalchemy import Connection, func, select

from domain.events import RecordedEvent, Stream
from domain.group import MEMBER_TOPICS
from domain.topics import AGGREGATE_OF
from projections.database import Database
from projections.mapper import EventMapper
from projections.prepared import Prepared
from projections.recorder import SqlRecorder
from projections.tables import events

S = TypeVar("S")
Projector = Callable[[Any, Iterable[RecordedEvent[Any]]], Any]


class OtherKind(ValueError):
    """A stream is not of the kind it was taken for."""


class ThinStreams(EventStore[UUID]):
    """Streams without the events that only say who joined and left."""

    recorder: SqlRecorder

    def get(
        self,
        originator_id: UUID,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Iterator[Any]:
        """Return the events of a group about itself."""
        stored = self.recorder.select_events(
            originator_id, gt=gt, lte=lte, desc=desc, limit=limit, without_topics=MEMBER_TOPICS
        )
        return map(self.mapper.to_domain_event, stored)


class EventLog(Application[UUID]):
    """The library's application: saves events, loads aggregates."""

    recorder: SqlRecorder

    def __init__(self, database: Database) -> None:
        self._database = database
        super().__init__()
        self.thin = Repository(ThinStreams(self.mapper, self.recorder))

    def construct_env(self, name: str, env: Any = None) -> Environment:  # noqa: ARG002
        """Ignore the process environment: wiring belongs to the composition root."""
        return Environment(name, {})

    def construct_mapper(self) -> Mapper[UUID]:
        """Return our mapper."""
        return EventMapper()

    def save(self, *objs: Any, **kwargs: Any) -> list[Recording[UUID]]:
        """Put events into the store, and nothing else.

        The library also looks for aggregates among them, takes snapshots and wakes followers; none
        of that is here, and looking costs more than building the event did.
        """
        return self.events.put(objs, **kwargs)

    def read(
        self,
        after: int,
        limit: int,
        *,
        stop: int | None = None,
        connection: Connection | None = None,
    ) -> list[tuple[int, RecordedEvent[Any]]]:
        """Return events with their positions, in the order of the log.

        From after the position ``after`` up to ``stop``, which has to be a safe head wherever
        others write meanwhile (:meth:`projections.database.Database.safe_head`).
        """
        notifications = self.recorder.select_notifications(
            after, limit, stop, inclusive_of_start=False, connection=connection
        )
        return [(n.id, self.mapper.to_domain_event(n)) for n in notifications]  # type: ignore[misc]

    def decoded(self, stream_id: str, version: int, topic: str, state: bytes) -> RecordedEvent[Any]:
        """Return the event of a row of the log.

        Raises:
            EventFromTheFuture: its topic or its version is unknown to this code.
        """
        stored = StoredEvent(UUID(stream_id), version, topic, state)
        return self.mapper.to_domain_event(stored)  # type: ignore[return-value]  # ours

    def construct_recorder(self) -> ApplicationRecorder:
        """Return our recorder."""
        return SqlRecorder(self._database)


def newest_position(connection: Connection) -> int:
    """Return the position of the newest event that the connection sees, 0 in an empty log."""
    return _NEWEST.first(connection)[0] or 0


def folding(kind: str, evolve: Callable[[S | None, Any], S]) -> Projector:
    """Return the function that folds a stream of a kind with its aggregate's ``evolve``.

    The function raises :class:`OtherKind` on a stream of another kind.
    """

    def fold(stream: Stream[S] | None, events: Iterable[RecordedEvent[Any]]) -> Stream[S] | None:
        for recorded in events:
            if AGGREGATE_OF[recorded.event.topic] != kind:
                raise OtherKind(f"{recorded.event.topic} does not belong in a {kind} stream")
            stream = Stream(
                id=recorded.originator_id,
                version=recorded.originator_version,
                state=evolve(stream.state if stream else None, recorded.event),
                correlation_id=recorded.cause.correlation_id,
                realm=recorded.cause.realm,
            )
        return stream

    return fold


_NEWEST = Prepared(select(func.max(events.c.position)))
