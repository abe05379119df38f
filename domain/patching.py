"""Applying PATCH operations to a document (RFC 7644 §3.5.2).

What arrives is the normal form that ``api.patches`` makes of the dialects clients speak.
``members`` never come here: they are a :class:`MemberDelta`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from scim2_models import Context, PatchOp

from domain.document import Change, Document, changed
from domain.judging import MAX_VALUES, check_count, judged, payload
from domain.refusals import AttributeReadOnly, InvalidValue
from domain.schemas import AttributeDefinition, ResourceSchema, ascii_policy, policy
from domain.value_paths import value_path

MAX_COMPARISONS = 2_000
"""Values the operations of one request may look at (ABUSE E7): each costs the processor time."""
FEW_OPERATIONS = 20
_CACHED = 1_024
_MESSAGE = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_DERIVED = ("schemas", "id", "meta")


@dataclass(frozen=True, slots=True)
class AttributeOperation:
    """One operation on attributes, in normal form: canonical names, one target."""

    op: Literal["add", "replace", "remove"]
    path: str
    value: Any = None

    def message(self) -> dict[str, Any]:
        """Return the operation as it stands in a PatchOp message."""
        operation: dict[str, Any] = {"op": self.op, "path": self.path}
        if self.op != "remove" or self.value is not None:
            operation["value"] = self.value
        return operation


@dataclass(frozen=True, slots=True)
class MemberDelta:
    """What a request does to the members of a group.

    ``replace`` is the whole new set where a client sent one; ``add`` and ``remove`` came after it.
    The three are kept disjoint by :meth:`adding` and :meth:`removing`.
    """

    add: frozenset[str] = field(default_factory=frozenset)
    remove: frozenset[str] = field(default_factory=frozenset)
    replace: frozenset[str] | None = None

    def adding(self, ids: Iterable[str]) -> "MemberDelta":
        """Return the delta followed by an addition."""
        ids = frozenset(ids)
        if self.replace is not None:
            return MemberDelta(replace=self.replace | ids)
        return MemberDelta(self.add | ids, self.remove - ids)

    def removing(self, ids: Iterable[str]) -> "MemberDelta":
        """Return the delta followed by a removal."""
        ids = frozenset(ids)
        if self.replace is not None:
            return MemberDelta(replace=self.replace - ids)
        return MemberDelta(self.add - ids, self.remove | ids)

    @staticmethod
    def replacing(ids: Iterable[str]) -> "MemberDelta":
        """Return the delta that leaves exactly these members."""
        return MemberDelta(replace=frozenset(ids))

    @property
    def wanted(self) -> frozenset[str]:
        """The ids that shall be members."""
        return self.add if self.replace is None else self.replace

    def __bool__(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.add or self.remove or self.replace is not None)


def patched(
    schema: ResourceSchema, document: Document, operations: Sequence[AttributeOperation]
) -> Document:
    """Return the document as the operations leave it; all of them apply, or none does.

    An operation has one target, so operations on different attributes do not see each other.
    Setting or clearing a plain value, or a part of the values that ``[type eq "work"]`` selects,
    needs no more than the schema table; everything else is scim2-models' to apply, to the
    attributes concerned and no others: a model of the whole resource would cost more than the rest
    of the request (ADR 0011).

    Raises:
        Refusal: an operation cannot be applied, or the result does not fit the schema.
    """
    _check_work(schema, document, operations)
    intricate = {_head(schema, o.path) for o in operations if not _is_plain(schema, o)}
    result: Document = {k: v for k, v in document.items() if k not in intricate}
    for operation in operations:
        if _head(schema, operation.path) in intricate:
            continue
        selected = value_path(schema, operation.path)
        if selected is None:
            value = _plain_value(schema, operation)
            result = changed(result, {operation.path: Change(None, value)})
        else:
            name = selected.attribute.name
            written = None if operation.op == "remove" else operation.value
            values = selected.written(result.get(name) or [], written)
            check_count(name, values)
            result = changed(result, {name: Change(None, values or None)})
    if not intricate:
        return result
    concerned = {name: value for name, value in document.items() if name in intricate}
    left = [o for o in operations if _head(schema, o.path) in intricate]
    return {**result, **_patched_by_model(schema, concerned, left)}


def _check_work(
    schema: ResourceSchema, document: Document, operations: Sequence[AttributeOperation]
) -> None:
    """Refuse what would take a processor for seconds, before it is begun.

    Raises:
        InvalidValue: too many values would be added to an attribute, or looked at.
    """
    lengths = {name: len(value) for name, value in document.items() if isinstance(value, list)}
    looked_at = 0
    for operation in operations:
        head = _head(schema, operation.path)
        if operation.op != "remove" and isinstance(operation.value, list):
            lengths[head] = lengths.get(head, 0) + len(operation.value)
            if lengths[head] > 2 * MAX_VALUES:
                raise InvalidValue(f"a PATCH may add at most {MAX_VALUES} values to {head}")
        if operation.path != head:
            looked_at += lengths.get(head, 0)
    if looked_at > MAX_COMPARISONS:
        raise InvalidValue(
            f"the operations of this PATCH look at more than {MAX_COMPARISONS} values; "
            "send them in several requests"
        )


def is_short(schema: ResourceSchema, operations: Sequence[AttributeOperation]) -> bool:
    """Whether applying the operations takes about a millisecond, whatever the document holds."""
    return len(operations) <= FEW_OPERATIONS and all(
        _is_plain(schema, operation) and not isinstance(operation.value, list)
        for operation in operations
    )


@lru_cache(_CACHED)
def _head(schema: ResourceSchema, path: str) -> str:
    """Return the top-level key of a document that a path leads to."""
    for urn in schema.extensions:
        if path.startswith(urn):
            return urn
    return path.partition("[")[0].partition(".")[0]


@lru_cache(_CACHED)
def _definition(schema: ResourceSchema, path: str) -> AttributeDefinition | None:
    """Return the definition of the plain value a path names, ``None`` when it names none."""
    if "[" in path or path in schema.extensions:
        return None
    urn, _, name = path.removeprefix(f"{schema.urn}:").rpartition(":")
    attributes = schema.extensions.get(urn, {}) if urn else schema.attributes
    head, _, tail = name.partition(".")
    definition = attributes.get(head.lower())
    if definition is None or definition.multi_valued or definition.read_only:
        return None
    return definition.sub_attributes.get(tail.lower()) if tail else definition


def _is_plain(schema: ResourceSchema, operation: AttributeOperation) -> bool:
    definition = _definition(schema, operation.path)
    if definition is None:
        return value_path(schema, operation.path) is not None
    return operation.op == "remove" or not definition.is_complex


def _plain_value(schema: ResourceSchema, operation: AttributeOperation) -> Any:
    """Return what a plain operation writes, ``None`` when it clears."""
    if operation.op == "remove" or operation.value is None:
        if operation.path == schema.identifier:
            raise AttributeReadOnly(f"{schema.identifier} is required and cannot be removed")
        return None
    definition = _definition(schema, operation.path)
    wanted = bool if definition and definition.type == "boolean" else str
    if not isinstance(operation.value, wanted):
        kind = "true or false" if wanted is bool else "a string"
        raise InvalidValue(f"{operation.path} must be {kind}")
    return operation.value


def _patched_by_model(
    schema: ResourceSchema, document: Document, operations: Sequence[AttributeOperation]
) -> Document:
    message = {"schemas": [_MESSAGE], "Operations": [o.message() for o in operations]}
    with judged(ascii_policy if _is_ascii(document) and _is_ascii(message) else policy):
        resource = schema.model.model_validate(payload(schema, document))
        request = PatchOp.__class_getitem__(schema.model).model_validate(
            message, scim_ctx=Context.RESOURCE_PATCH_REQUEST
        )
        request.patch(resource)
        result: dict[str, Any] = resource.model_dump()
    for name, value in result.items():
        check_count(name, value)
    return {name: value for name, value in result.items() if name not in _DERIVED}


def _is_ascii(value: Any) -> bool:
    """Whether every string below a JSON value is ASCII."""
    match value:
        case str():
            return value.isascii()
        case Mapping():
            return all(_is_ascii(item) for item in value.values())
        case list():
            return all(_is_ascii(item) for item in value)
        case _:
            return True
