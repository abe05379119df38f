"""How the pieces of a filling are done beside everybody else: again, carefully, and with room."""

import threading
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import TypeVar

from domain.refusals import Unavailable, VersionConflict
from projections.database import Database
from projections.engines.backend import Hold
from projections.event_store import newest_position
from replay.rebuilding.refusals import RebuildRefused

_ATTEMPTS = 8
"""How often a piece is tried that the database was too busy for; each time twice as late."""
_FIRST_PAUSE = 0.05
_ASK_SECONDS = 2.0
"""How often the session that holds the read model is asked whether it is still there."""
_GIVES_WAY = 3
"""While others write and there is one right to write: how much longer than a piece it is left."""
_LEAST_PAUSE = 0.002
_NEAR = 1.0
"""Seconds for which who wrote is expected to write again."""
R = TypeVar("R")


class Stopped(Exception):
    """The filling was told to stop; what is in stays, and it goes on from there."""


def surely(take: Callable[..., R], *arguments: object) -> R:
    """Take a piece as it comes; where that fails, again, and park what cannot be taken.

    The savepoints that parking needs cost SQLite a copy of every page.
    """
    try:
        return take(*arguments, beside=False)
    except (Unavailable, VersionConflict, RebuildRefused):
        raise
    except Exception:  # noqa: BLE001  # whatever a projection function raises
        return take(*arguments, beside=True)


class Courtesy:
    """Leaves the one right to write of an engine to others while they write."""

    def __init__(
        self,
        database: Database,
        wait: Callable[[float], object],
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._database = database
        self._wait = wait
        self._clock = clock
        self._newest = 0
        # Who waits for the right from the beginning shows in the log only once he had it.
        self._wrote = clock()

    def give_way(self, taken: float) -> None:
        """Leave it alone for a while after a piece that took so many seconds.

        Whoever waits for it looks for it now and then, and has to find it free. What the piece left
        in the engine's log is brought in meanwhile: else the next write of another would wait until
        all of that is on the disk.
        """
        if self._database.backend.writers > 1:
            return
        began = self._clock()
        with self._database.reading() as connection:
            newest = newest_position(connection)
        if newest > self._newest:
            self._wrote = began
        self._newest = newest
        if began - self._wrote < _NEAR:
            with suppress(Unavailable):  # the next commit brings in what this could not
                self._database.tidy()
            left = _GIVES_WAY * taken - (self._clock() - began)
            self._wait(max(left, _LEAST_PAUSE))


class Patience:
    """Of one filling, whose read model is held by a lock; may be shared by threads."""

    def __init__(self, database: Database, hold: Hold, stopped: threading.Event) -> None:
        self._database = database
        self._hold = hold
        self._stopped = stopped
        self._asked = perf_counter()

    def persistently(self, piece: Callable[[], R]) -> R:
        """Do a piece of work, again where the database was busy; not after being told to stop.

        Raises:
            Stopped: it was told to.
            RebuildRefused: the lock was lost with its session.
            Unavailable, VersionConflict: no attempt got through.
        """
        for attempt in range(_ATTEMPTS):
            if self._stopped.is_set():
                raise Stopped
            self._ask_hold()
            try:
                return piece()
            except (Unavailable, VersionConflict):
                if attempt == _ATTEMPTS - 1:
                    raise
                self._stopped.wait(_FIRST_PAUSE * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    def _ask_hold(self) -> None:
        now = perf_counter()
        if now - self._asked > _ASK_SECONDS:
            self._asked = now
            if not self._hold.held():
                raise RebuildRefused("the database ended the rebuild's session; run it again")
