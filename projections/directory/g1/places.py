"""Where the values of an attribute stand in the tables of generation 1."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, literal

from domain.schemas import AttributeDefinition, ResourceSchema
from projections.directory.g1.attributes import Attribute
from projections.directory.g1.keys import key_of
from projections.directory.g1.projection import TABLES
from projections.directory.g1.tables import groups, users
from projections.engines.spelling import by_code_point, json_text

_COLUMNS = {
    ("User", "userName"): users.c.user_name_key,
    ("User", "displayName"): users.c.display_name_key,
    ("Group", "displayName"): groups.c.display_name_key,
    **{(name, "externalId"): table.c.external_id_key for name, table in TABLES.items()},
    **{(name, "id"): table.c.id for name, table in TABLES.items()},
}
_INSTANTS = {"created": "created", "lastModified": "last_modified"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BOOLEAN: TypeAdapter[bool] = TypeAdapter(bool)
_INSTANT: TypeAdapter[datetime] = TypeAdapter(datetime)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one value of an attribute stands, NULL when it has none, and how to compare it."""

    value: ColumnElement[Any]
    key: Callable[[Any], Any]
    """Turns a value of the attribute into what stands here; raises ``ValueError``."""
    is_text: bool = True
    has_index: bool = False


def place_of(schema: ResourceSchema, attribute: Attribute) -> Place | None:
    """Return where the one value of a singular attribute stands.

    ``None`` when it stands nowhere: ``meta.location`` and ``meta.version`` are made at the read.
    """
    table, target = TABLES[schema.name], attribute.target
    if attribute.head.name == "meta":
        if target.name in _INSTANTS:
            return Place(table.c[_INSTANTS[target.name]], microseconds, is_text=False)
        if target.name == "resourceType":
            return Place(by_code_point(literal(schema.name)), partial(key_of, target))
        return None
    if attribute.urn is None and attribute.sub is None:
        if (schema.name, target.name) in _COLUMNS:
            column = _COLUMNS[schema.name, target.name]
            return Place(column, partial(key_of, target), has_index=True)
        if target.name == "active":
            return Place(table.c.active, _BOOLEAN.validate_python, is_text=False)
    subs = () if attribute.sub is None else (attribute.sub.name,)
    return key_place(json_text(table.c["keys"], *attribute.keys, *subs), target)


def key_place(value: ColumnElement[Any], definition: AttributeDefinition) -> Place:
    """Return the place of an attribute whose key is ``value``."""
    return Place(value, partial(key_of, definition), is_text=definition.type != "boolean")


def microseconds(value: Any) -> int:
    """Return an instant as microseconds since 1970; one without an offset is UTC.

    Raises:
        ValueError: it is no instant.
    """
    instant = _INSTANT.validate_python(value)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return (instant - _EPOCH) // timedelta(microseconds=1)
