"""Where the processes of one server keep what they count, so that one answer speaks for all.

Each of them writes a file of its own, whole, as often as it has something new to tell. A process
that ended leaves its file behind: what it counted was counted.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import orjson

_VARIABLE = "ROLLBOOK_COUNTERS"
"""Set for the processes of one server by the one that starts them; no setting of an operator."""


@contextmanager
def counting_together() -> Iterator[Path]:
    """Have this process and those it starts count in one folder of their own, inside the block.

    Raises:
        OSError: no folder can be made where this system keeps temporary files.
    """
    with TemporaryDirectory(prefix="rollbook-counters-") as folder:
        os.environ[_VARIABLE] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ[_VARIABLE]


def shared_folder() -> Path | None:
    """Return where this process is to count, ``None`` where nobody asks."""
    folder = os.environ.get(_VARIABLE)
    return None if folder is None else Path(folder)


class OwnFile:
    """What one process tells the others: one JSON value, in the place of the one before."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{uuid4().hex}.json"

    def write(self, value: Any) -> None:
        """Replace what was told; a reader finds the old or the new, whole."""
        beside = self._path.with_suffix(".new")
        beside.write_bytes(orjson.dumps(value))
        beside.replace(self._path)


def told_by_all(folder: Path) -> list[Any]:
    """Return what each process told last."""
    return [orjson.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
