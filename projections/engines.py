"""The two engines, and everything in which they differ (ADR 0003).

SQLite: WAL, ``synchronous=FULL``, writes begin with ``BEGIN IMMEDIATE`` behind one in-process lock,
so that threads queue here and processes at the database. Nothing outside this module and
:mod:`projections.json_sql` knows which engine is in use.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Table, create_engine, event, exc, make_url
from sqlalchemy.dialects import sqlite

from domain.refusals import Unavailable

WAIT_SECONDS = 5
"""How long anything waits for the pool, the write lock or a lock of the database."""
POOL_SIZE = 10
_WRITE = "rollbook_write"

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={WAIT_SECONDS * 1000}",
    "PRAGMA cache_size=-65536",
    "PRAGMA temp_store=MEMORY",
)


class UnsupportedDatabase(ValueError):
    """The database URL names an engine this release does not speak."""


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
        self._write_lock = Lock()

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
        with _outages(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection that holds the right to write, from its first statement on.

        The block commits by itself; what it has not committed is rolled back.

        Raises:
            Unavailable: the right was not to be had within :data:`WAIT_SECONDS`.
        """
        if not self._write_lock.acquire(timeout=WAIT_SECONDS):
            raise Unavailable("the database is busy; try again in a moment")
        try:
            with _outages(), self.engine.connect() as connection:
                yield connection.execution_options(**{_WRITE: True})
        finally:
            self._write_lock.release()

    def close(self) -> None:
        """Close every pooled connection."""
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

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        write = connection.get_execution_options().get(_WRITE)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


@contextmanager
def _outages() -> Iterator[None]:
    """Turn "busy" and "gone" into a refusal that asks the client to come again."""
    try:
        yield
    except exc.TimeoutError:
        raise Unavailable("the service is busy; try again in a moment") from None
    except exc.OperationalError as error:
        raise Unavailable(f"the database is not available: {error.orig}") from error


@cache
def _sqlite_insert_new(table: Table) -> Any:
    return sqlite.insert(table).on_conflict_do_nothing()


def insert_new(connection: Connection, table: Table) -> Any:
    """Return an INSERT that skips rows whose key exists; ``RETURNING`` names the others."""
    if connection.dialect.name != "sqlite":
        raise UnsupportedDatabase(connection.dialect.name)
    return _sqlite_insert_new(table)
