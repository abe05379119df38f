"""What this service provider can do, as it tells clients (RFC 7644 §4, RFC 7643 §5 to §7)."""

from functools import cache
from typing import Any

import scim2_models
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.app_state import service_of
from api.auth import reader
from api.composition import Service
from api.errors import Answer
from api.reading import scim_base
from api.representation import json_response
from domain.schemas import ENTERPRISE_URN, GROUP, USER
from domain.schemas.definitions import BINARY
from domain.schemas.user import EnterpriseUser

router = APIRouter()
_BASE = "/realms/{realm}/scim/v2"
_LIST_URN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_CORE = "urn:ietf:params:scim:schemas:core:2.0"
_UNADVERTISED = {("emails", "display")}
"""Accepted, but Entra's "Test schema" rejects a schema that lists it (sourcegraph#62185)."""


@cache
def schemas() -> list[dict[str, Any]]:
    """Return the schema definitions, without ``meta.location``."""
    found = []
    for model, standard in _MODELS:
        schema: dict[str, Any] = model.to_schema().model_dump()
        described = _descriptions(standard.to_schema().model_dump())
        schema["description"] = described[""]
        for attribute in schema["attributes"]:
            name = attribute["name"]
            attribute["description"] = described.get(name, name)
            parts = [
                part
                for part in attribute.get("subAttributes", ())
                if (name, part["name"]) not in _UNADVERTISED
            ]
            for part in parts:
                part["description"] = described.get(f"{name}.{part['name']}", part["name"])
                if (name, part["name"]) == BINARY:
                    part["type"] = "binary"
            if parts:
                attribute["subAttributes"] = parts
        found.append(schema)
    return found


_MODELS: list[tuple[type[Any], type[Any]]] = [
    (USER.model, scim2_models.User),
    (GROUP.model, scim2_models.Group),
    (EnterpriseUser, scim2_models.EnterpriseUser),
]
"""Our models, and the standard ones whose descriptions they share."""


def _descriptions(schema: dict[str, Any]) -> dict[str, str]:
    """Return the descriptions of a schema by path; the empty path is the schema itself."""
    found = {"": str(schema.get("description") or schema["name"])}
    for attribute in schema["attributes"]:
        for path, part in [
            (attribute["name"], attribute),
            *((f"{attribute['name']}.{p['name']}", p) for p in attribute.get("subAttributes", ())),
        ]:
            if part.get("description"):
                found[path] = " ".join(part["description"].split())
    return found


def resource_types() -> list[dict[str, Any]]:
    """Return the resource types, without ``meta.location``."""
    extension = {"schema": ENTERPRISE_URN, "required": False}
    return [
        {
            "schemas": [f"{_CORE}:ResourceType"],
            "id": schema.name,
            "name": schema.name,
            "description": f"{schema.name}s of this realm",
            "endpoint": schema.endpoint,
            "schema": schema.urn,
            **({"schemaExtensions": [extension]} if schema.extensions else {}),
        }
        for schema in (USER, GROUP)
    ]


def service_provider_config(service: Service) -> dict[str, Any]:
    """Return what is supported, and how much of it."""
    return {
        "schemas": [f"{_CORE}:ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": service.settings.max_page},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "OAuth Bearer Token",
                "description": "A token of the realm: pasted, or from its token endpoint",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": True,
            }
        ],
    }


def _placed(resource: dict[str, Any], kind: str, location: str) -> dict[str, Any]:
    return {**resource, "meta": {"resourceType": kind, "location": location}}


def _refuse_filter(request: Request) -> None:
    if "filter" in {name.lower() for name in request.query_params}:
        raise Answer(403, "discovery endpoints cannot be filtered (RFC 7644 §4)")


def _list(resources: list[dict[str, Any]]) -> Response:
    return json_response(
        {
            "schemas": [_LIST_URN],
            "totalResults": len(resources),
            "startIndex": 1,
            "itemsPerPage": len(resources),
            "Resources": resources,
        }
    )


@router.get(f"{_BASE}/ServiceProviderConfig")
async def get_service_provider_config(request: Request) -> Response:
    """Answer what is supported."""
    caller = await reader(request)
    _refuse_filter(request)
    service = service_of(request)
    location = f"{scim_base(service, caller.slug)}/ServiceProviderConfig"
    return json_response(
        _placed(service_provider_config(service), "ServiceProviderConfig", location)
    )


def _collection(kind: str, endpoint: str, resources: list[dict[str, Any]]) -> None:
    """Declare a discovery collection: the list, and each of its resources by id."""

    @router.get(f"{_BASE}/{endpoint}", name=f"list_{endpoint.lower()}")
    async def list_all(request: Request) -> Response:
        caller = await reader(request)
        _refuse_filter(request)
        base = f"{scim_base(service_of(request), caller.slug)}/{endpoint}"
        return _list([_placed(found, kind, f"{base}/{found['id']}") for found in resources])

    @router.get(f"{_BASE}/{endpoint}/{{resource_id}}", name=f"get_{endpoint.lower()}")
    async def get_one(request: Request) -> Response:
        caller, resource_id = await reader(request), request.path_params["resource_id"]
        _refuse_filter(request)
        base = f"{scim_base(service_of(request), caller.slug)}/{endpoint}"
        for found in resources:
            if found["id"].lower() == resource_id.lower():
                return json_response(_placed(found, kind, f"{base}/{found['id']}"))
        raise Answer(404, f"there is no {kind} of this id")


_collection("Schema", "Schemas", schemas())
_collection("ResourceType", "ResourceTypes", resource_types())
