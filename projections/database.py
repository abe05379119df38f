"""One database and its connections: to read, to write, to change the schema (ADR 0003).

In which way engines do that stands in :mod:`projections.engines`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from sqlalchemy import Connection, exc, func, make_url, select

from domain.refusals import Unavailable, VersionConflict
from projections.connections import Connections
from projections.engines import backend_of
from projections.engines.backend import (
    LEADER,
    WAIT_SECONDS,
    Begin,
    Hold,
    MayTakeLong,
    UnsupportedDatabase,
    Verdict,
    WouldWait,
)
from projections.prepared import Prepared
from projections.tables import events, metadata

DECIDED_AGAIN = frozenset({"events_stream_version", "claims_pk"})
"""Constraints that another writer's commit can violate; any other violation is a defect."""


class Outage(Unavailable):
    """The database is busy or gone. ``remedy`` is for operators, the rest for every client."""

    def __init__(self, remedy: str) -> None:
        super().__init__("the database is busy or gone; try again in a moment")
        self.remedy = remedy


class LogSnapshot(NamedTuple):
    """A snapshot, and how far its log is whole."""

    connection: Connection
    head: int
    """The newest position below which nothing is still to come; 0 in an empty log."""
    overlap: int
    """As in :attr:`projections.engines.backend.Backend.overlap`."""


