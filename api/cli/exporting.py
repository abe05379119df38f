"""Where an export goes: a file that is there whole or not at all, or standard output."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter, RawIOBase
from pathlib import Path
from typing import BinaryIO

from projections.backup.new_file import new_file
from replay.export import NotExported


@contextmanager
def whole_file(file: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """Give a file to write; it has its name after the block, and leaves nothing where that fails.

    Raises:
        NotCopied: the disk is full, or the name is taken and ``replace`` is not meant.
    """
    with new_file(file, replace=replace) as partial, partial.open("wb") as stream:
        yield stream


@contextmanager
def whole_stream() -> Iterator[BinaryIO]:
    """Give standard output.

    Raises:
        NotExported: nobody reads it any more, or its disk is full; what was written by then stays.
    """
    try:
        with _buffered(sys.stdout.buffer) as stream:
            yield stream
            stream.flush()
    except OSError as error:
        _abandon()
        raise NotExported(
            f"the export ended early: standard output: {error.strerror or error}; "
            "what was written by then is not whole"
        ) from None


@contextmanager
def _buffered(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Give a stream that writes all it is given: with PYTHONUNBUFFERED standard output does not."""
    if not isinstance(stream, RawIOBase):
        yield stream
        return
    buffered = BufferedWriter(stream)
    try:
        yield buffered
    finally:
        with suppress(OSError):
            buffered.detach()


def _abandon() -> None:
    """Let the interpreter flush what is left into nothing, as it ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
