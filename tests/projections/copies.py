"""Short ways to look into copies of a database, and to damage them."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from projections.backup.taking import back_up
from tests.houses import House
from tests.projections.commands import new_group, new_user


def file_of(house: House) -> Path:
    """Return the file of an embedded database."""
    file = house.database.file
    assert file is not None
    return file


def settle(house: House, word: str = "first") -> None:
    """Write some users and a group, so that there are pages to copy."""
    new_group(house, word, [new_user(house, f"{word}-{number}") for number in range(40)])


def copy_of(house: House, name: str = "copy.db") -> Path:
    """Make a backup beside the database and return its file."""
    file = file_of(house).with_name(name)
    back_up(house.database, file)
    return file


def contents(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table of a file, sorted."""
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)  # noqa: S608  # a name of the schema
            for (name,) in found
        }


def change(file: Path, statement: str) -> None:
    """Run one statement against a file; fails where it changes no row."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        assert connection.execute(statement).rowcount != 0


def garble(file: Path) -> None:
    """Overwrite a page in the middle, as a failing disk does."""
    half = file.stat().st_size // 4096 // 2 * 4096
    with file.open("r+b") as opened:
        opened.seek(half)
        opened.write(b"\x99" * 4096)


def names(folder: Path) -> set[str]:
    """Return the names of all that lies in a folder."""
    return {path.name for path in folder.iterdir()}
