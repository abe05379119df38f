"""Filling a generation from the log beside live writes.

First realm by realm, stream by stream, up to a position; then on along the log until it is close;
then, while nobody writes, the last few events, and from there on every write takes it along. Each
piece commits with the note of how far it reaches: it may stop anywhere, and goes on from there.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import Connection

from projections.engines.backend import Hold
from projections.event_store import newest_position
from projections.fillings import Filling, Place, Whole
from projections.followers.checkpoints import Checkpoint
from projections.followers.parking import project_beside
from projections.generations import FILLING, SHADOW, Generation, Positioned
from projections.log import SqlLog
from projections.processes import process_name
from projections.realm_streams import count_events, list_realms, read_streams
from projections.spares import Spare
from projections.states import begin_state, set_state, states_of
from replay.rebuilding.pace import Pace
from replay.rebuilding.patience import Courtesy, Patience, Stopped, surely
from replay.rebuilding.progress import Progress, Reached
from replay.rebuilding.refusals import HeldByAnother, RebuildRefused

CLOSE = 20
"""Events that may be left for the moment in which nobody writes."""
_ROUNDS = 100
_BATCH = 500


class _Taken(NamedTuple):
    """A piece that is in: how many events, up to which position, in how many seconds."""

    events: int
    position: int
    seconds: float


class Filler:
    """Fills one generation; ``live`` is the one that is read meanwhile."""

    def __init__(  # noqa: PLR0913, PLR0917  # the parts of one filling
        self,
        log: SqlLog,
        generation: Generation,
        live: Generation,
        hold: Hold,
        progress: Progress,
        stopped: threading.Event,
    ) -> None:
        self._log = log
        self._database = log.database
        self._generation = generation
        self._live = live
        self._patience = Patience(log.database, hold, stopped)
        self._courtesy = Courtesy(log.database, stopped.wait)
        self._progress = progress
        self._stopped = stopped
        self._filling = Filling(generation)
        self._follows = log.registry.follows(generation.read_model)
        self._pace = Pace(self._database.backend.slice_seconds)
        self._reporting = threading.Lock()
        self._done, self._total = 0, 0

    def begin(self) -> None:
        """Make the tables and note the beginning, unless it is noted already."""
        stop = self._safe_stop()
        with self._database.migrating() as connection:
            state = states_of(connection, self._generation.read_model)
            if state.get(self._generation.number) != FILLING:
                tables = self._generation.metadata
                if isinstance(self._generation, Spare):
                    tables = self._generation.tables(uuid4().hex[:6])
                tables.create_all(connection)
                begin_state(connection, self._log.registry, self._generation, FILLING)
                self._filling.begin(connection, stop)
            self._filling.held_by(connection, process_name())
            connection.commit()

    def fill(self, only: str | None = None) -> bool:
        """Take what the log holds, of one realm or of all; return whether every realm is in."""
        whole = self._whole()
        with self._database.reading() as connection:
            self._done = self._filling.filled(connection)
            self._total = count_events(connection, whole.position)
            realms = list_realms(connection, whole.position)
            done = self._filling.done(connection)
        left = [realm for realm in realms if realm not in done]
        if not whole.realms_done:
            self._each(
                [realm for realm in left if only in {None, realm}],
                lambda realm: self._fill_realm(realm, whole.position),
            )
            if only is not None and set(left) - {only}:
                return False
            self._patience.persistently(self._note_realms_done)
        self._follow()
        return True

    def finish(self) -> None:
        """Take the last events while nobody writes; from the commit on every write takes it along.

        A follower is brought level with the live one while that may not move.
        """
        self._patience.persistently(self._finish_follower if self._follows else self._finish_inline)

    def _finish_inline(self) -> None:
        with self._database.writing_alone() as connection:
            reached = self._held_whole(connection).position
            while found := self._log.events.read(reached, _BATCH, connection=connection):
                self._project(connection, [Positioned(*each) for each in found])
                reached = found[-1][0]
            self._filling.advance(connection, reached, 0)
            self._to_shadow(connection)

    def _finish_follower(self) -> None:
        with self._database.writing() as connection:
            at = Checkpoint(self._live).hold(connection)
            reached = self._held_whole(connection).position
            while found := self._log.events.read(reached, _BATCH, stop=at, connection=connection):
                self._project(connection, [Positioned(*each) for each in found])
                reached = found[-1][0]
            self._filling.advance(connection, at, 0)
            Checkpoint(self._generation).move(connection, at, self._log.clock())
            self._to_shadow(connection)

    def _to_shadow(self, connection: Connection) -> None:
        name, number = self._generation.read_model, self._generation.number
        set_state(connection, self._log.registry, name, number, SHADOW)
        connection.commit()

    def _each(self, realms: Sequence[str], fill: Callable[[str], None]) -> None:
        """Fill realms, as many at a time as the engine takes; stop all when one cannot go on."""
        fillers = min(self._database.backend.fillers, len(realms))
        if fillers <= 1:
            for realm in realms:
                fill(realm)
            return

        def guarded(realm: str) -> None:
            try:
                fill(realm)
            except BaseException:
                self._stopped.set()
                raise

        with ThreadPoolExecutor(fillers, thread_name_prefix="rollbook filler") as threads:
            try:
                futures = [threads.submit(guarded, realm) for realm in realms]
                failures = [error for each in futures if (error := each.exception()) is not None]
            except BaseException:
                self._stopped.set()  # Ctrl-C: the pieces at work end first
                raise
        failures.sort(key=lambda error: isinstance(error, Stopped))
        if failures:
            raise failures[0]

    def _fill_realm(self, realm: str, stop: int) -> None:
        with self._database.reading() as connection:
            place = self._filling.place(connection, realm)
        while not place.done:
            piece = partial(surely, self._piece, realm, place, stop)
            place, taken = self._patience.persistently(piece)
            self._took(taken)

    def _piece(self, realm: str, place: Place, stop: int, *, beside: bool) -> tuple[Place, _Taken]:
        """Take the next events of a realm in one transaction; return where it stands then."""
        with self._database.reading() as connection:
            found, after = read_streams(
                connection, self._log.events, realm, place, stop=stop, limit=self._pace.size
            )
        with self._database.filling() as connection:
            began = perf_counter()
            if self._filling.held_place(connection, realm) != place:
                raise self._another()
            self._project(connection, found, beside=beside)
            self._filling.move(connection, realm, after, len(found))
            connection.commit()
            seconds = perf_counter() - began
        return after, _Taken(len(found), found[-1].position if found else 0, seconds)

    def _note_realms_done(self) -> None:
        with self._database.writing_beside() as connection:
            self._filling.realms_done(connection)
            connection.commit()

    def _follow(self) -> None:
        """Go on along the log until few events are left."""
        for _ in range(_ROUNDS):
            stop, reached = self._safe_stop(), self._whole().position
            while reached < stop:
                step = partial(surely, self._step, reached, stop)
                taken = self._patience.persistently(step)
                reached = taken.position
                self._took(taken)
            with self._database.reading() as connection:
                newest = stop if self._follows else newest_position(connection)
            if newest - reached <= CLOSE:
                return

    def _step(self, reached: int, stop: int, *, beside: bool) -> _Taken:
        read = self._log.events.read(reached, self._pace.size, stop=stop)
        found = [Positioned(*each) for each in read]
        to = found[-1].position if found else stop
        with self._database.filling() as connection:
            began = perf_counter()
            if self._held_whole(connection).position != reached:
                raise self._another()
            self._project(connection, found, beside=beside)
            self._filling.advance(connection, to, len(found))
            connection.commit()
            seconds = perf_counter() - began
        return _Taken(len(found), to, seconds)

    def _project(
        self, connection: Connection, found: Sequence[Positioned], *, beside: bool = True
    ) -> None:
        if not found:
            return
        if beside or Checkpoint(self._generation).stale_streams(connection):
            project_beside(connection, self._generation, found, self._log.clock())
        else:
            self._generation.project(connection, found)

    def _safe_stop(self) -> int:
        """Return how far the log may be taken: below that nothing is still to come."""
        if not self._follows:
            return self._database.safe_head()
        with self._database.reading() as connection:
            return Checkpoint(self._live).position(connection)

    def _whole(self) -> Whole:
        with self._database.reading() as connection:
            return self._begun(self._filling.whole(connection))

    def _held_whole(self, connection: Connection) -> Whole:
        return self._begun(self._filling.held_whole(connection))

    def _begun(self, found: Whole | None) -> Whole:
        if found is None:
            raise RebuildRefused(f"the filling of {self._generation.read_model} was dropped")
        return found

    def _another(self) -> HeldByAnother:
        return HeldByAnother(
            f"another process goes on with {self._generation.read_model}; let it, or try again"
        )

    def _took(self, taken: _Taken) -> None:
        """Learn from a piece that is in, and say so."""
        self._pace.took(taken.events, taken.seconds)
        with self._reporting:
            self._done += taken.events
            total = max(self._total, self._done)
            self._progress(Reached("filling", self._done, total, taken.position))
        self._courtesy.give_way(taken.seconds)
