"""The database engines under test, each asked for the same things.

Nothing here waits for the disk: no test that opens a database by itself is about a power cut.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from shutil import rmtree
from time import sleep
from typing import Any, Protocol, Self
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, NullPool, create_engine, event, make_url, text

from projections.database import Database
from projections.directory.g1 import DirectoryG1
from projections.engines import pipeline
from projections.migration import migrate
from projections.registry import Registry
from projections.spans.g1 import SpansG1
from tests.postgresql.cluster import Cluster

NAMES = ("sqlite", "postgresql")
_TEXT_NOT_BY_CODE_POINT = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
"""Of the databases under test: a comparison that forgets its collation then shows."""
_ICU_SINCE = 15
_SOMEBODY_LEFT = "SELECT FROM pg_stat_activity WHERE datname = %s"
_AMCHECK = "SELECT FROM pg_available_extensions WHERE name = 'amcheck'"  # contrib is no must
_EVERY_INDEX_HAS_EVERY_ROW = """
SELECT bt_index_check(index.indexrelid, true) FROM pg_index AS index
JOIN pg_class AS class ON class.oid = index.indexrelid
JOIN pg_am AS method ON method.oid = class.relam AND method.amname = 'btree'
JOIN pg_namespace AS space ON space.oid = class.relnamespace AND space.nspname = 'public'
"""
_MIGRATED, _EMPTY = "rollbook_migrated", "rollbook_empty"


def only_on(name: str, reason: str) -> pytest.MarkDecorator:
    """Mark a test that is about one engine alone; the reason is for its reader."""
    assert name in NAMES
    assert reason
    return pytest.mark.parametrize("engine", [name], indirect=True)


class Engine(Protocol):
    """One engine. A database is named by its URL, and is gone when its block is left."""

    name: str

    def empty(self) -> AbstractContextManager[str]:
        """Make a database with nothing in it."""
        ...

    def migrated(self) -> AbstractContextManager[str]:
        """Make a database at the newest revision, with nothing in its tables."""
        ...

    def watched(self, database: Database) -> Database:
        """Show every statement of a database that has no connection yet to :data:`WATCHERS`."""
        ...

    def files(self, url: str) -> list[Path]:
        """Return every file in which something of a database may stand."""
        ...

    def assert_sound(self, url: str) -> None:
        """Fail unless the engine itself finds a database in order."""
        ...

    def opened(self, url: str) -> Database:
        """Open a database as one more process would, and have it watched."""
        return self.watched(Database(url))


class SqliteEngine(Engine):
    """Files in a folder."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)

    @contextmanager
    def empty(self) -> Iterator[str]:
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        try:
            yield url_of(folder / "rollbook.db")
        finally:
            rmtree(folder)

    @contextmanager
    def migrated(self) -> Iterator[str]:
        with self.empty() as url:
            path_of(url).write_bytes(self._migrated)
            yield url

    @cached_property
    def _migrated(self) -> bytes:
        with self.empty() as url:
            _migrate(self.opened(url))
            return path_of(url).read_bytes()

    def watched(self, database: Database) -> Database:
        @event.listens_for(database.engine, "do_connect")
        def connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
            return sqlite3.connect(*arguments, **options, factory=_WatchedSqlite)

        @event.listens_for(database.engine, "connect")
        def prepare(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA synchronous=OFF")

        return database

    def files(self, url: str) -> list[Path]:
        path = path_of(url)
        return [path, path.with_name(f"{path.name}-wal")]

    def assert_sound(self, url: str) -> None:
        with looking_at(url) as connection:
            assert connection.scalar(text("PRAGMA integrity_check")) == "ok"


class PostgresqlEngine(Engine):
    """Databases of one cluster."""

    name = "postgresql"

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._numbers = count(1)
        icu = cluster.binaries.version[0] >= _ICU_SINCE and self._knows_icu()
        self._make(_EMPTY, "template0", _TEXT_NOT_BY_CODE_POINT if icu else "")

    def _knows_icu(self) -> bool:
        with self.cluster.connect() as connection:
            found = connection.execute("SELECT FROM pg_collation WHERE collprovider = 'i'")
            return found.fetchone() is not None

    def _make(self, name: str, template: str, locale: str = "") -> str:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} ").format(
            sql.Identifier(name), sql.Identifier(template)
        )
        with self.cluster.connect() as connection:
            connection.execute(statement + sql.SQL(locale))
        return self.cluster.url(name)

    @contextmanager
    def empty(self, template: str = _EMPTY) -> Iterator[str]:
        name = f"rollbook_{next(self._numbers)}"
        try:
            yield self._make(name, template)
        finally:
            self.cluster.drop_database(name)

    @contextmanager
    def migrated(self) -> Iterator[str]:
        with self.empty(self._migrated) as url:
            yield url

    @cached_property
    def _migrated(self) -> str:
        _migrate(self.opened(self._make(_MIGRATED, _EMPTY)))
        return _MIGRATED

    def watched(self, database: Database) -> Database:
        @event.listens_for(database.engine, "connect")
        def watch(connection: psycopg.Connection[Any], _record: Any) -> None:
            connection.cursor_factory = _WatchedPsycopg

        return database

    def files(self, url: str) -> list[Path]:
        with self.cluster.connect(make_url(url).database or "") as connection:
            connection.execute("CHECKPOINT")
        folders = (self.cluster.data / "base", self.cluster.data / "pg_wal")
        return [path for folder in folders for path in folder.rglob("*") if path.is_file()]

    def die(self, url: str, *, whole: bool) -> None:
        """Have nobody left in a database whose users were killed: the whole server, or them."""
        if whole:
            self.cluster.kill()
            self.cluster.start()
        with self.cluster.connect() as connection:
            while connection.execute(_SOMEBODY_LEFT, [make_url(url).database]).fetchone():
                sleep(0.01)  # what they had sent is still carried out

    def assert_sound(self, url: str) -> None:
        with self.cluster.connect(make_url(url).database or "") as connection:
            if connection.execute(_AMCHECK).fetchone() is not None:
                connection.execute("CREATE EXTENSION IF NOT EXISTS amcheck")
                connection.execute(_EVERY_INDEX_HAS_EVERY_ROW)


