"""What an attribute name or a PATCH path means: resolution against the schema (RFC 7644 §3.10).

Names are compared without case and answered in their canonical spelling. Only what the schema
declares can come out: no input ever reaches ``getattr`` or becomes a key by itself (ABUSE F4).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from scim2_models import InvalidFilterException, ScimFilter
from scim2_models.path import AttrPath, Comparison, FilterNode, LogicalExpr, Not, Present

from api import quirks
from domain.refusals import InvalidPath
from domain.schemas import AttributeDefinition, ResourceSchema

MAX_PATH = 1_024
_CACHED = 1_024
_UNPRINTABLE = re.compile("[\x00\ud800-\udfff]")
_PATH = re.compile(
    r"(?P<attribute>[^\[\]]+)(?:\[(?P<filter>.*)\](?:\.(?P<sub>[$A-Za-z][$\w-]*))?)?", re.DOTALL
)
_NAME = re.compile(r"[$A-Za-z_][$\w-]*(?:\.[$A-Za-z_][$\w-]*)*")


@dataclass(frozen=True, slots=True)
class Target:
    """An attribute, one of its sub-attributes, or the values a filter selects."""

    attribute: AttributeDefinition
    urn: str | None = None
    sub_attribute: AttributeDefinition | None = None
    filter: FilterNode | None = None

    @property
    def path(self) -> str:
        """The canonical spelling of the path."""
        prefix = f"{self.urn}:" if self.urn else ""
        selection = f"[{self.filter}]" if self.filter is not None else ""
        suffix = f".{self.sub_attribute.name}" if self.sub_attribute else ""
        return f"{prefix}{self.attribute.name}{selection}{suffix}"

    @property
    def definition(self) -> AttributeDefinition:
        """The definition of what a value written here must be."""
        return self.sub_attribute or self.attribute

    @property
    def is_whole(self) -> bool:
        """Whether a value is written in one piece: anything but a singular complex attribute."""
        return self.takes_many or not self.definition.is_complex or self.filter is not None

    @property
    def takes_many(self) -> bool:
        """Whether the target holds several values: the whole of a multi-valued attribute."""
        return self.attribute.multi_valued and self.filter is None and self.sub_attribute is None


@dataclass(frozen=True, slots=True)
class ExtensionTarget:
    """A whole extension, or the core schema, named by its URN."""

    urn: str


def resolve(schema: ResourceSchema, text: str) -> Target | ExtensionTarget | None:
    """Return what ``text`` names, ``None`` when it is well-formed but not declared.

    Raises:
        InvalidPath: it is not a path at all.
    """
    if len(text) > MAX_PATH:
        raise InvalidPath(f"a path is longer than {MAX_PATH} characters")
    return _resolved(schema, text.strip())


@lru_cache(_CACHED)
def _resolved(schema: ResourceSchema, text: str) -> Target | ExtensionTarget | None:
    """Return what a path of bounded length names; clients send the same few again and again."""
    text = quirks.dotted_extension(text, schema)
    if text.lower() == schema.urn.lower():
        return ExtensionTarget(schema.urn)
    if text.lower() in schema.extension_urns:
        return ExtensionTarget(schema.extension_urns[text.lower()])
    match = _PATH.fullmatch(text)
    if match is None:
        raise InvalidPath("a path is not well-formed: look at its brackets, and what follows them")
    urn, attributes, name = _split(schema, match["attribute"])
    if not _NAME.fullmatch(name):
        raise InvalidPath("a path is not well-formed: it names no attribute")
    if attributes is None:
        return None
    head, _, tail = name.partition(".")
    attribute = attributes.get(head.lower())
    if attribute is None and urn is None:
        urn, attribute = quirks.bare_extension_attribute(head, schema)
    sub_name = match["sub"] or tail
    if attribute is None or (tail and match["filter"] is not None):
        return None
    sub_attribute = attribute.sub_attributes.get(sub_name.lower()) if sub_name else None
    if sub_name and sub_attribute is None:
        return None
    if match["filter"] is None:
        return Target(attribute, urn, sub_attribute)
    return Target(attribute, urn, sub_attribute, _selection(attribute, match["filter"]))


def _split(
    schema: ResourceSchema, text: str
) -> tuple[str | None, dict[str, AttributeDefinition] | None, str]:
    """Return extension URN, the attributes it declares (``None``: unknown schema), and the rest."""
    if not text.lower().startswith("urn:"):
        return None, dict(schema.attributes), text
    known: dict[str, tuple[str | None, Mapping[str, AttributeDefinition]]] = {
        schema.urn.lower(): (None, schema.attributes)
    }
    known |= {urn.lower(): (urn, schema.extensions[urn]) for urn in schema.extensions}
    for lowered, (urn, attributes) in known.items():
        if text.lower().startswith(lowered + ":"):
            return urn, dict(attributes), text[len(lowered) + 1 :]
    return None, None, text.rpartition(":")[2]


def _selection(attribute: AttributeDefinition, text: str) -> FilterNode:
    """Return the filter of a value path with canonical names and typed values.

    Raises:
        InvalidPath: the filter cannot be read, or selects from what holds one value.
    """
    if not attribute.multi_valued:
        raise InvalidPath(f"{attribute.name} holds one value; [...] selects among several")
    try:
        node = ScimFilter(text).ast
    except InvalidFilterException as error:
        raise InvalidPath(f"the filter in {attribute.name}[...] cannot be read: {error}") from None
    return _canonical(attribute, node)


def _canonical(attribute: AttributeDefinition, node: FilterNode) -> FilterNode:
    match node:
        case LogicalExpr(op, terms):
            return LogicalExpr(op, tuple(_canonical(attribute, term) for term in terms))
        case Not(expr):
            return Not(_canonical(attribute, expr))
        case Comparison(path, op, value):
            definition = _named(attribute, path)
            if definition.type == "boolean":
                value = quirks.string_boolean(value)
            if isinstance(value, str) and _UNPRINTABLE.search(value):
                raise InvalidPath(
                    f"the filter in {attribute.name}[...] holds NUL or a lone surrogate"
                )
            return Comparison(AttrPath(definition.name), op, value)
        case Present(path):
            return Present(AttrPath(_named(attribute, path).name))
    raise InvalidPath(f"the filter in {attribute.name}[...] holds another selection")


def _named(attribute: AttributeDefinition, path: AttrPath) -> AttributeDefinition:
    definition = attribute.sub_attributes.get(path.attr.lower())
    if definition is None or path.sub_attr or path.uri:
        raise InvalidPath(f"{attribute.name} has no sub-attribute of the name filtered by")
    return definition
