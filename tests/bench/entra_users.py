"""Users and PATCH bodies in the shapes Entra's provisioning service sends.

Source: Microsoft's "Develop and plan provisioning for a SCIM endpoint" tutorial: capitalised
operation names, one path an operation, `emails[type eq "work"].value` as a value path.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import orjson

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

GIVEN = ("Aino", "Bela", "Carla", "Dmitri", "Elif", "Farid", "Grace", "Hiro", "Ines", "Jonas")
FAMILY = ("Abe", "Berg", "Costa", "Diaz", "Eriksen", "Fischer", "Garcia", "Haddad", "Ivanov")
DEPARTMENTS = ("Engineering", "Finance", "Sales", "Legal", "Support", "Research", "Operations")

_NAMESPACE = uuid.UUID("6f9b6f0e-54d5-4b0c-9d57-0d2c3f0f8a11")


@dataclass(slots=True)
class EntraUser:
    """What the bench last told the server about a user; `id` and `modified` are its answer."""

    number: int
    display_name: str
    email: str
    active: bool = True
    id: str = ""
    modified: str = ""

    @property
    def user_name(self) -> str:
        return f"bench-{self.number:06d}.{self.family.lower()}@corp.example"

    @property
    def external_id(self) -> str:
        """Entra's objectId: a UUID, the same one in every run."""
        return str(uuid.uuid5(_NAMESPACE, str(self.number)))

    @property
    def given(self) -> str:
        return GIVEN[self.number % len(GIVEN)]

    @property
    def family(self) -> str:
        return FAMILY[self.number // len(GIVEN) % len(FAMILY)]


@dataclass(slots=True)
class EntraGroup:
    number: int
    id: str = ""
    members: set[str] = field(default_factory=set)

    @property
    def display_name(self) -> str:
        return f"bench-group-{self.number:05d}"


def new_user(number: int) -> EntraUser:
    user = EntraUser(number, "", "")
    user.display_name = f"{user.given} {user.family} {number:06d}"
    user.email = f"{user.given}.{user.family}.{number:06d}@corp.example.com".lower()
    return user


def user_document(user: EntraUser, manager: str | None) -> dict[str, Any]:
    """The body of POST /Users with every attribute of Entra's default mapping.

    `manager` is the id of a user that is already there, or None for the first one.
    """
    number = user.number
    enterprise: dict[str, Any] = {
        "employeeNumber": f"E{number:06d}",
        "department": DEPARTMENTS[number % len(DEPARTMENTS)],
        "division": f"EMEA-{number % 5}",
        "organization": "Contoso",
    }
    if manager is not None:
        enterprise["manager"] = {"value": manager}
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": user.external_id,
        "userName": user.user_name,
        "active": user.active,
        "displayName": user.display_name,
        "name": {
            "formatted": f"{user.given} {user.family}",
            "familyName": user.family,
            "givenName": user.given,
        },
        "emails": [{"primary": True, "type": "work", "value": user.email}],
        "phoneNumbers": [
            {"type": "work", "value": f"+4420{number:07d}"},
            {"type": "mobile", "value": f"+4477{number:08d}"},
        ],
        "title": f"Engineer {number % 9}",
        "preferredLanguage": "en-US",
        ENTERPRISE: enterprise,
        "meta": {"resourceType": "User"},
    }


def group_document(group: EntraGroup) -> dict[str, Any]:
    """The body of POST /Groups: Entra creates groups empty and adds members afterwards."""
    return {
        "schemas": [GROUP],
        "displayName": group.display_name,
        "meta": {"resourceType": "Group"},
    }


def replace(path: str, value: object) -> dict[str, object]:
    return {"op": "Replace", "path": path, "value": value}


def add_members(ids: Iterable[str]) -> dict[str, object]:
    return {"op": "Add", "path": "members", "value": [{"$ref": None, "value": i} for i in ids]}


def remove_member(member: str) -> dict[str, object]:
    """The standard shape, which Entra sends with `aadOptscim062020` and every server knows."""
    return {"op": "Remove", "path": f'members[value eq "{member}"]'}


def patch(*operations: dict[str, object]) -> bytes:
    return orjson.dumps({"schemas": [PATCH_OP], "Operations": list(operations)})


def by_filter(expression: str, more: str = "") -> str:
    """The target of a filtered list of users."""
    return f"/Users?filter={quote(expression, safe='')}{more}"
