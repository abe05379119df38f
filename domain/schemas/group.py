"""The Group resource (RFC 7643 §4.2).

``displayName`` is declared unique: Microsoft Entra matches groups by it (ADR 0004, fixture
``entra-group-match``).
"""

from typing import Annotated, Any

from pydantic import Field
from scim2_models import CaseExact, ComplexAttribute, Mutability, Required, Resource, Uniqueness
from scim2_models.urn import URN

from domain.schemas.user import Text
from domain.schemas.verbatim import MemberReference


class GroupMember(ComplexAttribute):
    """A member of a group: a user, or another group."""

    value: Annotated[Text, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[MemberReference | None, Mutability.immutable, CaseExact.true] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    type: Annotated[Text, Mutability.immutable] = Field(None, examples=["User", "Group"])
    display: Annotated[Text, Mutability.read_only] = None


class Group(Resource[Any]):
    """A group of users."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[Text, Uniqueness.server, Required.true] = None
    members: list[GroupMember] | None = None


GroupResource = Group
