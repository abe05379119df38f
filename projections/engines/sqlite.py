"""SQLite: one file, one writer at a time.

WAL, ``synchronous=FULL``; writes begin with ``BEGIN IMMEDIATE``. Positions rise in the order of
commits, since whoever draws one holds the right to write until it is visible.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import orjson
from sqlalchemy import URL, Connection, Engine, MetaData, Table, create_engine, event

from projections.engines.backend import (
    WAIT_SECONDS,
    Begin,
    Finding,
    Hold,
    UnsupportedDatabase,
    Verdict,
    WouldWait,
)

POOL_SIZE = 10
ON_THE_LOOP = 2
"""Connections kept for what runs on the event loop itself."""
FOR_THE_FOLLOWERS = 1
PAGES_AHEAD = 8_000
"""How far the log may be ahead of the file, 32 MB, before a commit itself brings it in: that is
done beside the writers (:meth:`Sqlite.tidy`), not by whoever waits for an answer (ADR 0011)."""
_PATIENCE = "PRAGMA busy_timeout=5000"  # WAIT_SECONDS, in the database's milliseconds
_SYNCED, _UNSYNCED = "PRAGMA synchronous=FULL", "rollbook_unsynced"
_PRAGMAS = (
    _PATIENCE,
    _SYNCED,
    "PRAGMA cache_size=-65536",
    "PRAGMA temp_store=MEMORY",
    f"PRAGMA wal_autocheckpoint={PAGES_AHEAD}",
)
_UNIQUE = "UNIQUE constraint failed: "


class Sqlite:
    """The embedded engine. Implements :class:`projections.engines.backend.Backend`."""

    name = "sqlite"
    writers = 1
    readers = POOL_SIZE - writers - ON_THE_LOOP - FOR_THE_FOLLOWERS
    waits = False
    # It is the one right to write: 20 ms at most, and who waits for it looks 1, 3 and 8 ms later.
    slice_seconds = 0.004
    fillers = 1
    embedded = True
    overlap = 0
    driver_error: type[Exception] = sqlite3.Error

    def checked(self, url: URL) -> URL:
        """Return the URL of a file."""
        if not url.database or ":memory:" in url.database:
            raise UnsupportedDatabase("the database must be a file: the log is there to be kept")
        return url

    def create_engine(self, url: URL) -> Engine:
        """Return an engine whose connections begin nothing by themselves."""
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
            for pragma in _PRAGMAS:
                connection.execute(pragma)
            _log_ahead(connection)

        @event.listens_for(engine, "reset")
        def reset(connection: sqlite3.Connection, record: Any, _state: Any) -> None:
            # A COMMIT that failed leaves its transaction open, and with it the right to write,
            # while SQLAlchemy takes it for ended.
            if connection.in_transaction:
                connection.rollback()
            if record.info.pop(_UNSYNCED, False):
                connection.execute(_SYNCED)

        return engine

    def connect(self, engine: Engine) -> Connection:
        """Take one from the pool."""
        return engine.connect()

    def begin(self, driver: Any, what_for: Begin) -> None:
        """Begin deferred to read, immediate to write; what is visible of the log is whole."""
        if what_for in (Begin.READ, Begin.HEAD, Begin.VERIFY):
            driver.cursor().execute("BEGIN").close()
        elif what_for is Begin.WRITE_AT_ONCE:
            _begin_at_once(driver.cursor())
        elif what_for in (Begin.FILL, Begin.FOLLOW):
            # The next commit of anybody else syncs what this one leaves in the write-ahead log.
            driver.info[_UNSYNCED] = True
            cursor = driver.cursor()
            cursor.execute("PRAGMA synchronous=NORMAL")
            cursor.execute("BEGIN IMMEDIATE").close()
        else:
            driver.cursor().execute("BEGIN IMMEDIATE").close()

    def is_broken(self, driver: Any) -> bool:  # noqa: ARG002  # one signature
        """Return ``False``: a file does not hang up."""
        return False

    def verdict(self, error: BaseException | None) -> Verdict:
        """Tell the statement's own fault from "locked", "disk full" and "cannot open"."""
        if not isinstance(error, sqlite3.OperationalError):
            return Verdict.DEFECT
        own_fault = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_ERROR
        return Verdict.DEFECT if own_fault else Verdict.OUTAGE

    def remedy(self, reason: str) -> str:
        """Tell a busy file from one that cannot be used."""
        if "locked" in reason:
            return "another process is writing; try again in a moment"
        return "check that ROLLBOOK_DATABASE_URL names a file in a folder this user may write"

    def violated(self, error: BaseException, metadata: MetaData) -> str | None:
        """Return the constraint of the columns that SQLite names in its place."""
        if not isinstance(error, sqlite3.IntegrityError) or _UNIQUE not in str(error):
            return None
        named = str(error).removeprefix(_UNIQUE).split(", ")
        table = metadata.tables.get(named[0].partition(".")[0])
        columns = {name.partition(".")[2] for name in named}
        return None if table is None else _constraint(table, columns)

    def tidy(self, driver: Any) -> None:
        """Bring the file up to its log, as far as no reader is in the way; no writer waits."""
        driver.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").close()

    def hold(self, url: URL, what: str, *, once: bool) -> Hold | None:
        """Lock a file beside the database; the operating system ends the lock with its holder."""
        path = Path(f"{url.database}-{what}")
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            connection.close()
            return None
        return _LockedFile(connection, path if once else None)

    def examine(self, connection: Connection) -> Sequence[Finding]:
        """Read back what a power cut would ask for."""

        def pragma(statement: str) -> str:
            return str(connection.exec_driver_sql(statement).scalar_one()).lower()

        synchronous = {"0": "off", "1": "normal", "2": "full", "3": "extra"}.get(
            pragma("PRAGMA synchronous"), "?"
        )
        journal, patience = pragma("PRAGMA journal_mode"), pragma("PRAGMA busy_timeout")
        whole = pragma("PRAGMA quick_check(1)")
        return [
            Finding(
                "journal_mode",
                journal,
                "wal",
                journal == "wal",
                "the file is on a file system without shared memory; use a local disk",
            ),
            Finding(
                "synchronous",
                synchronous,
                "full",
                synchronous in ("full", "extra"),
                "a power cut could lose answered writes; this is a defect of the build of SQLite",
            ),
            Finding("busy_timeout", f"{patience} ms", "5000 ms", patience == "5000"),
            Finding(
                "quick_check",
                whole,
                "ok",
                whole == "ok",
                "the file is damaged: stop the service and restore a backup (docs/backup.md)",
            ),
        ]

    def file(self, url: URL) -> Path | None:
        """Return the file."""
        return Path(url.database or "")


class _LockedFile:
    def __init__(self, connection: sqlite3.Connection, left_over: Path | None) -> None:
        self._connection = connection
        self._left_over = left_over

    def held(self) -> bool:
        return self._connection.in_transaction

    def release(self) -> None:
        if self._left_over is not None:
            self._left_over.unlink(missing_ok=True)
        with suppress(sqlite3.Error):
            self._connection.rollback()
        self._connection.close()


def _constraint(table: Table, columns: set[str]) -> str | None:
    for constraint in table.constraints:
        covered = {column.name for column in getattr(constraint, "columns", ())}
        if covered == columns and constraint.name is not None:
            return str(constraint.name)
    return None


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
