"""The order of the log on PostgreSQL: nobody misses an event, however late writers commit.

ABUSE J4, the delayed-commit trap. A position is drawn before its transaction commits, so a reader
that trusts the newest position it sees passes by what is still to come.
"""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import Connection, MetaData, select, text

from domain.cause import Actor, Cause
from domain.events import RecordedEvent
from domain.user import User
from projections.database import Database
from projections.engines import postgresql as engine
from projections.engines.backend import Begin, Hold
from projections.followers.following import Following
from projections.generations import Generation, Positioned
from projections.log import SqlLog
from projections.mapper import EventMapper
from projections.migration import migrate
from projections.recorder import Envelope
from projections.registry import Registry
from projections.tables import events
from replay.rebuilding.filling import Filler
from replay.rebuilding.progress import unwatched
from tests.houses import KEY
from tests.postgresql.cluster import Cluster
from tests.projections.followed import Notes, following

WRITERS = 8
WRITES = 20_000
SABOTAGED_WRITES = 3_000
LONGEST_HOLD = 0.004
"""Seconds that a writer keeps its transaction open, at random: many others pass it meanwhile."""
CLOSE = 40
"""How many positions the follower may be behind before writers wait for it."""
CAUSE = Cause("00000000-0000-7000-8000-000000000000", Actor("client", "scim"), "c" * 32, "test")


@pytest.fixture
def log(postgresql: Cluster) -> Iterator[SqlLog]:
    name = f"order_{uuid4().hex[:8]}"
    database = Database(postgresql.create_database(name))
    registry = Registry([Kept()])
    migrate(database, registry)
    yield SqlLog(database, registry, KEY)
    database.close()
    postgresql.drop_database(name)


class Kept(Notes):
    """As the follower's notes, written inline."""

    read_model = "kept"
    metadata = MetaData()
    table = Notes.table.to_metadata(metadata, name="kept_g1")


