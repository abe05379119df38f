"""Statements prepared once: SQLAlchemy Core writes the SQL, the driver runs it.

The way through ``Connection.execute`` costs ten times what SQLite needs for a row it finds by its
key, and a write runs a dozen such statements. A prepared statement is compiled once for each
dialect and goes to the driver's cursor on the same connection, in the same transaction. It is for
short statements whose parameters and columns the driver takes and gives as they are: text, numbers,
bytes; a Boolean comes back as the driver spells it (ADR 0011).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.engine import Dialect

Compiled = tuple[str, Sequence[str] | None, Mapping[str, Any]]
"""The text, the order of its parameters where they have no names, and those it brings along."""


FEW = 2
"""Rows from which on one call for all pays."""


class Prepared:
    """A Core statement with named parameters (``bindparam``), compiled once for each dialect."""

    def __init__(self, statement: Executable) -> None:
        self.statement = statement
        self._compiled: dict[str, Compiled] = {}

    def rows(self, connection: Connection, parameters: Mapping[str, Any] | None = None) -> Any:
        """Run the statement and return its rows, a list of tuples; empty where it gives none."""
        cursor = self._run(connection, parameters or {})
        rows = cursor.fetchall() if cursor.description is not None else []
        cursor.close()
        return rows

    def first(self, connection: Connection, parameters: Mapping[str, Any] | None = None) -> Any:
        """Run the statement and return its first row, ``None`` where it gives none."""
        rows = self.rows(connection, parameters)
        return rows[0] if rows else None

    def each(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Run the statement once for each row of parameters; return the row each time gives.

        A driver with several results to a call is asked once, and does not wait for each answer.
        """
        text, names, literals = self._of(connection.dialect)
        cursor: Any = connection.connection.cursor()
        if len(rows) < FEW or not hasattr(cursor, "nextset"):
            cursor.close()
            return [self.first(connection, row) for row in rows]
        cursor.executemany(text, [_bound(names, literals, row) for row in rows], returning=True)
        found = [cursor.fetchone()]
        while cursor.nextset():
            found.append(cursor.fetchone())
        cursor.close()
        return found

    def many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run the statement once for each row of parameters, as one call to the driver."""
        if len(rows) == 1:
            self.rows(connection, rows[0])
        elif rows:
            text, names, literals = self._of(connection.dialect)
            cursor = connection.connection.cursor()
            cursor.executemany(text, [_bound(names, literals, row) for row in rows])
            cursor.close()

    def _run(self, connection: Connection, parameters: Mapping[str, Any]) -> Any:
        text, names, literals = self._of(connection.dialect)
        cursor = connection.connection.cursor()
        cursor.execute(text, _bound(names, literals, parameters))
        return cursor

    def _of(self, dialect: Dialect) -> Compiled:
        known = self._compiled.get(dialect.name)
        if known is None:
            compiled: Any = self.statement.compile(dialect=dialect)  # type: ignore[attr-defined]
            names = compiled.positiontup if compiled.positional else None
            literals = {name: value for name, value in compiled.params.items() if value is not None}
            known = self._compiled[dialect.name] = (compiled.string, names, literals)
        return known


def _bound(
    names: Sequence[str] | None, literals: Mapping[str, Any], parameters: Mapping[str, Any]
) -> Any:
    bound = {**literals, **parameters} if literals else parameters
    return bound if names is None else [bound[name] for name in names]
