"""Reading the operations of a PATCH into normal form (RFC 7644 §3.5.2).

Both Entra dialects, Okta's and the RFC's end up as the same operations: one target each, members
apart. Two spellings of one wish therefore give the same events, or the same refusal (ABUSE G17).
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, cast

from scim2_models.path import CompareOperator, Comparison, FilterNode, LogicalExpr, LogicalOperator

from api import quirks
from api.documents import read_members
from api.errors import Answer
from api.targets import ExtensionTarget, Target, resolve
from api.values import Reading
from domain.cause import Warned
from domain.patching import AttributeOperation, MemberDelta
from domain.refusals import AttributeReadOnly, InvalidPath, InvalidSyntax, InvalidValue, NoTarget
from domain.schemas import ResourceSchema

Verb = Literal["add", "replace", "remove"]


class PatchBody(NamedTuple):
    """What a client wants changed."""

    operations: list[AttributeOperation]
    members: MemberDelta
    warnings: list[Warned]


class Limits(NamedTuple):
    """How much one PATCH may ask for (ADR 0010)."""

    operations: int
    members: int


def read_patch(
    schema: ResourceSchema, resource_id: str, body: dict[str, Any], limits: Limits
) -> PatchBody:
    """Return the operations of a PATCH in normal form.

    An empty ``Operations`` is a request for nothing: some runs of Microsoft's validator send it
    (scimmy#59, fixture ``patch-empty-operations``).

    Raises:
        Answer: 413, more operations than allowed.
        Refusal: what is wrong with the message, a path or a value.
    """
    operations = _member(body, "operations")
    if not isinstance(operations, list):
        raise InvalidSyntax('a PATCH needs "Operations", an array of operations')
    if len(operations) > limits.operations:
        raise Answer(413, f"a PATCH may hold at most {limits.operations} operations")
    reader = _Reader(schema, resource_id, limits.members)
    for operation in operations:
        reader.read(operation)
    return PatchBody(reader.operations, reader.members, reader.reading.warnings)


def _member(message: Any, name: str) -> Any:
    """Return a member of a message; the names of messages are compared without case too."""
    if not isinstance(message, dict):
        raise InvalidSyntax('each of "Operations" must be an object')
    if name in message:  # no other spelling of it can stand beside it: `api.json_body` refuses that
        return message[name]
    return next((value for key, value in message.items() if key.lower() == name), None)


class _Reader:
    def __init__(self, schema: ResourceSchema, resource_id: str, max_members: int) -> None:
        self.schema = schema
        self.resource_id = resource_id
        self.max_members = max_members
        self.reading = Reading()
        self.operations: list[AttributeOperation] = []
        self.members = MemberDelta()

    def read(self, operation: Any) -> None:
        """Read one operation."""
        verb = str(_member(operation, "op") or "").lower()
        if verb not in ("add", "replace", "remove"):
            raise InvalidSyntax('"op" must be add, replace or remove')
        path, value = _member(operation, "path"), _member(operation, "value")
        if path is not None and not isinstance(path, str):
            raise InvalidPath('"path" must be a string')
        if path and path.strip():
            self._at(cast("Verb", verb), path, value, named=True)
            return
        if verb == "remove":
            raise NoTarget('a "remove" needs a "path" that says what to remove')
        if not isinstance(value, dict):
            raise InvalidValue(f'an "{verb}" without "path" needs an object as "value"')
        for name, item in value.items():
            self._at(cast("Verb", verb), name, item, named=False)

    def _at(self, verb: Verb, path: str, value: Any, *, named: bool) -> None:
        """Read the wish for one path; ``named``: in ``path``, not as a key of a value."""
        try:
            target = resolve(self.schema, path)
        except InvalidPath:
            if named:
                raise
            target = None
        if target is None:
            self.reading.ignore(path)
        elif isinstance(target, ExtensionTarget):
            self._extension(verb, target.urn, value)
        elif target.attribute.name == "members":
            self._members(verb, target, value)
        elif target.attribute.read_only:
            self._read_only(target, value, named=named)
        else:
            self._attribute(verb, target, value)

    def _extension(self, verb: Verb, urn: str, value: Any) -> None:
        if verb == "remove" and urn == self.schema.urn:
            raise NoTarget("the core schema cannot be removed; name an attribute")
        if verb == "remove":
            self.operations.append(AttributeOperation("remove", urn))
            return
        if not isinstance(value, dict):
            raise InvalidValue(f"{urn} must be an object")
        for name, item in value.items():
            self._at(verb, f"{urn}:{name}", item, named=False)

    def _read_only(self, target: Target, value: Any, *, named: bool) -> None:
        """Refuse a change of what clients may not change; a repetition of it is none."""
        name = target.attribute.name
        if name == "schemas" or (name == "id" and quirks.own_id(value, self.resource_id)):
            return
        if named or name == "id":
            raise AttributeReadOnly(f"{name} is readOnly: the service provider decides it")
        self.reading.warn("read-only-attribute", name)

    def _attribute(self, verb: Verb, target: Target, value: Any) -> None:
        if verb == "remove":
            self._remove(target, value)
        elif target.is_whole or quirks.unassigned(value):
            self._set(verb, target, value)
        else:
            self._parts(verb, target, value)

    def _set(self, verb: Verb, target: Target, value: Any) -> None:
        """Write a value; an unassigned one clears, unless an empty list was to be added."""
        definition, path = target.definition, target.path
        if target.takes_many:
            read = self.reading.value(definition, value, path)
        else:
            read = None
            if not quirks.unassigned(value):
                read = self.reading.one(definition, value, path)
        if read is not None:
            self._forget_manager_details(target)
            self.operations.append(AttributeOperation(verb, path, read))
        elif not (verb == "add" and value in ([], {})):
            self.operations.append(AttributeOperation("remove", path))

    def _parts(self, verb: Verb, target: Target, value: Any) -> None:
        """Write a singular complex attribute part by part, so that a null clears its part."""
        if target.attribute.value_attribute is not None:
            # A reference is one thing: a new value with the old $ref would name two resources.
            whole = self.reading.one(target.definition, value, target.path)
            self.operations.append(AttributeOperation("remove", target.path))
            if whole is not None:
                self.operations.append(AttributeOperation("add", target.path, whole))
            return
        value = quirks.wrapped_scalar(value)
        if not isinstance(value, dict):
            raise InvalidValue(f"{target.path} must be an object")
        for name, item in value.items():
            self._at(verb, f"{target.path}.{name}", item, named=False)

    def _forget_manager_details(self, target: Target) -> None:
        sub, head = target.sub_attribute, target.attribute
        if head.multi_valued or sub is None or sub is not head.value_attribute:
            return
        base = Target(head, target.urn).path
        for other in head.sub_attributes.values():
            if other is not sub:
                self.operations.append(AttributeOperation("remove", f"{base}.{other.name}"))

    def _remove(self, target: Target, value: Any) -> None:
        """Remove; a value selects entries of a multi-valued attribute and is never written.

        SCIMReferenceCode#87, fixture ``entra-remove-email-with-value``.
        """
        selected = None
        if target.takes_many and not quirks.unassigned(value):
            selected = self.reading.value(target.definition, value, target.path)
            if selected is None:
                return  # nothing in it is declared, so it selects nothing
        self.operations.append(AttributeOperation("remove", target.path, selected))

    def _members(self, verb: Verb, target: Target, value: Any) -> None:
        """Read a wish about members: by a list, by a filter, or about all of them.

        Entra removes with a list of values, which an RFC-literal server reads as "remove all"
        (azure-docs#30826); ``value: []`` names nobody. Fixtures ``entra-group-remove-…``.
        """
        if target.filter is not None:
            if verb != "remove" or target.sub_attribute is not None:
                raise InvalidPath("members: add or replace them by a list; [...] only removes")
            self.members = self.members.removing(_selected(target.filter))
        elif target.sub_attribute is not None:
            raise InvalidPath("members: change whole members, not a part of each")
        elif verb == "replace":
            self.members = MemberDelta.replacing(read_members(value, self.max_members))
        elif verb == "add":
            self.members = self.members.adding(read_members(value, self.max_members))
        elif value is None:
            self.members = MemberDelta.replacing([])
        else:
            self.members = self.members.removing(read_members(value, self.max_members))
        if len(self.members.wanted) + len(self.members.remove) > self.max_members:
            raise InvalidValue(f"members: a request may name at most {self.max_members}")


def _selected(node: FilterNode) -> Iterator[str]:
    """Return the ids of ``value eq "…"``, or of several joined by ``or``."""
    match node:
        case Comparison(path, CompareOperator.eq, str(value)) if path.attr == "value":
            yield value
        case LogicalExpr(LogicalOperator.or_, terms):
            for term in terms:
                yield from _selected(term)
        case _:
            raise NoTarget('members: select them by id, as in members[value eq "…"]')
