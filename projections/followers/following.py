"""One follower on its way along the log.

A batch is read and decoded before its transaction, and projected inside it together with the
checkpoint. An event that cannot be taken is tried again, then parked: it and what follows it in its
stream wait for an operator, everything else goes on (ABUSE J2).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import structlog
from sqlalchemy import Connection, func, select

from domain.ports import Clock
from domain.refusals import Unavailable, VersionConflict
from projections.database import Database
from projections.event_store import EventLog
from projections.followers.checkpoints import FOLLOWS_PARKED, Checkpoint
from projections.followers.parking import project_beside
from projections.generations import Generation, Positioned
from projections.tables import events as events_table

BATCH = 500
ATTEMPTS = 5
"""How often an event is tried before it is parked."""
_PAUSE = 0.02
_OUTAGES = (Unavailable, VersionConflict)
"""Not the event's fault: the batch is tried again, however long it takes."""
_NEWEST = select(func.max(events_table.c.position))
log = structlog.get_logger()


class Gathered:
    """What was read of the log in one turn: decoded once for all followers that stand alike."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int], Sequence[Positioned]] = {}

    def after(
        self, position: int, limit: int, read: Callable[[int, int], Sequence[Positioned]]
    ) -> Sequence[Positioned]:
        """Return the events after a position, at most so many; ``read`` is asked once."""
        if (position, limit) not in self._found:
            self._found[position, limit] = read(position, limit)
        return self._found[position, limit]


class Retried(NamedTuple):
    """What became of the parked events of a follower."""

    taken: int
    left: int


@dataclass(frozen=True)
class Following:
    """Keeps one followed read model behind the log of one database."""

    database: Database
    log: EventLog
    model: Generation
    clock: Clock
    pause: Callable[[float], object]
    """Waits so many seconds, or less when the process is to stop."""
    batch: int = BATCH
    beside: Callable[[Connection], Sequence[Generation]] = lambda _: ()
    """Returns the other generations that are written: they move in step. Asked while the checkpoint
    is held, which whoever changes that holds too."""

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint of the read model."""
        return Checkpoint(self.model)

    def step(self, gathered: Gathered | None = None) -> int:
        """Take the next batch of events; return how many there were, 0 at the end of the log.

        What is ``gathered`` is shared with other followers of the same turn.

        Raises:
            Unavailable, VersionConflict: the database is busy or gone; nothing was taken.
            EventFromTheFuture: this release does not know the next event; it is not skipped.
        """
        with self.database.reading() as connection:
            after = self.checkpoint.position(connection)
            newest = connection.scalar(_NEWEST) or 0
        if newest <= after:  # nobody needs to wait for us to learn that
            return 0
        found = (gathered or Gathered()).after(after, self.batch, self._read)
        if found:
            try:
                self._take(after, found)
            except _OUTAGES:
                raise
            except Exception:  # noqa: BLE001  # whatever a projection function raises
                self._take_one_by_one(after, found)
        return len(found)

    def _read(self, after: int, limit: int) -> Sequence[Positioned]:
        head = self.database.safe_head()
        return [Positioned(*each) for each in self.log.read(after, limit, stop=head)]

    def catch_up(self) -> int:
        """Take every event that is there; return how many. Raises as :meth:`step`."""
        total = 0
        while taken := self.step():
            total += taken
        return total

    def _take(self, after: int, found: Sequence[Positioned]) -> None:
        """Project events that follow the position ``after``, all or none.

        A crash that takes them takes the checkpoint's move with them: they come again.
        """
        with self.database.following() as connection:
            at = self.checkpoint.hold(connection)
            if at < after:
                return  # the read model begins anew: what stands between was never taken
            left = [event for event in found if event.position > at]
            if not left:
                return  # another leader was here (ABUSE J3)
            stale = self.checkpoint.stale_streams(connection)
            self.model.project(connection, [e for e in left if e.recorded.stream_id not in stale])
            now = self.clock()
            self._take_beside(connection, left, now)
            for event in left:
                if event.recorded.stream_id in stale:
                    self.checkpoint.park(connection, event, FOLLOWS_PARKED, now)
            self.checkpoint.move(connection, left[-1].position, now)
            connection.commit()

    def _take_beside(self, connection: Connection, events: Sequence[Positioned], now: int) -> None:
        """Have the other generations take the same events in the same transaction (ADR 0021)."""
        for generation in self.beside(connection):
            checkpoint = Checkpoint(generation)
            at = checkpoint.hold(connection)
            left = [event for event in events if event.position > at]
            if left and at >= 0:
                project_beside(connection, generation, left, now)
                checkpoint.move(connection, left[-1].position, now)

    def _take_one_by_one(self, after: int, found: Sequence[Positioned]) -> None:
        for event in found:
            error = self._attempts(after, event)
            if error is not None:
                self._park(after, event, error)
            after = event.position

    def _attempts(self, after: int, event: Positioned) -> Exception | None:
        """Try to take one event; return why it cannot be."""
        failure: Exception | None = None
        for attempt in range(ATTEMPTS):
            if attempt:
                self.pause(_PAUSE * 2**attempt)
            try:
                self._take(after, [event])
            except _OUTAGES:
                raise
            except Exception as error:  # noqa: BLE001  # as in step
                failure = error
            else:
                return None
        return failure

    def _park(self, after: int, event: Positioned, error: Exception) -> None:
        with self.database.writing() as connection:
            if self.checkpoint.hold(connection) == after:
                now = self.clock()
                self._take_beside(connection, [event], now)
                self.checkpoint.park(connection, event, repr(error), now)
                self.checkpoint.move(connection, event.position, now)
                connection.commit()
        log.error(
            "follower.parked",
            read_model=self.model.read_model,
            generation=self.model.number,
            position=event.position,
            topic=event.recorded.event.topic,
            error=repr(error),
        )

    def retry_parked(self) -> Retried:
        """Take parked events again, each stream's in its order, up to the first that still fails.

        Raises:
            Unavailable: the database is busy or gone; what was taken by then counts.
        """
        with self.database.reading() as connection:
            waiting = self.checkpoint.parked(connection)
        failed, taken = set[str](), 0
        for parked in waiting:
            if parked.stream_id in failed:
                continue
            if self._retry(parked.position):
                taken += 1
            else:
                failed.add(parked.stream_id)
        with self.database.reading() as connection:
            return Retried(taken, len(self.checkpoint.parked(connection)))

    def _retry(self, position: int) -> bool:
        [found] = self.log.read(position - 1, 1, stop=position)
        try:
            with self.database.writing() as connection:
                self.checkpoint.hold(connection)
                if self.checkpoint.unpark(connection, position):
                    self.model.project(connection, [Positioned(*found)])
                    connection.commit()
        except _OUTAGES:
            raise
        except Exception as error:  # noqa: BLE001  # as in step
            with self.database.writing() as connection:
                self.checkpoint.still_fails(connection, position, error)
                connection.commit()
            return False
        return True

    def record_failure(self, error: BaseException) -> None:
        """Keep why the follower does not get on, for ``rollbook replay status``."""
        with self.database.writing() as connection:
            self.checkpoint.fail(connection, error, self.clock())
            connection.commit()
