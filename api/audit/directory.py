"""The whole directory at an instant, under a SCIM filter, page by page."""

from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.app_state import service_of, workers_of
from api.audit.history import asked, count_of, same_query
from api.audit.past import BASE, derived_of, instant_of, when
from api.auth import Caller, auditor
from api.composition import Service
from api.reading import WHOLE, view_of
from api.representation import json_response
from domain.schemas import GROUP, USER, ResourceSchema
from replay.cursors import open_cursor, seal
from replay.directory_then import DirectoryThen
from replay.moments import Moment, moment_at

router = APIRouter()
_PARAMETERS = ("at", "filter", "derived", "count", "cursor")


def directory_page(
    service: Service, caller: Caller, schema: ResourceSchema, parameters: Any
) -> Response:
    """Answer ``{"at": …, "position": …, "resources": […], "nextCursor": …}``.

    The cursor holds the cut: whatever is recorded meanwhile, all pages are of one moment.

    Raises:
        InvalidValue: a parameter cannot be read.
        InvalidFilter: the filter is not acceptable, as in a live list.
        InvalidCursor: the cursor is not of this realm and query.
    """
    query = asked(parameters, *_PARAMETERS)
    count, derived = count_of(query), derived_of(parameters)
    at, after = instant_of(service, parameters), ""
    same = same_query(schema.endpoint, query)
    if "cursor" in query:
        cut, after = open_cursor(service.key, caller.realm, same, query["cursor"])
        moment = Moment(at, cut)
    else:
        moment = moment_at(service.database, at)
    wanted = DirectoryThen(
        service.log, caller.realm, schema, moment, query.get("filter") or None, derived
    )
    page = wanted.page(count, after)
    with service.database.reading() as connection:
        view = view_of(service, caller, connection)
    resources = [
        orjson.Fragment(view.resource(WHOLE[schema.name], *then)) for then in page.resources
    ]
    cursor = None
    if page.rest_after is not None:
        cursor = seal(service.key, caller.realm, same, (moment.position, page.rest_after))
    return json_response({**when(moment), "resources": resources, "nextCursor": cursor})


@router.get(BASE + "/Users")
async def users_then(request: Request) -> Response:
    """Return a page of the users at an instant."""
    return await _listed(request, USER)


@router.get(BASE + "/Groups")
async def groups_then(request: Request) -> Response:
    """Return a page of the groups at an instant."""
    return await _listed(request, GROUP)


async def _listed(request: Request, schema: ResourceSchema) -> Response:
    caller = await auditor(request)
    read = workers_of(request).read
    return await read(directory_page, service_of(request), caller, schema, request.query_params)
