"""JSON inside SQL: the only expressions whose spelling depends on the engine.

An expression is built here once and spelled by ``@compiles`` for each engine; an engine without a
spelling refuses the statement instead of guessing. Paths are built from names of the schema, never
from what a client sent, and are bound like every other value.
"""

from typing import Any

from sqlalchemy import ColumnElement, Integer, Text, column, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias


class JsonText(FunctionElement[str]):
    """The text at a path of a JSON value; NULL when nothing, or a JSON null, stands there."""

    name = "json_text"
    type = Text()
    inherit_cache = True


class JsonElements(FunctionElement[Any]):
    """The elements of the array at a path of a JSON value, as rows; none when it is absent."""

    name = "json_elements"
    inherit_cache = True


@compiles(JsonText, "sqlite")
def _sqlite_text(element: JsonText, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **options)})"


@compiles(JsonElements, "sqlite")
def _sqlite_elements(element: JsonElements, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


def json_text(value: ColumnElement[Any], *names: str) -> ColumnElement[str]:
    """Return the text that stands in ``value`` under ``names``, from the outside in.

    What is no text comes as the engine writes it: good for asking whether it is there at all.
    """
    return JsonText(value, literal(_path(names), Text()))


def json_elements(value: ColumnElement[Any], *names: str) -> TableValuedAlias:
    """Return the array in ``value`` under ``names`` as rows: ``key`` (from 0) and ``value``."""
    rows = JsonElements(value, literal(_path(names), Text()))
    return rows.table_valued(column("key", Integer), column("value", Text), name="entry")


def _path(names: tuple[str, ...]) -> str:
    return "$" + "".join(f'."{name}"' for name in names)
