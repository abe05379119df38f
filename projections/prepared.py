"""Statements prepared once: SQLAlchemy Core writes the SQL, the driver runs it.

The way through ``Connection.execute`` costs ten times what SQLite needs for a row it finds by its
key, and a write runs a dozen such statements. A prepared statement is compiled once for each
dialect and goes to the driver's cursor on the same connection, in the same transaction. It is for
short statements whose parameters and columns the driver takes and gives as they are: text, numbers,
bytes; a Boolean comes back as the driver spells it (ADR 0011).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, Select, bindparam

from projections.engines import statements_of
from projections.engines.statements import Answer, Compiled, Statements
from projections.naming import TableNames, names_of


class Prepared:
    """A Core statement with named parameters (``bindparam``), compiled once for each dialect.

    And once more where a connection speaks about spare tables (:mod:`projections.naming`).
    """

    def __init__(self, statement: Executable) -> None:
        self.statement = statement
        self._compiled: dict[tuple[str, TableNames | None], tuple[Statements, Compiled]] = {}

    def rows(self, connection: Connection, parameters: Mapping[str, Any] | None = None) -> Any:
        """Run the statement and return its rows, a list of tuples; empty where it gives none."""
        statements, compiled = self._of(connection)
        return statements.rows(connection, compiled, parameters or {})

    def first(self, connection: Connection, parameters: Mapping[str, Any] | None = None) -> Any:
        """Run the statement and return its first row, ``None`` where it gives none."""
        rows = self.rows(connection, parameters)
        return rows[0] if rows else None

    def later(self, connection: Connection, parameters: Mapping[str, Any] | None = None) -> Answer:
        """Run the statement before the next one whose rows are asked for, or before the commit.

        Where every statement is a round trip they then share one. Returns what gives the rows.
        """
        statements, compiled = self._of(connection)
        return statements.later(connection, compiled, parameters or {})

    def promised(
        self, connection: Connection, parameters: Mapping[str, Any] | None = None
    ) -> Answer:
        """Ask for rows that are needed soon: where each statement is a round trip, with the next
        one, else when they are needed. Returns what gives them.
        """
        statements, compiled = self._of(connection)
        if statements.at_once:
            return lambda: statements.rows(connection, compiled, parameters or {})
        return statements.later(connection, compiled, parameters or {})

    def many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run the statement once for each row of parameters, as one call; as :meth:`later`."""
        statements, compiled = self._of(connection)
        if len(rows) == 1:
            statements.later(connection, compiled, rows[0])
        elif rows:
            statements.many(connection, compiled, rows)

    def _of(self, connection: Connection) -> tuple[Statements, Compiled]:
        dialect, names = connection.dialect, names_of(connection)
        known = self._compiled.get((dialect.name, names))
        if known is None:
            statements = statements_of(dialect.name)
            compiled = statements.compiled(self.statement, dialect)
            if names is not None:
                compiled = compiled._replace(text=names.spoken(compiled.text))
            known = self._compiled[dialect.name, names] = (statements, compiled)
        return known


class PreparedFor:
    """A prepared query for rows with some of the values of a column, a hundred at a time."""

    AT_ONCE = 100

    def __init__(self, statement: Select[Any], column: ColumnElement[Any]) -> None:
        self._places = [f"chosen_{number}" for number in range(self.AT_ONCE)]
        chosen = column.in_([bindparam(place, type_=column.type) for place in self._places])
        self._prepared = Prepared(statement.where(chosen))

    def rows(
        self, connection: Connection, bound: Mapping[str, Any], wanted: Sequence[Any]
    ) -> Iterator[Any]:
        """Yield the rows of each hundred in the order of the query."""
        for start in range(0, len(wanted), self.AT_ONCE):
            some = wanted[start : start + self.AT_ONCE]
            # One statement for any number: a value that stands there twice finds its row once.
            values = [*some, *[some[-1]] * (self.AT_ONCE - len(some))]
            chosen = dict(zip(self._places, values, strict=True))
            yield from self._prepared.rows(connection, {**bound, **chosen})
