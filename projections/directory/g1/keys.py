"""The ``keys`` of a document: what filters compare, in the shape of the document (ADR 0004)."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from domain import comparison
from domain.document import Document
from domain.judging import schemas_of
from domain.schemas import AttributeDefinition, ResourceSchema

_BOOLEAN: TypeAdapter[bool] = TypeAdapter(bool)

Definitions = Mapping[str, AttributeDefinition]


def keys_of(schema: ResourceSchema, document: Document) -> dict[str, Any]:
    """Return the document with every value replaced by its key, and its ``schemas``.

    Canonical names; extensions under their URN; lists stay lists. Attributes that no schema
    declares are left out: nothing can ask for them.
    """
    keys = _keys(schema.attributes, document)
    for urn, attributes in schema.extensions.items():
        if urn in document:
            keys[urn] = _keys(attributes, document[urn])
    keys["schemas"] = [comparison.folded(urn) for urn in schemas_of(schema, document)]
    return keys


def key_of(definition: AttributeDefinition, value: Any) -> str:
    """Return the key of one simple value.

    Booleans are ``"true"`` and ``"false"``, however the client spelled them (``"True"``, ``1``).

    Raises:
        ValueError: the value does not fit the attribute.
    """
    if definition.type == "boolean":
        read = value if isinstance(value, bool) else _BOOLEAN.validate_python(value)
        return "true" if read else "false"
    if not isinstance(value, str):
        raise ValueError(f"{definition.name} is text")
    return comparison.exact(value) if definition.case_exact else comparison.folded(value)


def _keys(definitions: Definitions, values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        definition.name: _key(definition, values[name])
        for name in values
        if (definition := definitions.get(name.lower())) is not None
    }


def _key(definition: AttributeDefinition, value: Any) -> Any:
    if isinstance(value, str) and definition.type != "boolean":  # most values, by far
        return comparison.exact(value) if definition.case_exact else comparison.folded(value)
    if value is None:
        return None
    if isinstance(value, list):
        return [_key(definition, item) for item in value]
    if definition.is_complex:
        return _keys(definition.sub_attributes, value)
    return key_of(definition, value)
