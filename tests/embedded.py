"""A migrated SQLite file with realms in it, for tests that need no server.

The file is not synced to the disk: no test here is about a power cut.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from sqlalchemy import MetaData, event, select

from domain.cause import Actor, Cause
from domain.events import RecordedEvent
from domain.handlers.realms import create_realm
from domain.ports import Clock
from projections.credentials import HashKey
from projections.database import Database
from projections.directory.g1 import DirectoryG1
from projections.generations import Registry
from projections.log import SqlLog, system_clock
from projections.migration import migrate

KEY = HashKey(b"k" * 32)
OPERATOR = Cause("", Actor("operator", "test"), "0" * 32, "test")


@dataclass(frozen=True)
class Embedded:
    """One database, one log, and the ids of its realms by slug."""

    log: SqlLog
    realms: Mapping[str, str]

    @property
    def database(self) -> Database:
        return self.log.database

    def cause(self, slug: str = "acme", *, correlation: str = "c" * 32) -> Cause:
        """Return the cause of a write in a realm."""
        return Cause(self.realms[slug], Actor("client", "scim"), correlation, "test")

    def events(self) -> list[RecordedEvent[Any]]:
        """Return every event, in the order of the log."""
        return [recorded for _, recorded in self.log.events.read(0, 1_000_000)]

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return the rows of every table there is, sorted."""
        with self.database.reading() as connection:
            tables = MetaData()
            tables.reflect(connection)
            return {
                name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
                for name, table in tables.tables.items()
            }

    @contextmanager
    def watching(self, watcher: Callable[[str], None]) -> Iterator[None]:
        """Call ``watcher`` with every statement inside the block, before it reaches the driver."""
        WATCHERS.append(watcher)
        try:
            yield
        finally:
            WATCHERS.remove(watcher)

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """Collect the SQL of every statement executed inside the block."""
        seen: list[str] = []
        with self.watching(lambda statement: seen.append(" ".join(statement.split()))):
            yield seen


WATCHERS: list[Callable[[str], None]] = []


class WatchedCursor(sqlite3.Cursor):
    """The driver's cursor, seen from outside: whoever runs a statement, it comes by here."""

    def execute(self, sql: str, *parameters: Any) -> Self:
        for watcher in tuple(WATCHERS):
            watcher(sql)
        return super().execute(sql, *parameters)

    def executemany(self, sql: str, parameters: Any) -> Self:
        for watcher in tuple(WATCHERS):
            watcher(sql)
        return super().executemany(sql, parameters)


class WatchedConnection(sqlite3.Connection):
    def cursor(self, factory: Any = WatchedCursor) -> Any:
        return super().cursor(factory)


@contextmanager
def embedded(
    directory: Path, *, clock: Clock = system_clock, slugs: Sequence[str] = ("acme",)
) -> Iterator[Embedded]:
    """Open a new database with these realms; close it afterwards."""
    path = directory / "rollbook.db"
    path.write_bytes(_migrated())
    database = unsynced(path)
    log = SqlLog(database, Registry([DirectoryG1()]), KEY, clock)
    try:
        yield Embedded(log, {slug: create_realm(OPERATOR, log, slug)[0] for slug in slugs})
    finally:
        database.close()


@cache
def _migrated() -> bytes:
    """Return an empty database at the newest revision, as the bytes of its file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rollbook.db"
        database = unsynced(path)
        migrate(database, Registry([DirectoryG1()]))
        database.close()
        return path.read_bytes()


def unsynced(path: Path) -> Database:
    """Return the database of a file, made to write without waiting for the disk."""
    database = Database(f"sqlite:///{path}")

    @event.listens_for(database.engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> sqlite3.Connection:
        return sqlite3.connect(*arguments, **options, factory=WatchedConnection)

    @event.listens_for(database.engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    return database


def ticking(*instants: int) -> Callable[[], int]:
    """Return a clock that shows these instants, and the last one for ever."""
    left = list(instants)
    return lambda: left.pop(0) if len(left) > 1 else left[0]
