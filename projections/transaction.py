"""One write, one database transaction (ADR 0003).

The nine steps, in the only order there is:

1. the right to write; 2. which generations are written; 3. head rows locked, If-Match checked;
4. claims; 5. member rows; 6. events built; 7. saved through the library; 8. heads; 9. live
projections. Then commit. Steps 6 to 9 happen together when the block of the transaction ends.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select

from domain.cause import Cause, Warned
from domain.events import Event, RecordedEvent
from domain.ports import Clock, Head
from domain.topics import AGGREGATE_OF
from projections.beside import SqlClaims, SqlHeads, SqlMemberships
from projections.credentials import HashKey, SqlCredentials
from projections.departures import Departure, SqlDepartures
from projections.directory import live_directory
from projections.engines.spelling import NextNumber
from projections.engines.statements import Answer
from projections.event_store import EventLog
from projections.followers.parking import project_beside
from projections.generations import READ, Positioned
from projections.prepared import Prepared
from projections.realms import record_realm_events
from projections.recorder import Envelope
from projections.registry import Registry
from projections.tables import events as events_table
from projections.tables import realms

Last = Callable[[Connection, Collection[str]], None]
"""Asks, right before the commit, what is to be known of the streams that were written."""


class Step(IntEnum):
    """Where a transaction stands."""

    LOCK = 3
    CLAIM = 4
    MEMBERS = 5
    APPEND = 6


class EndOfLog(NamedTuple):
    """What stands at the end of the log once all that is to be locked is locked."""

    newest: int | None
    """The instant of the last event, ``None`` in an empty log."""
    position: int | None
    """One for an event of ours, ``None`` where the engine draws it as it inserts."""


class OutOfOrder(RuntimeError):
    """A handler went back a step: two of them could deadlock. A defect, not a refusal."""


class SqlTransaction:
    """The transaction of one command. Implements :class:`domain.ports.Transaction`."""

    def __init__(  # noqa: PLR0913  # the composition of one write
        self,
        connection: Connection,
        cause: Cause,
        *,
        log: EventLog,
        registry: Registry,
        key: HashKey,
        clock: Clock,
        last: Last | None = None,
    ) -> None:
        self._connection = connection
        self._cause = cause
        self._log = log
        self._clock = clock
        self._last = last
        self._written = registry.asked(connection)  # step 2, a statement of its own
        self._directory = live_directory(registry, connection)
        self._heads = SqlHeads(connection, cause.realm, self._locked)
        self._claims = SqlClaims(connection, cause.realm, self._locked)
        self._members = SqlMemberships(connection, cause.realm)
        self._credentials = SqlCredentials(connection, cause.realm, key, clock())
        self._step = Step.LOCK
        self._found: dict[str, Head] = {}
        self._pending: list[RecordedEvent[Any]] = []
        self._recorded_at: int | None = None
        self._promised: Answer | None = None
        self._end: EndOfLog | None = None
        self._following: dict[tuple[str, int], Cause] = {}

    def _reach(self, step: Step) -> None:
        if step < self._step:
            raise OutOfOrder(f"{step.name} after {self._step.name} (ADR 0003)")
        self._step = step

    @property
    def claims(self) -> SqlClaims:
        """Step 4."""
        self._reach(Step.CLAIM)
        return self._claims

    @property
    def members(self) -> SqlMemberships:
        """Step 5."""
        self._reach(Step.MEMBERS)
        return self._members

    @property
    def credentials(self) -> SqlCredentials:
        """Written beside the events of a realm."""
        return self._credentials

    def groups_of(self, member_id: str) -> Sequence[str]:
        """Return the groups a resource is a member of, sorted, so that they can be locked."""
        return self._members.groups_of(member_id)

    def depart(self, resource_type: str, resource_id: str, *, deleted: bool) -> None:
        """Count a deactivation or deletion against the realm's guard; step 4 comes next."""
        self._reach(Step.CLAIM)  # the guard is the last row that is locked
        departures = SqlDepartures(self._connection, self._cause.realm)
        guard = departures.guard()
        if guard is not None:
            self._locked()
            departure = Departure(resource_type, resource_id, deleted, self._now())
            departures.note(guard, departure, self._living)

    def _living(self, resource_type: str, limit: int) -> int:
        return self._directory.count_up_to(
            self._connection, self._cause.realm, resource_type, limit
        )

    def shares_external_id(
        self, resource_type: str, external_id: str, besides: str
    ) -> Callable[[], bool]:
        """Ask whether another resource of the type has this ``externalId``."""
        return self._directory.shares_external_id(
            self._connection, self._cause.realm, resource_type, external_id, besides
        )

    @property
    def unique_group_names(self) -> bool:
        """Whether group names are unique in this realm."""
        return bool(
            self._connection.scalar(
                select(realms.c.unique_group_names).where(realms.c.realm == self._cause.realm)
            )
        )

    def lock(
        self, *, written: Iterable[str] = (), referred: Iterable[str] = ()
    ) -> Mapping[str, Head]:
        """Step 3: lock head rows; return those of this realm that exist."""
        self._reach(Step.LOCK)
        found = self._heads.lock(written, referred)
        self._found.update(found)
        return found

    def append(
        self,
        stream_id: str,
        stream_type: str,
        events: Sequence[Event],
        *,
        warnings: Sequence[Warned] = (),
        caused_by: str | None = None,
    ) -> None:
        """Step 6: build the events that follow the newest version of a stream."""
        self._reach(Step.APPEND)
        cause, recorded_at = self._cause, self._now()
        if caused_by is not None:
            # The groups of a leaver all follow from one event.
            first = caused_by, self._found[caused_by].version
            cause = self._following.get(first) or cause.following(*first)
            self._following[first] = cause
        head = self._found.get(stream_id)
        version = head.version if head else 0
        for event in events:
            if AGGREGATE_OF[event.topic] != stream_type:
                raise ValueError(f"{event.topic} does not belong in a {stream_type} stream")
            version += 1
            self._pending.append(
                RecordedEvent(UUID(stream_id), version, event, recorded_at, cause, tuple(warnings))
            )
        if events:
            deleted = events[-1].topic.endswith(".deleted")
            self._found[stream_id] = Head(
                stream_id, stream_type, version, deleted, recorded_at, cause.correlation_id
            )

    def _now(self) -> int:
        """Return the one instant of this transaction, later than all it builds upon (ADR 0003)."""
        if self._recorded_at is None:
            newest = self._end_of_log().newest or 0
            heads = (head.recorded_at for head in self._found.values())
            self._recorded_at = max(self._clock(), newest + 1, *(at + 1 for at in heads))
        return self._recorded_at

    def _locked(self) -> None:
        """Ask for the end of the log anew: an answer from before a lock is worth nothing.

        Who held the lock we waited for drew his position before we had it, so in each stream
        positions rise with versions.
        """
        self._promised, self._end = _END_OF_LOG.promised(self._connection), None

    def _end_of_log(self) -> EndOfLog:
        if self._end is None:
            answer = self._promised or _END_OF_LOG.promised(self._connection)
            self._end = EndOfLog(*answer()[0])
        return self._end

    def commit(self) -> None:
        """Steps 7 to 9, then commit; nothing to record leaves nothing behind."""
        if not self._pending:
            return
        envelope = Envelope(self._cause.realm, self._now(), self._cause.correlation_id)
        position = self._end_of_log().position
        saved = self._log.save(
            *self._pending, connection=self._connection, envelope=envelope, position=position
        )
        positioned = [
            Positioned(recording.notification.id, recorded)
            for recording, recorded in zip(saved, self._pending, strict=True)
        ]
        touched = {recorded.stream_id for recorded in self._pending}
        begun = {r.stream_id for r in self._pending if r.originator_version == 1}
        self._heads.save([self._found[id_] for id_ in sorted(touched)], frozenset(begun))
        record_realm_events(self._connection, self._pending)
        for generation, state in self._written():
            if state == READ:
                generation.project(self._connection, positioned)
            else:
                project_beside(self._connection, generation, positioned, self._now())
        if self._last is not None:
            self._last(self._connection, touched)
        self._connection.commit()


NEWEST = select(events_table.c.recorded_at).order_by(events_table.c.position.desc()).limit(1)
_END_OF_LOG = Prepared(select(NEWEST.scalar_subquery(), NextNumber(events_table.c.position)))
