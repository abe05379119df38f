"""Who follows the log: one thread of one process a database; the others stand by.

The right to lead ends with the process that holds it, so no lease has to run out: who stands by
takes over within :data:`STANDBY_SECONDS`, and a little longer where a whole host disappeared.
"""

import threading
from collections.abc import Callable, Sequence

import structlog

from domain.refusals import Unavailable, VersionConflict
from projections.database import Database
from projections.engines.backend import Hold
from projections.followers.following import Following, Gathered

STANDBY_SECONDS = 1.0
"""How often a process that does not lead asks whether it may."""
IDLE_SECONDS = 0.5
"""How long the leader waits after a batch that was not full: events gather meanwhile, and the right
to write is taken for many of them at once."""
log = structlog.get_logger()


class Leader:
    """Follows the log in a thread of its own while this process leads."""

    def __init__(
        self,
        database: Database,
        following: Callable[[Callable[[float], object]], Sequence[Following]],
        chores: Sequence[Callable[[], object]] = (),
        presence: Callable[[], object] = lambda: None,
    ) -> None:
        """Take what makes the followings, given how to pause, and what else one process does.

        A chore does a little each time it is called; ``presence`` is what every process does,
        whether it leads or not. The followings are made for each turn: which generations a read
        model has may change from one to the next (ADR 0021).
        """
        self._database = database
        self._stopped = threading.Event()
        self._following = following
        self._chores = chores
        self._presence = presence
        self._leadership: Hold | None = None
        self._thread = threading.Thread(target=self._run, name="rollbook followers", daemon=True)

    @property
    def leads(self) -> bool:
        """Whether this process follows the log now."""
        return self._leadership is not None

    def start(self) -> None:
        """Begin to follow, or to stand by."""
        self._thread.start()

    def stop(self) -> None:
        """End after the batch at work, and let another process lead."""
        self._stopped.set()
        self._thread.join()
        self._resign()

    def _run(self) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
            try:
                pause = self._turn()
            except (Unavailable, VersionConflict) as error:
                log.warning("followers.waiting", cause=repr(error.__cause__ or error))
                self._resign()
                pause = STANDBY_SECONDS
            except Exception:
                log.exception("followers.failed")
                self._resign()
                pause = STANDBY_SECONDS

    def _turn(self) -> float:
        """Take one batch for each follower; return how long to wait before the next."""
        self._do(self._presence)
        if self._leadership is None:
            self._leadership = self._database.lead()
            if self._leadership is None:
                return STANDBY_SECONDS
            log.info("followers.leading")
        if not self._leadership.held():
            self._resign()
            return 0.0
        gathered = Gathered()
        full = [self._step(each, gathered) for each in self._following(self._stopped.wait)]
        for chore in self._chores:
            self._do(chore)
        return 0.0 if any(full) else IDLE_SECONDS

    def _step(self, following: Following, gathered: Gathered) -> bool:
        """Take one batch; return whether it was a full one, so that more may wait.

        A follower that cannot go on does not stop the others.
        """
        try:
            return following.step(gathered) >= following.batch
        except (Unavailable, VersionConflict):
            raise
        except Exception as error:
            log.exception("follower.stopped", read_model=following.model.read_model)
            following.record_failure(error)
            return False

    def _do(self, chore: Callable[[], object]) -> None:
        """Do a chore; one that fails stops no follower."""
        try:
            chore()
        except (Unavailable, VersionConflict):
            raise
        except Exception:
            log.exception("chore.failed")

    def _resign(self) -> None:
        if self._leadership is not None:
            self._leadership.release()
            self._leadership = None
