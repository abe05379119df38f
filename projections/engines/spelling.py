"""Expressions whose spelling depends on the engine: JSON inside SQL, the two ends of a text.

An expression is built here once and spelled by ``@compiles`` for each engine; an engine without a
spelling refuses the statement instead of guessing. Paths are built from names of the schema, never
from what a client sent, and are bound like every other value.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Integer,
    Select,
    String,
    Table,
    Text,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal,
)
from sqlalchemy import Sequence as NumberSequence
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@cache
def insert_new(dialect_name: str, table: Table) -> Any:
    """Return an INSERT that skips rows whose key exists; ``RETURNING`` names the others."""
    return _INSERTS[dialect_name](table).on_conflict_do_nothing()


class NextNumber(FunctionElement[int]):
    """The next number of a column that the database fills; ``NULL`` where only an INSERT draws it.

    Two statements that draw have two numbers, and what draws later has the higher one.
    """

    name = "next_number"
    inherit_cache = True
    type = Integer()

    def __init__(self, column: Column[Any]) -> None:
        # The sequence that PostgreSQL makes for such a column.
        sequence = NumberSequence(f"{column.table.name}_{column.name}_seq")
        super().__init__(sequence.next_value())


@compiles(NextNumber, "postgresql")
def _postgresql_number(element: NextNumber, compiler: SQLCompiler, **options: Any) -> str:
    (next_value,) = element.clauses
    return compiler.process(next_value, **options)


@compiles(NextNumber, "sqlite")
def _sqlite_number(_element: NextNumber, _compiler: SQLCompiler, **_options: Any) -> str:
    return "NULL"


def given_rows(columns: Sequence[Column[Any]]) -> TableValuedAlias:
    """Return rows that come as parameters: one array a column, named as it is, all of one length.

    Their order stands in ``given_order``. For engines whose statements are about sets
    (:attr:`~projections.engines.statements.Statements.sets`).
    """
    arrays = [
        cast(bindparam(column.name), postgresql.ARRAY(_plain(column.type))) for column in columns
    ]
    names = [column.name for column in columns]
    given = func.unnest(*arrays).table_valued(*names, with_ordinality="given_order", name="given")
    return given.render_derived()


def _plain(kind: Any) -> Any:
    """Return a type without its collation, which is that of the column it is compared with."""
    spelled = kind.dialect_impl(_POSTGRESQL)
    return Text() if isinstance(spelled, String) else spelled


_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]


class JsonText(FunctionElement[str]):
    """The text at a path of a JSON value; NULL when nothing, or a JSON null, stands there.

    Its clauses: the value, the path as SQLite reads it, and its names one by one.
    """

    name = "json_text"
    type = Text()
    inherit_cache = True


class JsonElements(FunctionElement[Any]):
    """The elements of the array at a path, as rows; none when absent. As :class:`JsonText`."""

    name = "json_elements"
    inherit_cache = True


class ElementText(FunctionElement[str]):
    """The text of an element that is text itself."""

    name = "element_text"
    type = Text()
    inherit_cache = True


class PlaceOf(FunctionElement[int]):
    """Where in a text another one begins, from 1; 0 when it does not."""

    name = "place_of"
    type = Integer()
    inherit_cache = True


class LastCharacters(FunctionElement[str]):
    """The last so many characters of a text."""

    name = "last_characters"
    type = Text()
    inherit_cache = True


class IsAmong(FunctionElement[bool]):
    """Whether a row is among those that another table's index leads to.

    Its clauses: the question asked with IN, and with EXISTS. SQLite goes from the list to the rows
    only with the first, PostgreSQL only with the second: it runs a correlated IN for each row.
    """

    name = "is_among"
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002  # SQLAlchemy's signature
        """Stand as it is: SQLite would not look for ``(… IN …) = 1`` in an index."""
        return self


class ByCodePoint(FunctionElement[str]):
    """A text that the statement itself brings, compared as a column of keys is."""

    name = "by_code_point"
    type = Text()
    inherit_cache = True


def _parts(element: FunctionElement[Any], compiler: SQLCompiler, options: Any) -> list[str]:
    return [compiler.process(clause, **options) for clause in element.clauses]


@compiles(JsonText, "sqlite")
def _sqlite_text(element: JsonText, compiler: SQLCompiler, **options: Any) -> str:
    value, path, *_ = _parts(element, compiler, options)
    return f"json_extract({value}, {path})"


@compiles(JsonElements, "sqlite")
def _sqlite_elements(element: JsonElements, compiler: SQLCompiler, **options: Any) -> str:
    value, path, *_ = _parts(element, compiler, options)
    return f"json_each({value}, {path})"


@compiles(ElementText, "sqlite")
def _sqlite_element(element: ElementText, compiler: SQLCompiler, **options: Any) -> str:
    return _parts(element, compiler, options)[0]


@compiles(PlaceOf, "sqlite")
def _sqlite_place(element: PlaceOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({', '.join(_parts(element, compiler, options))})"


@compiles(LastCharacters, "sqlite")
def _sqlite_last(element: LastCharacters, compiler: SQLCompiler, **options: Any) -> str:
    value, count = _parts(element, compiler, options)
    return f"substr({value}, -{count})"


@compiles(IsAmong, "sqlite")
def _sqlite_among(element: IsAmong, compiler: SQLCompiler, **options: Any) -> str:
    with_in, _ = element.clauses
    return compiler.process(with_in, **options)


@compiles(ByCodePoint, "sqlite")
def _sqlite_by_code_point(element: ByCodePoint, compiler: SQLCompiler, **options: Any) -> str:
    return _parts(element, compiler, options)[0]


@compiles(JsonText, "postgresql")
def _postgresql_text(element: JsonText, compiler: SQLCompiler, **options: Any) -> str:
    value, _, *names = _parts(element, compiler, options)
    return f'(jsonb_extract_path_text({", ".join([value, *names])}) COLLATE "C")'


@compiles(JsonElements, "postgresql")
def _postgresql_elements(element: JsonElements, compiler: SQLCompiler, **options: Any) -> str:
    value, _, *names = _parts(element, compiler, options)
    array = f"jsonb_extract_path({', '.join([value, *names])})"
    rows = f"jsonb_array_elements({array}) WITH ORDINALITY AS element (value, place)"
    return f"(SELECT element.place - 1 AS key, element.value FROM {rows})"  # noqa: S608  # of constants


@compiles(ElementText, "postgresql")
def _postgresql_element(element: ElementText, compiler: SQLCompiler, **options: Any) -> str:
    return f"(({_parts(element, compiler, options)[0]} #>> '{{}}') COLLATE \"C\")"


@compiles(PlaceOf, "postgresql")
def _postgresql_place(element: PlaceOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos({', '.join(_parts(element, compiler, options))})"


@compiles(LastCharacters, "postgresql")
def _postgresql_last(element: LastCharacters, compiler: SQLCompiler, **options: Any) -> str:
    return f"right({', '.join(_parts(element, compiler, options))})"


@compiles(IsAmong, "postgresql")
def _postgresql_among(element: IsAmong, compiler: SQLCompiler, **options: Any) -> str:
    _, with_exists = element.clauses
    return compiler.process(with_exists, **options)


@compiles(ByCodePoint, "postgresql")
def _postgresql_by_code_point(element: ByCodePoint, compiler: SQLCompiler, **options: Any) -> str:
    return f'({_parts(element, compiler, options)[0]} COLLATE "C")'


def json_text(value: ColumnElement[Any], *names: str) -> ColumnElement[str]:
    """Return the text that stands in ``value`` under ``names``, from the outside in.

    What is no text comes as the engine writes it: good for asking whether it is there at all.
    """
    return JsonText(value, *_path(names))


def json_elements(value: ColumnElement[Any], *names: str) -> TableValuedAlias:
    """Return the array in ``value`` under ``names`` as rows: ``key`` (from 0) and ``value``."""
    rows = JsonElements(value, *_path(names))
    return rows.table_valued(column("key", Integer), column("value", Text), name="entry")


def element_text(rows: TableValuedAlias) -> ColumnElement[str]:
    """Return the element of :func:`json_elements` itself, where it is text."""
    return ElementText(rows.c.value)


def by_code_point(value: ColumnElement[str]) -> ColumnElement[str]:
    """Return a text that is no column, to be compared in the order of code points (ADR 0004)."""
    return ByCodePoint(value)


def is_among(column: ColumnElement[Any], found: Select[Any]) -> ColumnElement[bool]:
    """Return whether ``column`` is among the values of the one column that ``found`` selects."""
    (selected,) = found.selected_columns
    return IsAmong(column.in_(found), exists(found.where(selected == column)))


def contains(value: ColumnElement[Any], needle: str) -> ColumnElement[bool]:
    """Return whether a text holds another one, letter for letter."""
    return PlaceOf(value, literal(needle, Text())) > 0


def ends_with(value: ColumnElement[Any], ending: str) -> ColumnElement[bool]:
    """Return whether a text ends with another one, letter for letter."""
    return LastCharacters(value, literal(len(ending), Integer())) == literal(ending, Text())


def _path(names: tuple[str, ...]) -> list[ColumnElement[str]]:
    whole = "$" + "".join(f'."{name}"' for name in names)
    return [literal(whole, Text()), *(literal(name, Text()) for name in names)]
