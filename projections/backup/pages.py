"""SQLite's own interface, as far as copies need it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, exc

from projections.backup import NotCopied

PAGES = 1_000
"""Copied at a time, 4 MB: often enough to show progress and to hear a signal."""
Progress = Callable[[int, int], None]
"""Called with the pages copied and the pages there are."""
COMPANIONS = ("-wal", "-shm", "-journal")
"""Files that SQLite keeps beside a database, and takes for a part of it."""
_MAGIC = b"SQLite format 3\0"


def is_database(file: Path) -> bool:
    """Whether a file begins as one of SQLite; raises OSError where it cannot be read."""
    with file.open("rb") as opened:
        return opened.read(len(_MAGIC)) == _MAGIC


def companions(database: Path) -> list[Path]:
    """Return the files that SQLite may keep beside a database."""
    return [database.with_name(f"{database.name}{end}") for end in COMPANIONS]


def belongs_to(file: Path, database: Path) -> bool:
    """Whether a file is the database, by whatever name, or one of its companions."""
    own = database.resolve()
    if file.exists() and own.exists() and file.samefile(own):
        return True
    return file.resolve() in (own, *companions(own))


def copy_pages(source: Any, target: sqlite3.Connection, progress: Progress) -> None:
    """Copy every page from one connection of the driver to another's, in one transaction.

    The source must hold a snapshot: a copy without one begins again with each commit of somebody
    else (ADR 0013).

    Raises:
        NotCopied: the target is as it was.
    """
    try:
        source.backup(
            target,
            pages=PAGES,
            progress=lambda _status, left, total: progress(total - left, total),
        )
    except sqlite3.Error as error:
        raise NotCopied(f"the copy failed: {error}; is there room on the disk?") from None


def copy_to_new(source: Any, file: Path, progress: Progress) -> None:
    """Fill a new file, which then needs no other beside it. Raises NotCopied."""
    with closing(sqlite3.connect(file, isolation_level=None)) as target:
        # It is thrown away where this fails, and synced once where it does not.
        target.execute("PRAGMA journal_mode=OFF")
        target.execute("PRAGMA synchronous=OFF")
        copy_pages(source, target, progress)
    with closing(sqlite3.connect(file, isolation_level=None)) as target:
        target.execute("PRAGMA journal_mode=DELETE")  # the pages said WAL


@contextmanager
def snapshot(file: Path) -> Iterator[Connection]:
    """Give a connection that only reads; its statements see one state of the file.

    Raises:
        NotCopied: the file cannot be read as a database.
    """
    # A file by itself changes no more, and may lie where nothing can be written beside it.
    by_itself = not any(path.exists() for path in companions(file))
    uri = f"{file.absolute().as_uri()}?{'immutable=1' if by_itself else 'mode=ro'}"
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(uri, uri=True, isolation_level=None),
        poolclass=NullPool,
    )
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection
    except exc.DBAPIError as error:
        raise NotCopied(f"{file} is damaged: {error.orig}") from None


def check_pages(connection: Connection, name: str) -> None:
    """Check the pages of a file. Raises NotCopied, which calls it ``name``."""
    try:
        found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
    except exc.DBAPIError as error:
        found = error.orig
    if found != "ok":
        raise NotCopied(f"{name} is damaged: {found}")


@contextmanager
def alone(target: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection to a database that nobody else has open, and lock them out.

    Whoever has a database in WAL mode open holds a shared lock on it until they close it, at work
    or idle; giving that mode up needs the exclusive one.

    Raises:
        NotCopied: another process has it open, or it is no database.
    """
    with closing(sqlite3.connect(target, isolation_level=None, timeout=0)) as connection:
        try:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")  # the lock stays: that is what the locking mode means
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                raise NotCopied(
                    f"{target} is open in another process: stop the service first"
                ) from None
            raise NotCopied(
                f"{target} cannot be opened ({error}): stop the service, move the file and what "
                "lies beside it (-wal, -shm) away, and restore again"
            ) from None
        yield connection
