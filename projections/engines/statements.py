"""How prepared statements reach a driver, for each engine (ADR 0011).

What is asked of an engine: to run a statement and give its rows; to take one whose answer nobody
waits for; to run one for many rows. SQLite answers in this process, so it is asked at once; how
PostgreSQL is asked stands in :mod:`projections.engines.pipeline`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, Executable
from sqlalchemy.engine import Dialect

Row = tuple[Any, ...]
Parameters = Mapping[str, Any]
Answer = Callable[[], Sequence[Row]]
"""Gives the rows of a statement, once they are needed."""


class Compiled(NamedTuple):
    """A statement of one dialect."""

    text: str
    names: Sequence[str]
    """The order of its parameters."""
    literals: Parameters
    """Parameters that the statement brings along."""
    name: bytes = b""
    """Under which the server keeps it; unique in the process."""

    def values(self, parameters: Parameters) -> list[Any]:
        """Return the values to bind, in their order."""
        bound = {**self.literals, **parameters} if self.literals else parameters
        return [bound[name] for name in self.names]


class Statements(Protocol):
    """How the driver of an engine is asked."""

    at_once: bool
    """Whether a statement is answered within the process: there is no round trip to share."""
    sets: bool
    """Whether many rows are written by one statement about all of them."""

    def compiled(self, statement: Executable, dialect: Dialect) -> Compiled:
        """Return the text of a statement and what it needs."""
        ...

    def rows(
        self, connection: Connection, compiled: Compiled, parameters: Parameters
    ) -> Sequence[Row]:
        """Run a statement and return its rows; none where it gives none."""
        ...

    def later(self, connection: Connection, compiled: Compiled, parameters: Parameters) -> Answer:
        """Run a statement, at the latest before any other one after it; it may wait for that.

        What it raises is raised by whoever makes it run: a later statement, or the commit.
        """
        ...

    def many(self, connection: Connection, compiled: Compiled, rows: Sequence[Parameters]) -> None:
        """Run a statement once for each row of parameters, as one call to the driver."""
        ...


class AtOnce:
    """Through the driver's cursor. Implements :class:`Statements`."""

    at_once = True
    sets = False

    def compiled(self, statement: Executable, dialect: Dialect) -> Compiled:
        """Return the text with the driver's own placeholders."""
        done: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        return Compiled(done.string, done.positiontup or (), literals_of(done))

    def rows(
        self, connection: Connection, compiled: Compiled, parameters: Parameters
    ) -> Sequence[Row]:
        """Run a statement and return its rows."""
        cursor: Any = connection.connection.cursor()
        cursor.execute(compiled.text, compiled.values(parameters))
        rows = cursor.fetchall() if cursor.description is not None else []
        cursor.close()
        return rows

    def later(self, connection: Connection, compiled: Compiled, parameters: Parameters) -> Answer:
        """Run a statement now: waiting would save nothing."""
        rows = self.rows(connection, compiled, parameters)
        return lambda: rows

    def many(self, connection: Connection, compiled: Compiled, rows: Sequence[Parameters]) -> None:
        """Let the driver repeat it."""
        cursor: Any = connection.connection.cursor()
        cursor.executemany(compiled.text, [compiled.values(row) for row in rows])
        cursor.close()


def literals_of(done: Any) -> Parameters:
    """Return what a compiled statement of SQLAlchemy binds by itself."""
    return {name: value for name, value in done.params.items() if value is not None}
