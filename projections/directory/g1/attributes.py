"""Which declared attribute a client's path names: by lookup in the schema, and in no other way.

Names are compared without regard to case (RFC 7643 §2.1). What no schema declares, ``password``
among it, is refused before any statement is built.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from scim2_models.path import AttrPath

from domain.refusals import Refusal
from domain.schemas import AttributeDefinition, ResourceSchema

_LONGEST = 100
"""How much of an unknown name is repeated to the client."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a resource type, or a sub-attribute of one."""

    head: AttributeDefinition
    sub: AttributeDefinition | None = None
    urn: str | None = None
    """The canonical URN of the extension that declares it; ``None`` for the others."""

    @property
    def target(self) -> AttributeDefinition:
        """The definition of what the path leads to."""
        return self.sub or self.head

    @property
    def name(self) -> str:
        """The canonical path, for messages."""
        path = self.head.name if self.sub is None else f"{self.head.name}.{self.sub.name}"
        return path if self.urn is None else f"{self.urn}:{path}"

    @property
    def keys(self) -> tuple[str, ...]:
        """The names that lead to the head attribute in a document."""
        return (self.head.name,) if self.urn is None else (self.urn, self.head.name)

    def of(self, sub: AttributeDefinition | None) -> "Attribute":
        """Return the attribute with another sub-attribute."""
        return Attribute(self.head, sub, self.urn)


def attribute(schema: ResourceSchema, path: AttrPath, refusal: type[Refusal]) -> Attribute:
    """Return what ``path`` names.

    Raises:
        Refusal: of the class ``refusal``; the detail repeats the name, cut to a hundred characters.
    """
    urn, declared = _declared(schema, path.uri)
    head = declared.get(path.attr.lower())
    if head is None:
        raise refusal(f'{schema.name} has no attribute "{shortened(str(path))}"')
    if path.sub_attr is None:
        return Attribute(head, None, urn)
    sub = head.sub_attributes.get(path.sub_attr.lower())
    if sub is None:
        raise refusal(f'{head.name} has no sub-attribute "{shortened(path.sub_attr)}"')
    return Attribute(head, sub, urn)


def sub_attribute(of: Attribute, path: AttrPath, refusal: type[Refusal]) -> Attribute:
    """Return what ``path`` names between the brackets of a value path.

    Raises:
        Refusal: of the class ``refusal``; the detail names the attribute.
    """
    known = of.head.sub_attributes
    if not of.head.is_complex and path.attr.lower() == "value":
        known = {"value": of.head}  # schemas[value eq "urn:…"]: the entry itself
    sub = known.get(path.attr.lower())
    if sub is None or path.sub_attr or path.uri:
        raise refusal(f'{of.head.name} has no sub-attribute "{shortened(str(path))}"')
    return of.of(sub if of.head.is_complex else None)


def shortened(name: str) -> str:
    """Return a name that fits into a message."""
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"


def _declared(
    schema: ResourceSchema, uri: str | None
) -> tuple[str | None, Mapping[str, AttributeDefinition]]:
    if uri is None or uri.lower() == schema.urn.lower():
        return None, schema.attributes
    urn = schema.extension_urns.get(uri.lower())
    return urn, schema.extensions[urn] if urn else {}
