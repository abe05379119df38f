"""The SCIM schemas this service provider declares (RFC 7643 §4), as models and as definitions."""

from collections.abc import Mapping

from domain.schemas.definitions import (
    ENTERPRISE_URN,
    GROUP,
    GROUP_URN,
    USER,
    USER_URN,
    AttributeDefinition,
    ResourceSchema,
    ascii_policy,
    policy,
)
from domain.schemas.group import GroupResource
from domain.schemas.user import UserResource

SCHEMAS: Mapping[str, ResourceSchema] = {schema.name: schema for schema in (USER, GROUP)}
"""By the name of the resource type."""

__all__ = [
    "ENTERPRISE_URN",
    "GROUP",
    "GROUP_URN",
    "SCHEMAS",
    "USER",
    "USER_URN",
    "AttributeDefinition",
    "GroupResource",
    "ResourceSchema",
    "UserResource",
    "ascii_policy",
    "policy",
]
