"""The declared attributes as a table, derived from the models.

The models judge; this table answers the questions that need no validation: what is the canonical
spelling of this name, is it multi-valued, may a client write it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from scim2_models import (
    CaseExact,
    Mutability,
    Resource,
    ScimPolicy,
    default_comparison_key,
)
from scim2_models import Schema as SchemaResource

from domain.comparison import comparison_key
from domain.schemas.group import GroupResource
from domain.schemas.user import EnterpriseUser, UserResource

USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_URN = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE_URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

policy = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
    comparison_key=comparison_key,
)
"""How tolerant this service provider is (ADR 0006); each setting is pinned by a test."""

ascii_policy = policy.model_copy(update={"comparison_key": default_comparison_key})
"""The same policy where every string compared is ASCII, or nothing is compared at all.

There both keys lower-case and no more, so they are equal (a property test says so); under the
library's own key it leaves out a walk over every attribute that costs more than all the rest.
"""


@dataclass(frozen=True)
class AttributeDefinition:
    """One declared attribute or sub-attribute (RFC 7643 §7)."""

    name: str
    type: str
    multi_valued: bool
    read_only: bool
    case_exact: bool = False
    sub_attributes: Mapping[str, "AttributeDefinition"] = field(default_factory=dict)
    """Sub-attributes by lower-cased name; empty unless ``type`` is ``complex``."""

    @property
    def is_complex(self) -> bool:
        """Whether the attribute has sub-attributes."""
        return self.type == "complex"

    @property
    def value_attribute(self) -> "AttributeDefinition | None":
        """The ``value`` sub-attribute, which stands for the whole in short spellings."""
        return self.sub_attributes.get("value")


BINARY = ("x509Certificates", "value")
"""Text to the models, which keep it verbatim; binary to everybody else (RFC 7643 §4.1.2)."""


def _definitions(schema: SchemaResource) -> dict[str, AttributeDefinition]:
    def define(attribute: object, parent: str = "") -> AttributeDefinition:
        name: str = attribute.name  # type: ignore[attr-defined]
        kind: str = attribute.type.value  # type: ignore[attr-defined]
        return AttributeDefinition(
            name=name,
            type="binary" if (parent, name) == BINARY else kind,
            multi_valued=bool(attribute.multi_valued),  # type: ignore[attr-defined]
            read_only=attribute.mutability == Mutability.read_only,  # type: ignore[attr-defined]
            case_exact=attribute.case_exact == CaseExact.true,  # type: ignore[attr-defined]
            sub_attributes={
                sub.name.lower(): define(sub, name)
                for sub in attribute.sub_attributes or ()  # type: ignore[attr-defined]
            },
        )

    return {str(a.name).lower(): define(a) for a in schema.attributes or ()}


_META = {
    name.lower(): AttributeDefinition(
        name, kind, multi_valued=False, read_only=True, case_exact=True
    )
    for name, kind in (
        ("resourceType", "string"),
        ("created", "dateTime"),
        ("lastModified", "dateTime"),
        ("location", "reference"),
        ("version", "string"),
    )
}
_COMMON = {
    "id": AttributeDefinition("id", "string", multi_valued=False, read_only=True, case_exact=True),
    "externalid": AttributeDefinition(
        "externalId", "string", multi_valued=False, read_only=False, case_exact=True
    ),
    "meta": AttributeDefinition(
        "meta", "complex", multi_valued=False, read_only=True, sub_attributes=_META
    ),
    "schemas": AttributeDefinition("schemas", "reference", multi_valued=True, read_only=True),
}
"""The attributes every resource has (RFC 7643 §3.1), which no schema lists."""


@dataclass(frozen=True, eq=False)
class ResourceSchema:
    """A resource type with everything declared for it; there is one object of each."""

    name: str
    endpoint: str
    urn: str
    model: type[Resource]  # type: ignore[type-arg]
    attributes: Mapping[str, AttributeDefinition]
    """Core and common attributes by lower-cased name."""
    extensions: Mapping[str, Mapping[str, AttributeDefinition]]
    """Extension attributes by canonical URN, then by lower-cased name."""
    identifier: str
    """The attribute a client matches the resource by; unique in a realm."""

    @cached_property
    def extension_urns(self) -> Mapping[str, str]:
        """Canonical extension URNs by lower-cased URN."""
        return {urn.lower(): urn for urn in self.extensions}

    @cached_property
    def order(self) -> Mapping[str, int]:
        """The place of each top-level key in a rendered document."""
        names = ["schemas", "id", "externalId"]
        names += [a.name for a in self.attributes.values() if a.name not in names]
        names += list(self.extensions)
        return {name: place for place, name in enumerate(names)}


USER = ResourceSchema(
    name="User",
    endpoint="/Users",
    urn=USER_URN,
    model=UserResource,
    attributes={**_COMMON, **_definitions(UserResource.to_schema())},
    extensions={ENTERPRISE_URN: _definitions(EnterpriseUser.to_schema())},
    identifier="userName",
)
GROUP = ResourceSchema(
    name="Group",
    endpoint="/Groups",
    urn=GROUP_URN,
    model=GroupResource,
    attributes={**_COMMON, **_definitions(GroupResource.to_schema())},
    extensions={},
    identifier="displayName",
)
