"""A file that is there whole and on the disk, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from projections.backup import NotCopied

SUFFIX = ".partial"
"""Ends the name of a file that is being written; only a kill or a power cut leaves one behind."""


@contextmanager
def new_file(file: Path, *, replace: bool) -> Iterator[Path]:
    """Give an empty file beside ``file``, for its owner only; after the block it has the name.

    Where the block fails, nothing is left of it.

    Raises:
        NotCopied: the file cannot be written, or its name was taken and ``replace`` is not meant.
    """
    partial = file.with_name(f"{file.name}.{token_hex(4)}{SUFFIX}")
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            yield partial
            _sync(partial)
            _name(partial, file, replace=replace)
            with suppress(OSError):  # some file systems cannot sync a folder
                _sync(file.parent)
        finally:
            for end in ("", "-journal", "-wal", "-shm"):
                partial.with_name(f"{partial.name}{end}").unlink(missing_ok=True)
    except OSError as error:
        raise NotCopied(f"cannot write {file}: {error.strerror or error}") from None


def _name(partial: Path, file: Path, *, replace: bool) -> None:
    if replace:
        partial.replace(file)
        return
    try:
        os.link(partial, file)  # unlike a rename, it never takes the place of another
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if file.exists():
            raise FileExistsError(17, "File exists", str(file)) from None
        partial.rename(file)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