class Database:
    """One database, one pool a process.

    Raises:
        UnsupportedDatabase: the URL names none that this release speaks.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except (exc.ArgumentError, ValueError):  # its text may repeat a password
            raise UnsupportedDatabase(
                "this is no database URL; use sqlite:///path/to/file.db "
                "or postgresql+psycopg://user@host/database"
            ) from None
        self.backend = backend_of(parsed)
        self.url = self.backend.checked(parsed)
        self.engine = self.backend.create_engine(self.url)
        self._impatient: ContextVar[bool] = ContextVar("impatient", default=False)
        self._write_lock = Lock() if self.backend.writers == 1 else None
        self._connections = Connections(self.backend, self.engine)

    @property
    def file(self) -> Path | None:
        """The file of an embedded database."""
        return self.backend.file(self.url)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection whose statements see one snapshot.

        Raises:
            Unavailable: the database is busy or gone.
        """
        with self._translated(), self._connections.begun("read", Begin.READ) as connection:
            yield connection

    @contextmanager
    def reading_log(self) -> Iterator[LogSnapshot]:
        """As :meth:`reading`, with the safe head of the log that is seen.

        Raises:
            Unavailable: the database is busy or gone.
        """
        with self._translated(), self._connections.begun("head", Begin.HEAD) as connection:
            [(newest,)] = _NEWEST.rows(connection)
            if self.backend.overlap:  # whoever writes waited for that answer, and for no more
                self._connections.begin_anew(connection, Begin.READ)
            yield LogSnapshot(connection, newest or 0, self.backend.overlap)

    @contextmanager
    def glancing(self) -> Iterator[Connection]:
        """Give a connection for prepared statements, each a snapshot by itself: no transaction.

        Raises:
            Unavailable: the database is busy or gone.
        """
        with self._translated(), self._connections.taken("read") as connection:
            yield connection

    def tidy(self) -> None:
        """Do what commits leave for a quiet moment; nobody has to wait for it.

        Raises:
            Unavailable: the database is busy or gone.
        """
        with self.glancing() as connection:
            self.backend.tidy(connection.connection)

    def settle(self) -> None:
        """Keep connections for the calling thread between its uses: the one that serves most."""
        self._connections.settle()

    @contextmanager
    def not_waiting(self) -> Iterator[None]:
        """Make writes inside the block raise :class:`WouldWait` where they would have to wait."""
        token = self._impatient.set(True)
        try:
            yield
        finally:
            self._impatient.reset(token)

    def may_take_long(self) -> None:
        """Say that what follows may take long. Raises :class:`MayTakeLong` on the event loop."""
        if self._impatient.get():
            raise MayTakeLong

    @property
    def is_written_to(self) -> bool:
        """Whether a thread of this process holds the one right to write of its engine now."""
        return self._write_lock is not None and self._write_lock.locked()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection that holds the right to write, from its first statement on.

        The block commits by itself; what it has not committed is rolled back.

        Raises:
            Unavailable: the right was not to be had within :data:`WAIT_SECONDS`, or the database
                went away: what was being committed is then committed, or not at all.
            VersionConflict: others got in the way; the command is to be decided again.
            WouldWait: the right was not to be had at once, inside :meth:`not_waiting`.
        """
        what_for = Begin.WRITE_AT_ONCE if self._impatient.get() else Begin.WRITE
        with self._written(what_for) as connection:
            yield connection

    @contextmanager
    def writing_alone(self) -> Iterator[Connection]:
        """As :meth:`writing`, but nobody else writes meanwhile, in no process and on no host."""
        with self._written(Begin.WRITE_ALONE) as connection:
            yield connection

    @contextmanager
    def writing_beside(self) -> Iterator[Connection]:
        """As :meth:`writing`, for what is not of the log: no reader of the log waits for it."""
        with self._written(Begin.WRITE_BESIDE) as connection:
            yield connection

    @contextmanager
    def filling(self) -> Iterator[Connection]:
        """As :meth:`writing_beside`, for what would be done again: its commit waits for no disk."""
        with self._written(Begin.FILL, "fill") as connection:  # never one that is kept for writes
            yield connection

    @contextmanager
    def following(self) -> Iterator[Connection]:
        """As :meth:`writing`, for what would be done again: its commit waits for no disk.

        Who refills, switches or drops a read model relies on it that this, too, keeps out of
        :meth:`writing_alone` and :meth:`switching`.
        """
        with self._written(Begin.FOLLOW, "fill") as connection:
            yield connection

    @contextmanager
    def verifying(self) -> Iterator[Connection]:
        """As :meth:`reading`, for statements that may take long.

        Raises:
            Unavailable: the database is busy or gone.
        """
        with self._translated(), self._connections.begun("verify", Begin.VERIFY) as connection:
            yield connection

    @contextmanager
    def switching(self) -> Iterator[Connection]:
        """As :meth:`writing_alone`, and waits for readers of a table no longer than for a blink."""
        with self._written(Begin.SWITCH) as connection:
            yield connection

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """Give a connection that may change the schema, one process at a time.

        Raises:
            Unavailable: the database is busy or gone.
        """
        with self._written(Begin.MIGRATE) as connection:
            yield connection

    @contextmanager
    def _written(self, what_for: Begin, purpose: str = "write") -> Iterator[Connection]:
        with (
            self._alone(),
            self._translated(),
            self._connections.begun(purpose, what_for) as connection,
        ):
            yield connection

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one thread of the process in where the engine has one writer: they queue here."""
        if self._write_lock is None:
            yield
            return
        patience = 0 if self._impatient.get() else WAIT_SECONDS
        if not self._write_lock.acquire(timeout=patience):
            if self._impatient.get():
                raise WouldWait
            raise Unavailable("the database is busy; try again in a moment")
        try:
            yield
        finally:
            self._write_lock.release()

    def safe_head(self) -> int:
        """Return the newest position below which nothing is still to come; 0 in an empty log.

        Raises:
            Unavailable: the database is busy or gone.
        """
        with self._translated(), self._connections.begun("head", Begin.HEAD) as connection:
            [(newest,)] = _NEWEST.rows(connection)
        return newest or 0

    def lead(self) -> Hold | None:
        """Take the right to follow the log, ``None`` while another process has it.

        Raises:
            Unavailable: the database is gone.
        """
        return self.hold(LEADER)

    def hold(self, what: str, *, once: bool = False) -> Hold | None:
        """Take what only one process may have, ``None`` while another has it.

        It ends with the process that holds it. ``once`` is for what nobody will ever take again:
        nothing of it is left behind when it is released.

        Raises:
            Unavailable: the database is gone.
        """
        with self._translated():
            return self.backend.hold(self.url, what, once=once)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what the driver says into what the domain calls it."""
        try:
            yield
        except exc.TimeoutError:
            raise Unavailable("the service is busy; try again in a moment") from None
        except exc.DBAPIError as error:
            self._judge(error.orig)
            raise
        except self.backend.driver_error as error:  # of a prepared statement
            self._judge(error)
            raise

    def _judge(self, error: BaseException | None) -> None:
        """Raise what an error means, unless the statement itself is at fault: a defect."""
        verdict = self.backend.verdict(error)
        if verdict is Verdict.OUTAGE:
            raise Outage(self.backend.remedy(str(error))) from error
        if verdict is Verdict.CONFLICT:
            raise VersionConflict(str(error)) from error
        if error is not None and self.backend.violated(error, metadata) in DECIDED_AGAIN:
            raise VersionConflict(str(error)) from error

    def close(self) -> None:
        """Close every connection, kept or pooled."""
        self._connections.close()
        self.engine.dispose()


_NEWEST = Prepared(select(func.max(events.c.position)))
