"""``rollbook backup``: a copy of the database as it is at one moment, while others write."""

from pathlib import Path

from projections.backup import NotCopied
from projections.backup.new_file import new_file
from projections.backup.pages import (
    Progress,
    belongs_to,
    check_pages,
    copy_to_new,
    is_database,
    snapshot,
)
from projections.backup.soundness import Contents, check_log
from projections.database import Database
from projections.migration import present_revision


def back_up(
    database: Database,
    file: Path,
    *,
    replace: bool = False,
    progress: Progress = lambda _copied, _all: None,
) -> Contents:
    """Copy an embedded database to ``file``, which is there whole and checked, or not at all.

    The copy is a reader: no writer waits for it.

    Raises:
        NotCopied: the file cannot be written, or what was read is not sound.
        Unavailable: the database is busy or gone.
    """
    source = database.file
    if source is None or not source.is_file():
        raise NotCopied(f"there is no database at {source} (ROLLBOOK_DATABASE_URL)")
    _refuse_target(source, file, replace=replace)
    with new_file(file, replace=replace) as partial:
        with database.reading() as connection:
            present_revision(connection)  # the first statement fixes the snapshot
            copy_to_new(connection.connection.driver_connection, partial, progress)
        with snapshot(partial) as connection:
            check_pages(connection, f"the database {source}")
            return check_log(connection, f"the database {source}")


def _refuse_target(source: Path, file: Path, *, replace: bool) -> None:
    if not file.parent.is_dir():
        raise NotCopied(f"there is no folder {file.parent}: make it first")
    if belongs_to(file, source):
        raise NotCopied(f"{file} belongs to the database itself: choose another name")
    if not (file.exists() or file.is_symlink()):
        return
    if not replace:
        raise NotCopied(f"{file} exists: choose another name, or replace it with --force")
    if file.is_symlink() or not file.is_file() or not is_database(file):
        raise NotCopied(f"{file} is no database, and is not replaced: choose another name")
