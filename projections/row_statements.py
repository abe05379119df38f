"""Statements that write rows of a table: one row, or many at a time (ADR 0011).

Where a statement about each row costs a message to the server, many rows are given as arrays to
one statement about all of them, a thousand at a time. SQLite stays in the process and repeats the
statement of one row; new rows it gets by the dozen, for it gives the interpreter's lock away at
every statement, and beside a busy event loop each waits to get it back.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import chain
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
NEW_ROWS_PER_STATEMENT = 64
"""Of one that spells its rows out."""
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
        several: Executable | None = None,
    ) -> None:
        self._names = tuple(names)
        self._one = Prepared(one)
        self._several = None if several is None else Prepared(several)
        self._all = Prepared(about(given_rows([table.c[name] for name in names])))

    def write(self, connection: Connection, rows: Sequence[Bound]) -> None:
        """Write rows; at the latest before the next statement, or with the commit."""
        if len(rows) > 1:
            self.write_values(connection, [[row[name] for name in self._names] for row in rows])
        else:
            self._one.many(connection, rows)

    def write_values(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """As :meth:`write`, of rows that are their values in the order of the names."""
        if len(rows) > 1 and statements_of(connection.dialect.name).sets:
            for piece in _pieces(rows, ROWS_PER_STATEMENT):
                self._all.later(connection, self._arrays(piece))
            return
        if self._several is not None:
            whole = len(rows) - len(rows) % NEW_ROWS_PER_STATEMENT
            for piece in _pieces(rows[:whole], NEW_ROWS_PER_STATEMENT):
                values = chain.from_iterable(piece)
                bound = dict(zip(_names_of_many(self._names), values, strict=True))
                self._several.later(connection, bound)
            rows = rows[whole:]
        self._one.many(connection, [dict(zip(self._names, row, strict=True)) for row in rows])

    def numbered(self, connection: Connection, rows: Sequence[Bound]) -> list[int]:
        """Insert rows and return the number that each was given, in their order."""
        if len(rows) <= 1 or not statements_of(connection.dialect.name).sets:
            return [self._one.first(connection, row)[0] for row in rows]
        values = [[row[name] for name in self._names] for row in rows]
        pieces = _pieces(values, ROWS_PER_STATEMENT)
        answers = [self._all.later(connection, self._arrays(piece)) for piece in pieces]
        # Numbers are drawn in the order of the rows, whatever the order of the answer.
        return [number for answer in answers for (number,) in sorted(answer())]

    def _arrays(self, rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
        columns = map(list, zip(*rows, strict=True))
        return dict(zip(self._names, columns, strict=True))


def inserting(table: Table, *, number: str | None = None) -> RowStatement:
    """Insert whole rows; ``number`` names a column that the database fills, and returns."""
    names = [column.name for column in table.c if column.name != number]
    one = insert(table).values({name: bindparam(name) for name in names})

    def about(given: TableValuedAlias) -> Executable:
        rows = select(*(given.c[name] for name in names)).order_by(given.c.given_order)
        statement = insert(table).from_select(names, rows)
        return statement if number is None else statement.returning(table.c[number])

    if number is not None:
        return RowStatement(table, names, one.returning(table.c[number]), about)
    several = insert(table).values(
        [
            {name: bindparam(f"{name}_{place}", type_=table.c[name].type) for name in names}
            for place in range(NEW_ROWS_PER_STATEMENT)
        ]
    )
    return RowStatement(table, names, one, about, several)


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


@cache
def _names_of_many(names: tuple[str, ...]) -> list[str]:
    return [f"{name}_{place}" for place in range(NEW_ROWS_PER_STATEMENT) for name in names]


def _pieces(rows: Sequence[R], size: int) -> list[Sequence[R]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
