"""``rollbook restore``: a copy is put in the place of the database, which is kept beside it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from projections.backup import NotCopied
from projections.backup.new_file import new_file
from projections.backup.pages import (
    Progress,
    alone,
    belongs_to,
    check_pages,
    companions,
    copy_pages,
    copy_to_new,
    is_database,
    snapshot,
)
from projections.backup.soundness import Contents, check_log


class Restored(NamedTuple):
    """What a database holds now, and where the one before it was kept."""

    contents: Contents
    kept: Path | None


def restore(
    file: Path,
    target: Path,
    *,
    replace: bool = False,
    progress: Progress = lambda _copied, _all: None,
) -> Restored:
    """Put a copy in the place of the embedded database ``target``.

    Raises:
        NotCopied: the copy is not sound, or the target exists and ``replace`` is not meant, or
            another process has it open. The target is as it was.
    """
    _refuse_source(file, target)
    if target.exists() and not replace:
        raise NotCopied(
            f"{target} exists: stop the service, and restore with --force, which keeps it under "
            "another name"
        )
    with snapshot(file) as source:
        check_pages(source, str(file))
        contents = check_log(source, str(file))
        pages = source.connection.driver_connection
        if target.exists():
            return Restored(contents, _replace(pages, target, progress))
        _refuse_strays(target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NotCopied(f"cannot make {target.parent}: {error.strerror}") from None
        with new_file(target, replace=False) as partial:
            copy_to_new(pages, partial, progress)
    return Restored(contents, None)


def _replace(pages: Any, target: Path, progress: Progress) -> Path:
    """Write the pages over those of the target; return where its own were kept.

    They are written through SQLite, under its exclusive lock and in one transaction: whoever opens
    the target meanwhile waits, and sees the old database or the new one. A file renamed over it
    would leave a process that has just opened the old one writing beside the new one.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    kept = target.with_name(f"{target.name}.before-restore-{stamp}")
    with alone(target) as held:
        with new_file(kept, replace=False) as partial:
            copy_to_new(held, partial, lambda _copied, _all: None)
        try:
            copy_pages(pages, held, progress)
        except BaseException:
            kept.unlink()  # SQLite has taken back what was written: the target is as it was
            raise
    return kept


def _refuse_source(file: Path, target: Path) -> None:
    try:
        readable = is_database(file)
    except OSError as error:
        raise NotCopied(f"cannot read {file}: {error.strerror}") from None
    if belongs_to(file, target):
        raise NotCopied(f"{file} belongs to the database itself: name a backup of it")
    if not readable:
        raise NotCopied(f"{file} is no SQLite database")


def _refuse_strays(target: Path) -> None:
    for stray in companions(target):
        if stray.exists():
            raise NotCopied(
                f"{stray} is left of a database that is gone, and would be taken for a part of "
                "the new one: stop the service, move it away, and restore again"
            )
