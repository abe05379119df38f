"""The engine, and everything in which another one would differ (ADR 0003).

SQLite: WAL, ``synchronous=FULL``, writes begin with ``BEGIN IMMEDIATE`` behind one in-process lock,
so that threads queue here and processes at the database. SQL that is spelled differently on another
engine is made here and in :mod:`projections.json_sql`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from threading import Lock, get_ident
from time import monotonic, sleep
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Table, create_engine, event, exc, make_url
from sqlalchemy.dialects import sqlite

from domain.refusals import Unavailable

WAIT_SECONDS = 5
"""How long anything waits for the pool, the write lock or a lock of the database."""
POOL_SIZE = 10
_WRITE, _IMPATIENT = "rollbook_write", "rollbook_impatient"

_PATIENCE = "PRAGMA busy_timeout=5000"  # WAIT_SECONDS, in the database's milliseconds
_SQLITE_PRAGMAS = (
    _PATIENCE,
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-65536",
    "PRAGMA temp_store=MEMORY",
)


class UnsupportedDatabase(ValueError):
    """The database URL names an engine this release does not speak."""


class WouldWait(Exception):
    """Something was to be done without waiting, and would have had to wait."""


class Database:
    """One database, one pool a process."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        if self.url.get_backend_name() != "sqlite":
            raise UnsupportedDatabase(
                f'"{self.url.get_backend_name()}" is not supported; use sqlite:///path/to/file.db'
            )
        if not self.url.database or ":memory:" in self.url.database:
            raise UnsupportedDatabase("the database must be a file: the log is there to be kept")
        self.engine = _sqlite_engine(url)
        self.writers = 1
        """How many threads of a process may write at a time."""
        self.writes_inline = True
        """Whether a short write is over sooner than a thread for it would be found (ADR 0011)."""
        self._impatient: ContextVar[bool] = ContextVar("impatient", default=False)
        self._write_lock = Lock()
        self._home: int | None = None
        self._kept: dict[str, Connection] = {}

    @property
    def path(self) -> Path:
        """The file of the embedded database."""
        return Path(self.url.database or "")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection whose statements see one snapshot.

        Raises:
            Unavailable: the database is busy or gone.
        """
        with _outages(), self._connected("read") as connection:
            connection.begin()
            yield connection

    @contextmanager
    def glancing(self) -> Iterator[Connection]:
        """Give a connection for one prepared statement: a snapshot by itself, no transaction.

        Raises:
            Unavailable: the database is busy or gone.
        """
        with _outages(), self._connected("read") as connection:
            yield connection

    def settle(self) -> None:
        """Keep connections for the calling thread between its uses: the one that serves most.

        Taking one from the pool and giving it back costs as much as a short read.
        """
        self._home = get_ident()

    @contextmanager
    def _connected(self, purpose: str) -> Iterator[Connection]:
        at_home = get_ident() == self._home
        connection = self._kept.pop(purpose, None) if at_home else None
        connection = connection or self.engine.connect()
        try:
            yield connection
        except BaseException:
            connection.close()  # what state it is in, the pool finds out
            raise
        if connection.in_transaction():
            connection.rollback()
        if at_home and purpose not in self._kept:
            self._kept[purpose] = connection
        else:
            connection.close()

    @contextmanager
    def not_waiting(self) -> Iterator[None]:
        """Make writes inside the block raise :class:`WouldWait` where they would have to wait."""
        token = self._impatient.set(True)
        try:
            yield
        finally:
            self._impatient.reset(token)

    def may_take_long(self) -> None:
        """Say that what follows may take long. Raises :class:`WouldWait` where that is no place."""
        if self._impatient.get():
            raise WouldWait

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection that holds the right to write, from its first statement on.

        The block commits by itself; what it has not committed is rolled back.

        Raises:
            Unavailable: the right was not to be had within :data:`WAIT_SECONDS`.
            WouldWait: it was not to be had at once, inside :meth:`not_waiting`.
        """
        impatient = self._impatient.get()
        if not self._write_lock.acquire(timeout=0 if impatient else WAIT_SECONDS):
            self.may_take_long()
            raise Unavailable("the database is busy; try again in a moment")
        try:
            with _outages(), self._connected("write") as connection:
                connection.execution_options(**{_WRITE: True, _IMPATIENT: impatient}).begin()
                yield connection
        finally:
            self._write_lock.release()

    def close(self) -> None:
        """Close every connection, kept or pooled."""
        while self._kept:
            self._kept.popitem()[1].close()
        self.engine.dispose()


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args={"check_same_thread": False, "timeout": WAIT_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        # The driver must not begin transactions by itself: it would begin them deferred, and
        # two writers that both read first would then fail instead of waiting.
        connection.isolation_level = None
        for pragma in _SQLITE_PRAGMAS:
            connection.execute(pragma)
        _log_ahead(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        driver: Any = connection.connection
        if not options.get(_WRITE):
            driver.cursor().execute("BEGIN").close()
        elif not options.get(_IMPATIENT):
            driver.cursor().execute("BEGIN IMMEDIATE").close()
        else:
            _begin_at_once(driver.cursor())

    @event.listens_for(engine, "reset")
    def reset(connection: sqlite3.Connection, _record: Any, _state: Any) -> None:
        # A COMMIT that failed leaves its transaction open, and with it the right to write, while
        # SQLAlchemy takes it for ended.
        if connection.in_transaction:
            connection.rollback()

    return engine


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Turn write-ahead logging on.

    Two processes that do so to a new file get in each other's way, and SQLite then answers "locked"
    at once, whatever patience it was told to have.
    """
    began = monotonic()
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if monotonic() - began > WAIT_SECONDS:
                raise
            sleep(0.01)
        else:
            return


def _begin_at_once(cursor: sqlite3.Cursor) -> None:
    """Begin to write, or raise :class:`WouldWait` where another process is writing."""
    cursor.execute("PRAGMA busy_timeout=0")
    try:
        cursor.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        raise WouldWait from error
    finally:
        cursor.execute(_PATIENCE)
        cursor.close()


@contextmanager
def _outages() -> Iterator[None]:
    """Turn "busy" and "gone" into a refusal that asks the client to come again."""
    try:
        yield
    except exc.TimeoutError:
        raise Unavailable("the service is busy; try again in a moment") from None
    except exc.OperationalError as error:
        _refuse_outage(error.orig)
        raise
    except sqlite3.OperationalError as error:  # of a prepared statement
        _refuse_outage(error)
        raise


def _refuse_outage(error: BaseException | None) -> None:
    """Raise :class:`Unavailable` unless the statement itself is at fault, which is a defect."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_ERROR:
        raise Unavailable("the database is busy or gone; try again in a moment") from error


@cache
def insert_new(dialect_name: str, table: Table) -> Any:
    """Return an INSERT that skips rows whose key exists; ``RETURNING`` names the others."""
    if dialect_name != "sqlite":
        raise UnsupportedDatabase(dialect_name)
    return sqlite.insert(table).on_conflict_do_nothing()
