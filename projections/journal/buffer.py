"""The deque that requests append to, and the thread that writes it down.

The request's side takes no lock, waits for nothing and cannot fail: where the deque is full, the
oldest entry goes, is counted, and the count is written when the database can be written again.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from domain.refusals import Unavailable, VersionConflict
from projections.database import Database
from projections.journal.entries import Entry, Gap
from projections.journal.losses import Losses
from projections.journal.writing import write_entries

BOUND = 10_000
"""Entries a process keeps while they cannot be written; about 10 MB."""
BATCH = 500
"""Entries of one transaction; when so many wait they are written at once."""
FLUSH_SECONDS = 0.5
"""How long an entry waits at most for the next batch."""
RETRY_SECONDS = 1.0
TOLD_SECONDS = 60.0
"""How often the log says that entries are lost, or cannot be written."""
_OUTAGES = (Unavailable, VersionConflict)
log = structlog.get_logger()


class Journal:
    """The journal of one process."""

    def __init__(
        self,
        database: Database,
        *,
        bound: int = BOUND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._bound = bound
        self._clock = clock
        self._waiting: deque[Entry] = deque()
        self._batch: list[Entry] = []
        self._losses = Losses()
        self._one_writer = threading.Lock()
        self._wake, self._stopped = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._told_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._batch)

    @property
    def dropped(self) -> int:
        """How many entries this process has lost since it began."""
        return self._losses.total

    def append(self, entry: Entry) -> None:
        """Keep what is to be known of a request."""
        full = len(self._waiting) + len(self._batch) >= self._bound
        if full and (oldest := self._next()) is not None:
            self._losses.note(oldest)
        self._waiting.append(entry)
        if len(self._waiting) == BATCH:
            self._wake.set()

    def _next(self) -> Entry | None:
        try:
            return self._waiting.popleft()
        except IndexError:  # the other side was faster
            return None

    def flush(self) -> None:
        """Write everything that waits now; what comes meanwhile is the next batch.

        Raises:
            Unavailable, VersionConflict: the database is busy or gone; what waits still does.
        """
        with self._one_writer:
            left = len(self)
            while (left > 0 and self._fill_batch()) or self._losses:
                left -= len(self._batch)
                try:
                    self._write(self._batch, self._losses.gaps())
                except _OUTAGES:
                    raise
                except Exception:
                    log.exception("journal.failed")
                    self._write_one_by_one()
                self._batch = []

    def _fill_batch(self) -> int:
        while len(self._batch) < BATCH and (entry := self._next()) is not None:
            self._batch.append(entry)
        return len(self._batch)

    def _write(self, entries: Sequence[Entry], gaps: Sequence[Gap] = ()) -> None:
        with self._database.writing_beside() as connection:
            write_entries(connection, entries, gaps)
            connection.commit()
        self._losses.written(gaps)

    def _write_one_by_one(self) -> None:
        """Write what can be written of a batch; what cannot is lost, and stops nothing else."""
        self._losses.written(self._losses.gaps())  # one of them may be what cannot be written
        while self._batch:
            try:
                self._write(self._batch[:1])
            except _OUTAGES:
                raise
            except Exception:
                log.exception("journal.entry_lost", correlation_id=self._batch[0].correlation_id)
                self._losses.total += 1
            del self._batch[0]

    def start(self) -> None:
        """Begin to write in a thread."""
        self._thread = threading.Thread(target=self._run, name="rollbook journal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what still waits, and end."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self._turn()
        if len(self):
            log.error("journal.lost", requests=len(self))

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.wait(FLUSH_SECONDS)
            self._wake.clear()
            if not self._turn():
                self._stopped.wait(RETRY_SECONDS)

    def _turn(self) -> bool:
        """Write what waits; return whether the database let us."""
        before = self._losses.told
        try:
            self.flush()
        except _OUTAGES as error:
            if self._may_tell("waiting"):
                log.warning("journal.waiting", cause=repr(error.__cause__ or error), n=len(self))
            return False
        except Exception:
            log.exception("journal.failed")
            return False
        finally:
            if self.dropped > before and self._may_tell("dropped"):
                log.warning("journal.dropped", requests=self.dropped - before, total=self.dropped)
                self._losses.told = self.dropped
        return True

    def _may_tell(self, what: str) -> bool:
        """Whether a minute has passed since the log was told."""
        now = self._clock()
        if now - self._told_at.get(what, -TOLD_SECONDS) < TOLD_SECONDS:
            return False
        self._told_at[what] = now
        return True
