"""Applying PATCH operations to a document (RFC 7644 §3.5.2).

The semantics are scim2-models'; what reaches it is the normal form that ``api.quirks`` makes of
the dialects clients speak. ``members`` never come here: they are a :class:`MemberDelta`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from scim2_models import Context, PatchOp

from domain.document import Document
from domain.judging import judged, payload
from domain.schemas import ResourceSchema, ascii_policy, policy

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


def is_ascii(value: Any) -> bool:
    """Whether every string below a JSON value is ASCII."""
    match value:
        case str():
            return value.isascii()
        case Mapping():
            return all(is_ascii(item) for item in value.values())
        case list():
            return all(is_ascii(item) for item in value)
        case _:
            return True


def patched(
    schema: ResourceSchema, document: Document, operations: Sequence[AttributeOperation]
) -> Document:
    """Return the document as the operations leave it; all of them apply, or none does.

    Raises:
        Refusal: an operation cannot be applied, or the result does not fit the schema.
    """
    if not operations:
        return document
    message = {"schemas": [_MESSAGE], "Operations": [o.message() for o in operations]}
    with judged(ascii_policy if is_ascii(document) and is_ascii(message) else policy):
        resource = schema.model.model_validate(payload(schema, document))
        request = PatchOp.__class_getitem__(schema.model).model_validate(
            message, scim_ctx=Context.RESOURCE_PATCH_REQUEST
        )
        request.patch(resource)
        result: dict[str, Any] = resource.model_dump()
    return {name: value for name, value in result.items() if name not in _DERIVED}
