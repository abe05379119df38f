"""Reading the resource of a POST or PUT into a document in normal form (RFC 7644 §3.3, §3.5.1)."""

from typing import Any, NamedTuple

from api import quirks
from api.targets import ExtensionTarget, Target, resolve
from api.values import Reading
from domain.cause import Warned
from domain.document import Document
from domain.patching import MemberDelta
from domain.refusals import InvalidPath, InvalidSyntax, InvalidValue
from domain.schemas import ResourceSchema


class ResourceBody(NamedTuple):
    """What a client wants a resource to say."""

    document: Document
    members: MemberDelta
    """Empty unless the client named ``members``."""
    warnings: list[Warned]


def read_resource(schema: ResourceSchema, body: dict[str, Any], max_members: int) -> ResourceBody:
    """Return the document a body spells; what is readOnly or unknown is left out (ABUSE G1).

    Raises:
        InvalidSyntax, InvalidValue: the detail names the attribute.
    """
    reading = Reading()
    document: dict[str, Any] = {}
    members = MemberDelta()
    for name, value in body.items():
        if name.lower() == "schemas":
            _check_schemas(schema, value, reading)
        elif name.lower() == "members" and "members" in schema.attributes:
            members = MemberDelta.replacing(read_members(value, max_members))
        else:
            _put(schema, document, name, value, reading)
    return ResourceBody(document, members, reading.warnings)


def read_members(value: Any, max_members: int) -> list[str]:
    """Return the ids a client names as members; ``None`` and ``[]`` name none."""
    if quirks.unassigned(value):
        return []
    ids = quirks.member_ids(value)
    if len(ids) > max_members:
        raise InvalidValue(f"members: a request may name at most {max_members}; send several")
    return ids


def _check_schemas(schema: ResourceSchema, value: Any, reading: Reading) -> None:
    if not isinstance(value, list) or not all(isinstance(urn, str) for urn in value):
        raise InvalidSyntax("schemas must be an array of URNs")
    for urn in value:
        if not quirks.known_schema(urn, schema):
            reading.warn("unknown-schema", urn)


def _put(
    schema: ResourceSchema, document: dict[str, Any], name: str, value: Any, reading: Reading
) -> None:
    try:
        target = resolve(schema, name)
    except InvalidPath:
        target = None
    if target is None:
        reading.ignore(name)
    elif isinstance(target, ExtensionTarget):
        if quirks.unassigned(value):
            return
        if not isinstance(value, dict):
            raise InvalidValue(f"{target.urn} must be an object")
        for inner, item in value.items():
            _put(schema, document, f"{target.urn}:{inner}", item, reading)
    elif target.filter is not None or (target.sub_attribute and target.attribute.multi_valued):
        reading.ignore(name)  # a part of several values, where whole ones are asked for
    elif not target.attribute.read_only:
        _assign(document, target, reading.value(target.definition, value, target.path))


def _assign(document: dict[str, Any], target: Target, value: Any) -> None:
    """Put a value where its target says: ``urn`` and sub-attribute may need an object first."""
    if value is None:
        return
    holder = document
    if target.urn is not None:
        holder = holder.setdefault(target.urn, {})
    if target.sub_attribute is None:
        existing = holder.get(target.attribute.name)
        merged = {**existing, **value} if isinstance(existing, dict) else value
        holder[target.attribute.name] = merged
    else:
        holder.setdefault(target.attribute.name, {})[target.sub_attribute.name] = value