class Trap:
    """Writers that hold their transactions open while a follower and a rebuild tail the log."""

    def __init__(self, log: SqlLog, writes: int) -> None:
        self.log = log
        self.written: list[int] = []
        self.out_of_order = 0
        self.taken_meanwhile = 0
        self.notes = Notes()
        self.live = log.registry.every["kept", 1]
        self.built = log.registry.every["kept", -1]
        self.followed_by_rebuild = 0
        self._hold: Hold | None = None
        self._writes = writes
        self._writing = threading.Event()
        self._highest = 0
        self._reached = 0
        self._followed = threading.Condition()

    def spring(self) -> None:
        """Write everything, and follow until the end of the log."""
        follower, filler = following(self.log, self.notes), self.begun()
        self._writing.set()
        with ThreadPoolExecutor(WRITERS + 2) as threads:
            tail = threads.submit(self._tail, follower)
            rebuild = threads.submit(self._rebuild, filler)
            counts = [self._writes // WRITERS] * WRITERS
            list(threads.map(self._write, counts, range(WRITERS)))
            self._writing.clear()
            self.taken_meanwhile = tail.result()
            rebuild.result()
            self.release()
        follower.catch_up()

    def begun(self) -> Filler:
        """Begin a rebuild before the first event: these events have no heads to find them by."""
        self._hold = self.log.database.hold("rebuild-kept")
        assert self._hold is not None
        filler = Filler(self.log, self.built, self.live, self._hold, unwatched, threading.Event())
        filler.begin()
        return filler

    def release(self) -> None:
        """Let others rebuild."""
        if self._hold is not None:
            self._hold.release()

    def _rebuild(self, filler: Filler) -> None:
        """Fill the spare tables along the log until half is written; then have them written."""
        filler.fill()
        while len(self.written) < self._writes / 2:
            with self._followed:
                self._followed.wait(timeout=1)
            filler._follow()
        self.followed_by_rebuild = len(self.noted(self.built))
        filler.finish()

    def noted(self, generation: Generation) -> list[int]:
        """The positions that a generation has rows for, in order."""
        [table] = generation.metadata.sorted_tables
        with self.log.database.reading() as connection:
            return sorted(connection.scalars(select(table.c.position)))

    def _tail(self, follower: Following) -> int:
        taken = 0
        while self._writing.is_set():
            taken += follower.step()
            with follower.database.reading() as connection, self._followed:
                self._reached = follower.checkpoint.position(connection)
                self._followed.notify_all()
        return taken

    def _keep_close(self) -> None:
        """Wait while the follower is far behind: only at its head can it miss what comes late."""
        with self._followed:
            self._followed.wait_for(lambda: self._highest - self._reached < CLOSE, timeout=10)

    def _write(self, count: int, seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311  # a repeatable order, no secret
        for _ in range(count):
            self._keep_close()
            recorded = an_event()
            with self.log.database.writing() as connection:
                written = self.log.registry.written(connection)
                position = inserted(self.log, connection, recorded)
                if rng.random() < 0.2:
                    # The fault itself, not a wait for something to happen.
                    time.sleep(rng.uniform(0, LONGEST_HOLD))
                for generation, _ in written:
                    generation.project(connection, [Positioned(position, recorded)])
                connection.commit()
            self.written.append(position)
            self.out_of_order += position < self._highest
            self._highest = max(self._highest, position)


def an_event() -> RecordedEvent[User.Deleted]:
    return RecordedEvent(uuid4(), 1, User.Deleted(), 1, CAUSE)


def inserted(log: SqlLog, connection: Connection, recorded: RecordedEvent[User.Deleted]) -> int:
    """Record an event; return its position."""
    [position] = log.events.recorder.insert_events(
        [EventMapper().to_stored_event(recorded)],
        connection=connection,
        envelope=Envelope(CAUSE.realm, 1, CAUSE.correlation_id),
    )
    assert isinstance(position, int)
    return position


def without_barrier(log: SqlLog, monkeypatch: pytest.MonkeyPatch) -> None:
    def naive(self: Database) -> int:
        return log.events.recorder.max_notification_id() or 0

    monkeypatch.setattr(Database, "safe_head", naive)
    monkeypatch.setattr(Database, "writing_alone", Database.writing)


def test_j4_no_event_is_missed_or_doubled_however_late_it_commits(log: SqlLog) -> None:
    trap = Trap(log, WRITES)
    trap.spring()
    assert trap.out_of_order > WRITES / 100, "the fault did not fire: all commits came in order"
    assert trap.taken_meanwhile > WRITES * 0.9, "the follower was not at the end of the log"
    assert len(trap.written) == WRITES
    assert trap.notes.noted(log.database) == sorted(trap.written)
    assert WRITES / 3 < trap.followed_by_rebuild < WRITES, "the rebuild was not along the log"
    assert trap.noted(trap.built) == trap.noted(trap.live) == sorted(trap.written)


def test_j4_sabotage_without_the_barrier_events_are_missed(
    log: SqlLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_barrier(log, monkeypatch)
    trap = Trap(log, SABOTAGED_WRITES)
    trap.spring()
    assert trap.out_of_order
    missed = set(trap.written) - set(trap.notes.noted(log.database))
    assert missed, "the barrier is not what keeps the events"


def test_j4_sabotage_without_the_barrier_a_rebuild_passes_by_what_comes_late(
    log: SqlLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_barrier(log, monkeypatch)
    trap = Trap(log, 0)
    filler = trap.begun()
    filler.fill()
    with log.database.writing() as late:
        passed_by = inserted(log, late, an_event())
        with log.database.writing() as punctual:
            taken = inserted(log, punctual, an_event())
            punctual.commit()
        filler._follow()
        late.commit()
    filler.finish()
    trap.release()
    assert passed_by < taken
    assert trap.noted(trap.built) == [taken], "the barrier is not what keeps the events"


WAITING = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


def wait_for_whoever_waits(log: SqlLog) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with log.database.glancing() as connection:
            if connection.scalar(WAITING):
                return
    pytest.fail("nobody waited for the barrier")


def seen_whole(log: SqlLog) -> tuple[int, list[int]]:
    """The head of a snapshot of the log, and the positions the snapshot shows up to there."""
    with log.database.reading_log() as snapshot:
        positions = select(events.c.position).where(events.c.position <= snapshot.head)
        return snapshot.head, sorted(snapshot.connection.scalars(positions))


def test_a_snapshot_of_the_log_waits_for_who_has_drawn_a_position(log: SqlLog) -> None:
    with ThreadPoolExecutor(1) as pool:
        with log.database.writing() as late:
            passed_by = inserted(log, late, an_event())
            with log.database.writing() as punctual:
                newest = inserted(log, punctual, an_event())
                punctual.commit()
            asked = pool.submit(seen_whole, log)
            wait_for_whoever_waits(log)
            late.commit()
        assert asked.result() == (newest, [passed_by, newest])


def test_sabotage_a_snapshot_of_the_log_without_the_barrier_has_a_gap(
    log: SqlLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine._BEGIN, Begin.HEAD, "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY")
    with log.database.writing() as late:
        inserted(log, late, an_event())
        with log.database.writing() as punctual:
            newest = inserted(log, punctual, an_event())
            punctual.commit()
        assert seen_whole(log) == (newest, [newest]), "the barrier is not what closes the gap"


def test_who_writes_alone_waits_for_a_follower(log: SqlLog) -> None:
    def alone() -> None:
        with log.database.writing_alone():
            pass

    with ThreadPoolExecutor(1) as pool:
        with log.database.following() as batch:
            batch.execute(select(events.c.position))
            waiting = pool.submit(alone)
            wait_for_whoever_waits(log)
        waiting.result()
