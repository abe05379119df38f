"""Other names for the tables of a declaration, so that it can fill a second set of them (ADR 0021).

SQL is compiled from the declaration. Where a connection speaks about the spare tables, their names
stand in the place of the declared ones in the compiled text. Values are bound and never in it, so a
name found there is always a table's.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

_SPOKEN_OF = "rollbook_tables"


class TableNames:
    """How some tables are called while a connection speaks about others of the same shape."""

    def __init__(self, declared: Iterable[str], suffix: str) -> None:
        self._suffix = suffix
        names = sorted(map(re.escape, declared), key=len, reverse=True)
        self._declared = re.compile(rf"\b(?:{'|'.join(names)})\b")

    def of(self, name: str) -> str:
        """Return what a declared table is called."""
        return f"{name}{self._suffix}"

    def spoken(self, text: str) -> str:
        """Return a compiled statement about these tables."""
        return self._declared.sub(lambda found: self.of(found[0]), text)


@contextmanager
def speaking_of(connection: Connection, names: TableNames | None) -> Iterator[None]:
    """Have every statement inside the block be about tables with these names."""
    before = names_of(connection)
    connection.execution_options(**{_SPOKEN_OF: names})
    try:
        yield
    finally:
        connection.execution_options(**{_SPOKEN_OF: before})


def names_of(connection: Connection) -> TableNames | None:
    """Return which tables a connection speaks about; ``None``: the declared ones."""
    names: TableNames | None = connection.get_execution_options().get(_SPOKEN_OF)
    return names
