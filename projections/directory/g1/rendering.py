"""From a row to columns and back: the rendered document, its keys, its ``meta``."""

from typing import Any

import orjson

from domain import comparison
from domain.document import Document
from domain.events import entity_tag
from domain.instants import instant
from domain.judging import schemas_of
from domain.schemas import SCHEMAS, USER, ResourceSchema
from projections.directory.g1.keys import keys_of
from projections.directory.g1.rows import Row

_FRAME = ("schemas", "id")
_COLUMNS_BY_ATTRIBUTE = {
    "externalId": ("external_id_key",),
    "displayName": ("display_name_key", "display"),
    "userName": ("user_name_key",),
    "active": ("active",),
}
"""The columns that one attribute alone decides."""


def columns_of(row: Row) -> dict[str, Any]:
    """Return the columns of a row, ready to be bound."""
    schema, document = SCHEMAS[row.type], row.document
    columns: dict[str, Any] = {
        "realm": row.realm,
        "id": row.id,
        "external_id_key": _key(document.get("externalId"), comparison.exact),
        "display_name_key": _key(document.get("displayName"), comparison.folded),
        "display": document.get("displayName"),
        "keys": orjson.dumps(keys_of(schema, document), option=orjson.OPT_SORT_KEYS).decode(),
        "document": render_document(schema, row.id, document),
        **meta_columns_of(row),
        "created": row.created,
    }
    if schema is USER:
        columns["user_name_key"] = comparison.folded(document["userName"])
        columns["active"] = document.get("active")
    return columns


def changed_columns_of(new: Row, old: Row) -> dict[str, Any]:
    """Return the columns of a row whose document changed, save those that are sure to be the same.

    SQLite writes an index anew for every column of it that a statement names, changed or not.
    """
    columns = columns_of(new)
    for attribute, names in _COLUMNS_BY_ATTRIBUTE.items():
        if new.document.get(attribute) == old.document.get(attribute):
            for name in names:
                columns.pop(name, None)
    return columns


def meta_columns_of(row: Row) -> dict[str, Any]:
    """Return the columns that every event of the resource changes."""
    return {
        "last_modified": row.last_modified,
        "version": row.version,
        "meta": render_meta(row),
    }


def email_keys_of(row: Row) -> list[str]:
    """Return the keys of a user's e-mail addresses, in their order."""
    emails = row.document.get("emails") or []  # a group has none
    return [comparison.folded(email.get("value") or "") for email in emails]


def render_document(schema: ResourceSchema, resource_id: str, document: Document) -> str:
    """Return the resource as JSON without ``meta``, its attributes in the order of the schema."""
    whole = {"schemas": schemas_of(schema, document), "id": resource_id, **document}
    ordered = sorted(whole, key=lambda name: schema.order.get(name, len(schema.order)))
    return orjson.dumps({name: whole[name] for name in ordered}).decode()


def read_document(text: str) -> Document:
    """Return the document that was rendered."""
    whole = orjson.loads(text)
    return {name: value for name, value in whole.items() if name not in _FRAME}


def render_meta(row: Row) -> str:
    """Return ``meta`` without ``location`` and without its closing brace."""
    meta = {
        "resourceType": row.type,
        "created": instant(row.created),
        "lastModified": instant(row.last_modified),
        "version": entity_tag(row.version, row.correlation_id),
    }
    return orjson.dumps(meta).decode()[:-1]


def correlation_of(meta: str) -> str:
    """Return the part of the correlation id that a rendered ``meta`` shows."""
    return str(orjson.loads(meta + "}")["version"][3:-1].partition("-")[2])


def _key(value: Any, key: Any) -> str | None:
    return None if value is None else str(key(value))
