"""State at an instant or in a version: a resource, the members of a group, a user's groups."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.app_state import service_of, workers_of
from api.auth import Caller, auditor
from api.composition import Service
from api.parameters import one, whole_number
from api.reading import WHOLE, view_of
from api.representation import json_response, resource_response
from domain.instants import instant
from domain.refusals import InvalidValue
from domain.schemas import GROUP, USER, ResourceSchema
from replay.as_of import AsOf, Past
from replay.moments import Moment, moment_at, parse_instant

BASE = "/realms/{realm}/audit/v1"
router = APIRouter()


def instant_of(service: Service, query: Any, name: str = "at") -> int:
    """Return the instant a parameter names, in microseconds since 1970. Raises InvalidValue."""
    text = one(query, name)
    if text is None:
        raise InvalidValue(f"{name} is missing: an instant such as 2026-03-03T12:00:00Z")
    return parse_instant(text, name, service.log.has_happened)


def moment_of(service: Service, query: Any, name: str = "at") -> Moment:
    """Return the moment a parameter names. Raises InvalidValue."""
    return moment_at(service.database, instant_of(service, query, name))


def derived_of(query: Any) -> bool:
    """Return whether what other resources decide is wanted too. Raises InvalidValue."""
    text = one(query, "derived")
    if text not in (None, "true", "false"):
        raise InvalidValue("derived is true or false")
    return text == "true"


def past_resource(
    service: Service, caller: Caller, schema: ResourceSchema, id_: str, query: Any
) -> Response:
    """Answer ``?version=N``, ``?at=INSTANT`` and ``?at=INSTANT&derived=true``.

    Raises:
        InvalidValue: not exactly one of them, or malformed.
        NotThen: the resource did not exist then.
    """
    version, derived = one(query, "version"), derived_of(query)
    if (version is None) == (one(query, "at") is None):
        raise InvalidValue("name either at (an instant) or version (the number of an entity tag)")
    as_of = AsOf(service.log, caller.realm)
    if version is not None:
        if derived:
            raise InvalidValue("derived goes with at: a version says nothing of other resources")
        past = as_of.resource_in_version(schema, id_, whole_number(version, "version"))
        cut = past.position
    else:
        moment = moment_of(service, query)
        past, cut = as_of.resource_at(schema, id_, moment, derived=derived), moment.position
    return _answer(service, caller, schema, past, cut)


def _answer(
    service: Service, caller: Caller, schema: ResourceSchema, past: Past, cut: int
) -> Response:
    with service.database.reading() as connection:
        view = view_of(service, caller, connection)
    body = view.resource(WHOLE[schema.name], past.row, past.references)
    response = resource_response(body, past.row, view.location(schema, past.row.id))
    response.headers["Rollbook-Position"] = str(cut)
    return response


def past_members(service: Service, caller: Caller, group_id: str, query: Any) -> Response:
    """Answer who was in a group at an instant. Raises as :func:`past_resource`."""
    moment = moment_of(service, query)
    spans = AsOf(service.log, caller.realm).members_at(group_id, moment)
    members = [{"value": s.id, "display": s.display, "type": s.type} for s in spans]
    return json_response({**when(moment), "members": members})


def past_groups(service: Service, caller: Caller, user_id: str, query: Any) -> Response:
    """Answer which groups a user was in at an instant. Raises as :func:`past_resource`."""
    moment = moment_of(service, query)
    spans = AsOf(service.log, caller.realm).groups_at(USER, user_id, moment)
    groups = [{"value": s.id, "display": s.display, "type": s.type} for s in spans]
    return json_response({**when(moment), "groups": groups})


def when(moment: Moment) -> dict[str, Any]:
    """Return how an answer names its instant and the cut."""
    return {"at": instant(moment.at), "position": moment.position}


@router.get(BASE + "/Users/{resource_id}")
async def user_then(request: Request) -> Response:
    """Return a user as it stood."""
    return await _about(request, USER)


@router.get(BASE + "/Groups/{resource_id}")
async def group_then(request: Request) -> Response:
    """Return a group as it stood."""
    return await _about(request, GROUP)


async def _about(request: Request, schema: ResourceSchema) -> Response:
    caller, id_ = await auditor(request), request.path_params["resource_id"]
    read = workers_of(request).read
    return await read(past_resource, service_of(request), caller, schema, id_, request.query_params)


@router.get(BASE + "/Groups/{resource_id}/members")
async def members_then(request: Request) -> Response:
    """Return the members of a group at an instant."""
    caller, id_ = await auditor(request), request.path_params["resource_id"]
    read = workers_of(request).read
    return await read(past_members, service_of(request), caller, id_, request.query_params)


@router.get(BASE + "/Users/{resource_id}/groups")
async def groups_then(request: Request) -> Response:
    """Return the groups of a user at an instant."""
    caller, id_ = await auditor(request), request.path_params["resource_id"]
    read = workers_of(request).read
    return await read(past_groups, service_of(request), caller, id_, request.query_params)