def _migrate(database: Database) -> None:
    migrate(database, Registry([DirectoryG1(), SpansG1()]))
    database.close()


def url_of(path: Path) -> str:
    """Return the URL of an SQLite file."""
    return f"sqlite:///{path}"


def path_of(url: str) -> Path:
    """Return the file that an SQLite URL names."""
    return Path(make_url(url).database or "")


WATCHERS: list[Callable[[str], None]] = []
"""Called with every statement before it reaches a driver, whoever runs it."""


def _seen(statement: object) -> None:
    for watcher in tuple(WATCHERS):
        watcher(str(statement))


pipeline.WATCHERS.append(_seen)


class _WatchedCursor(sqlite3.Cursor):
    def execute(self, statement: str, *parameters: Any) -> Self:
        _seen(statement)
        return super().execute(statement, *parameters)

    def executemany(self, statement: str, parameters: Any) -> Self:
        _seen(statement)
        return super().executemany(statement, parameters)


class _WatchedSqlite(sqlite3.Connection):
    def cursor(self, factory: Any = _WatchedCursor) -> Any:
        return super().cursor(factory)


class _WatchedPsycopg(psycopg.Cursor[Any]):
    def execute(self, query: Any, *arguments: Any, **options: Any) -> Self:
        _seen(query)
        return super().execute(query, *arguments, **options)

    def executemany(self, query: Any, *arguments: Any, **options: Any) -> None:
        _seen(query)
        super().executemany(query, *arguments, **options)


@contextmanager
def looking_at(url: str) -> Iterator[Connection]:
    """Give a connection beside whoever has the database open: one snapshot, and no way to write."""
    parsed, options = make_url(url), {}
    if parsed.get_backend_name() == "sqlite":
        uri = f"file:{quote(parsed.database or '')}"
        parsed = parsed.set(database=uri, query={"mode": "ro", "uri": "true"})
    else:
        options = {"options": "-c default_transaction_read_only=on"}
    engine = create_engine(parsed, poolclass=NullPool, connect_args=options)
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("BEGIN"))  # the driver begins for writes alone
        yield connection
