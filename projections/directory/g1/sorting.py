"""The order of a list (RFC 7644 §3.4.2.3): by the comparison keys, in the order of code points."""

from typing import Any

from scim2_models.path import AttrPath
from sqlalchemy import ColumnElement

from domain.refusals import InvalidPath
from domain.schemas import ResourceSchema
from projections.directory.g1.attributes import attribute
from projections.directory.g1.entries import entries_of
from projections.directory.g1.places import place_of
from projections.directory.g1.projection import TABLES
from projections.directory.g1.shorthand import qualified


def order_by(
    schema: ResourceSchema,
    sort_by: str,
    descending: bool,  # noqa: FBT001  # the wire's sortOrder
) -> list[ColumnElement[Any]]:
    """Return the order ``sort_by`` asks for; resources that compare equal stand by id.

    Of several values the primary one counts, else the first. Resources without a value come last
    when ascending and first when descending.

    Raises:
        InvalidPath: ``sort_by`` names nothing that can be sorted by.
    """
    table = TABLES[schema.name]
    value = _value(schema, sort_by)
    if value is None:
        return [table.c.id]
    directed = value.desc() if descending else value.asc()
    if not _never_null(value):
        directed = directed.nulls_first() if descending else directed.nulls_last()
    return [directed] if value is table.c.id else [directed, table.c.id]


def _value(schema: ResourceSchema, sort_by: str) -> ColumnElement[Any] | None:
    """Return what to sort by, ``None`` when every resource of the type has the same value."""
    named = attribute(schema, qualified(schema, _path(schema, sort_by)), InvalidPath)
    if named.name in {"schemas", "meta.resourceType"}:
        return None  # the first schema is that of the resource type
    if named.head.multi_valued:
        entries = entries_of(schema, named)
        sub = named.sub or named.head.value_attribute
        place = entries.place_of(sub) if sub else None
        value = entries.first(place.value) if place else None
    else:
        place = None if named.target.is_complex else place_of(schema, named)
        value = place.value if place else None
    if value is None:
        raise InvalidPath(f"{named.name} cannot be sorted by")
    return value


def _path(schema: ResourceSchema, sort_by: str) -> AttrPath:
    uri, _, path = sort_by.rpartition(":")
    name, dot, sub = path.partition(".")
    try:
        return AttrPath(name, sub if dot else None, uri or None)
    except ValueError:
        raise InvalidPath(f"sortBy names no attribute of {schema.name}") from None


def _never_null(value: ColumnElement[Any]) -> bool:
    return getattr(value, "nullable", None) is False
