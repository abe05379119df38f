"""Statements that write rows of a table: one row, or many at a time (ADR 0011).

Where a statement about each row costs a message to the server, many rows are given as arrays to
one statement about all of them, a thousand at a time; SQLite repeats the statement of one row
without leaving the process, which is quicker there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Table,
    and_,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.sql.selectable import TableValuedAlias

from projections.engines import statements_of
from projections.engines.spelling import given_rows
from projections.prepared import Prepared

ROWS_PER_STATEMENT = 1_000
R = TypeVar("R")
Bound = Mapping[str, Any]


class RowStatement:
    """A statement about one row, and the same about many; parameters have the columns' names."""

    def __init__(
        self,
        table: Table,
        names: Sequence[str],
        one: Executable,
        about: Callable[[TableValuedAlias], Executable],
    ) -> None:
        self._names = names
        self._one = Prepared(one)
        self._all = Prepared(about(given_rows([table.c[name] for name in names])))

    def write(self, connection: Connection, rows: Sequence[Bound]) -> None:
        """Write rows; at the latest before the next statement, or with the commit."""
        if len(rows) <= 1 or not statements_of(connection.dialect.name).sets:
            self._one.many(connection, rows)
            return
        for piece in _pieces(rows):
            self._all.later(connection, self._arrays(piece))

    def numbered(self, connection: Connection, rows: Sequence[Bound]) -> list[int]:
        """Insert rows and return the number that each was given, in their order."""
        if len(rows) <= 1 or not statements_of(connection.dialect.name).sets:
            return [self._one.first(connection, row)[0] for row in rows]
        answers = [self._all.later(connection, self._arrays(piece)) for piece in _pieces(rows)]
        # Numbers are drawn in the order of the rows, whatever the order of the answer.
        return [number for answer in answers for (number,) in sorted(answer())]

    def _arrays(self, rows: Sequence[Bound]) -> dict[str, list[Any]]:
        return {name: [row[name] for row in rows] for name in self._names}


def inserting(table: Table, *, number: str | None = None) -> RowStatement:
    """Insert whole rows; ``number`` names a column that the database fills, and returns."""
    names = [column.name for column in table.c if column.name != number]
    one = insert(table).values({name: bindparam(name) for name in names})

    def about(given: TableValuedAlias) -> Executable:
        rows = select(*(given.c[name] for name in names)).order_by(given.c.given_order)
        statement = insert(table).from_select(names, rows)
        return statement if number is None else statement.returning(table.c[number])

    return RowStatement(
        table, names, one if number is None else one.returning(table.c[number]), about
    )


def updating(
    table: Table, key: Sequence[str], names: Sequence[str], *conditions: ColumnElement[bool]
) -> RowStatement:
    """Set some columns of the rows with a key that meet conditions."""
    return RowStatement(
        table,
        [*key, *names],
        update(table)
        .where(*(table.c[name] == bindparam(name) for name in key), *conditions)
        .values({name: bindparam(name) for name in names}),
        lambda given: (
            update(table)
            .where(*(table.c[name] == given.c[name] for name in key), *conditions)
            .values({name: given.c[name] for name in names})
        ),
    )


def deleting(table: Table, key: Sequence[str]) -> RowStatement:
    """Delete the rows with a key."""
    return RowStatement(
        table,
        key,
        delete(table).where(and_(*(table.c[name] == bindparam(name) for name in key))),
        lambda given: delete(table).where(and_(*(table.c[name] == given.c[name] for name in key))),
    )


def _pieces(rows: Sequence[R]) -> list[Sequence[R]]:
    starts = range(0, len(rows), ROWS_PER_STATEMENT)
    return [rows[start : start + ROWS_PER_STATEMENT] for start in starts]
