"""The recorder of the log: the eventsourcing library's contract on SQLAlchemy Core (ADR 0003)."""

from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    Notification,
    StoredEvent,
)
from sqlalchemy import Connection, Select, bindparam, func, select

from projections.database import Database
from projections.prepared import Prepared
from projections.row_statements import inserting
from projections.tables import events


class Envelope(NamedTuple):
    """The columns that stand beside every event of one transaction."""

    realm: str | None
    recorded_at: int | None
    correlation_id: str | None


_INSERT = inserting(events, number="position")
_INSERT_NUMBERED = inserting(events)
STREAM = (
    select(events.c.originator_version, events.c.topic, events.c.state)
    .where(events.c.originator_id == bindparam("stream"))
    .order_by(events.c.originator_version)
)
WHOLE_STREAM = Prepared(STREAM)
"""What loading an aggregate asks for."""
_REST_OF_STREAM = Prepared(STREAM.where(events.c.originator_version > bindparam("gt")))
"""What reading on from a version asks for."""


def stored_events(originator_id: UUID | str, rows: Sequence[Any]) -> list[StoredEvent]:
    """Return rows of version, topic and state as the library's stored events."""
    id_ = originator_id if isinstance(originator_id, UUID) else UUID(originator_id)
    return [StoredEvent(id_, version, topic, state) for version, topic, state in rows]


class SqlRecorder(ApplicationRecorder):
    """Records events and selects them, on the caller's connection where one is handed down."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        connection: Connection | None = None,
        envelope: Envelope | None = None,
        position: int | None = None,
        **_kwargs: Any,
    ) -> Sequence[int]:
        """Insert events and return their positions in the log, in the same order.

        ``position`` is that of a single event, where its transaction has drawn it already.

        Raises:
            IntegrityError: a stream has an event of that version already.
        """
        if connection is not None:
            return self._insert(connection, stored_events, envelope, position)
        with self.database.writing() as own:
            positions = self._insert(own, stored_events, envelope)
            own.commit()
            return positions

    def _insert(
        self,
        connection: Connection,
        stored: Sequence[StoredEvent],
        envelope: Envelope | None,
        position: int | None = None,
    ) -> list[int]:
        if not stored:
            return []
        beside = (envelope or Envelope(None, None, None))._asdict()
        rows = [
            {
                "originator_id": str(event.originator_id),
                "originator_version": event.originator_version,
                "topic": event.topic,
                "state": event.state,
                **beside,
            }
            for event in stored
        ]
        if position is not None and len(rows) == 1:
            _INSERT_NUMBERED.write(connection, [{**rows[0], "position": position}])
            return [position]
        try:
            return _INSERT.numbered(connection, rows)
        except connection.dialect.dbapi.IntegrityError as error:  # type: ignore[union-attr]
            raise IntegrityError(str(error)) from error

    def select_events(  # noqa: PLR0913  # the library's signature
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
        without_topics: Sequence[str] = (),
    ) -> Sequence[StoredEvent]:
        """Return the events of a stream by version, leaving out those of some topics."""
        stream = {"stream": str(originator_id)}
        if lte is None and limit is None and not desc and not without_topics:
            wanted = WHOLE_STREAM if gt is None else _REST_OF_STREAM
            bound = stream if gt is None else {**stream, "gt": gt}
            with self.database.glancing() as connection:
                return stored_events(originator_id, wanted.rows(connection, bound))
        version = events.c.originator_version
        statement = STREAM
        if gt is not None:
            statement = statement.where(version > gt)
        if lte is not None:
            statement = statement.where(version <= lte)
        if without_topics:
            statement = statement.where(events.c.topic.not_in(without_topics))
        if desc:
            statement = statement.order_by(None).order_by(version.desc())
        if limit is not None:
            statement = statement.limit(limit)
        with self.database.reading() as connection:
            return stored_events(originator_id, connection.execute(statement, stream).all())

    def select_notifications(  # noqa: PLR0913  # the library's signature
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
        connection: Connection | None = None,
    ) -> Sequence[Notification]:
        """Return events by position in the log, in the caller's snapshot where one is given."""
        position = events.c.position
        statement: Select[Any] = select(
            position,
            events.c.originator_id,
            events.c.originator_version,
            events.c.topic,
            events.c.state,
        )
        if start is not None:
            statement = statement.where(
                position >= start if inclusive_of_start else position > start
            )
        if stop is not None:
            statement = statement.where(position <= stop)
        if topics:
            statement = statement.where(events.c.topic.in_(topics))
        statement = statement.order_by(position).limit(limit)
        if connection is not None:
            rows = connection.execute(statement).all()
        else:
            with self.database.reading() as own:
                rows = own.execute(statement).all()
        return [
            Notification(
                originator_id=UUID(id_), originator_version=version, topic=t, state=state, id=number
            )
            for number, id_, version, t, state in rows
        ]

    def max_notification_id(self) -> int | None:
        """Return the newest position, or ``None`` in an empty log."""
        with self.database.reading() as connection:
            newest: int | None = connection.scalar(select(func.max(events.c.position)))
        return newest

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> NoReturn:
        """Refuse: followers read the log in batches (ADR 0003)."""
        raise NotImplementedError("the log is followed in batches, not subscribed to")
