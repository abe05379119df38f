"""Reading resources: GET by id, GET and .search by query, for every resource type alike."""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import Response
from starlette.routing import Route

from api.app_state import service_of, workers_of
from api.auth import Caller, reader
from api.composition import Service
from api.conditions import not_modified
from api.json_body import read_object
from api.representation import Representation, list_response, resource_response
from api.searching import Search, search_of_body, search_of_query
from api.selection import Selection, read_selection, split_names
from domain.refusals import InvalidFilter, InvalidPath, NoSuchResource
from domain.schemas import GROUP, USER, ResourceSchema
from projections.directory import Page, live_directory


def scim_base(service: Service, slug: str) -> str:
    """Return the SCIM base URL of a realm."""
    return f"{service.public_url}/realms/{slug}/scim/v2"


def view_of(service: Service, caller: Caller, connection: Connection) -> Representation:
    """Return how the resources of the caller's realm look from outside."""
    directory = live_directory(service.registry, connection)
    return Representation(scim_base(service, caller.slug), caller.realm, directory)


WHOLE = {schema.name: Selection(schema) for schema in (USER, GROUP)}
"""All that is returned where nothing is selected."""


def selection_of(request: Request, schema: ResourceSchema) -> Selection:
    """Return the attributes a request wants of one resource."""
    if not request.scope["query_string"]:
        return WHOLE[schema.name]
    parameters = {name.lower(): value for name, value in request.query_params.items()}
    return read_selection(
        schema,
        split_names(parameters.get("attributes")),
        split_names(parameters.get("excludedattributes")),
    )


def get_resource(
    service: Service, caller: Caller, request: Request, schema: ResourceSchema, resource_id: str
) -> Response:
    """Answer a GET by id, or 304 where the client has the present version.

    Raises:
        NoSuchResource, VersionMismatch
    """
    selection = selection_of(request, schema)
    database = service.database
    # A user comes with its groups: one statement, a snapshot by itself.
    with database.glancing() if schema is USER else database.reading() as connection:
        view = view_of(service, caller, connection)
        row = view.directory.get(connection, schema, caller.realm, resource_id)
        if row is None:
            raise NoSuchResource(schema.name, resource_id)
        references = view.derived(connection, selection, [row]).get(row.id, ())
    location = view.location(schema, row.id)
    response = resource_response(view.resource(selection, row, references), row, location)
    if not_modified(request, response.headers["etag"]):
        return Response(status_code=304, headers={"ETag": response.headers["etag"]})
    return response


def find_resources(
    service: Service, caller: Caller, search: Search, schemas: Sequence[ResourceSchema]
) -> Response:
    """Answer a query over one or several resource types, each type's after the other's.

    Over several, an attribute that only some declare matches nothing in the others
    (RFC 7644 §3.4.2.1); one that none declares is refused.
    """
    with service.database.reading() as connection:
        return _find(service, caller, search, schemas, connection)


def look_up(
    service: Service, caller: Caller, search: Search, schema: ResourceSchema
) -> Response | None:
    """Answer a query for users by one index entry, in one statement; ``None`` for any other."""
    with service.database.glancing() as connection:
        view = view_of(service, caller, connection)
        found = view.directory.look_up(connection, schema, caller.realm, search.query, search.page)
        if found is None:
            return None
        total, rows = found
        selection = search.selection(schema)
        derived = view.derived(connection, selection, rows)
    resources = [view.resource(selection, row, derived.get(row.id, ())) for row in rows]
    return list_response(total, search.start_index, resources)


def _find(
    service: Service,
    caller: Caller,
    search: Search,
    schemas: Sequence[ResourceSchema],
    connection: Connection,
) -> Response:
    total, resources, refused = 0, list[bytes](), list[InvalidFilter | InvalidPath]()
    view = view_of(service, caller, connection)
    for schema in schemas:
        selection = search.selection(schema)
        page = Page(max(search.page.offset - total, 0), max(search.count - len(resources), 0))
        try:
            found, rows = view.directory.find(connection, schema, caller.realm, search.query, page)
        except (InvalidFilter, InvalidPath) as refusal:
            refused.append(refusal)
            continue
        total += found
        derived = view.derived(connection, selection, rows)
        resources += [view.resource(selection, row, derived.get(row.id, ())) for row in rows]
    if len(refused) == len(schemas):
        raise refused[0]
    return list_response(total, search.start_index, resources)


def reading_router(schema: ResourceSchema) -> APIRouter:
    """Return the routes that read resources of a type."""
    router = APIRouter()
    collection = f"/realms/{{realm}}/scim/v2{schema.endpoint}"

    # Plain routes: FastAPI would solve the dependencies of functions that have none.
    @router.route(collection, methods=["GET"])
    async def list_resources(request: Request) -> Response:
        caller = await reader(request)
        service = service_of(request)
        search = search_of_query(request.query_params, service.settings.max_page)
        return await _found(request, caller, search, schema)

    @router.route(f"{collection}/.search", methods=["POST"])
    async def search_resources(request: Request) -> Response:
        caller = await reader(request)
        service = service_of(request)
        body = await read_object(request, service.settings.max_body_bytes)
        return await _found(
            request, caller, search_of_body(body, service.settings.max_page), schema
        )

    @router.route(f"{collection}/{{resource_id}}", methods=["GET"])
    async def get_one(request: Request) -> Response:
        caller, resource_id = await reader(request), request.path_params["resource_id"]
        service = service_of(request)
        workers = workers_of(request)
        # A user's answer is bounded by its own groups: quicker than a thread (ADR 0011).
        get = workers.glance if schema is USER else workers.read
        return await get(get_resource, service, caller, request, schema, resource_id)

    for route in router.routes:
        if isinstance(route, Route) and route.methods is not None:
            route.methods.discard("HEAD")  # of its own accord with GET, and no other route has it
    return router


async def _found(
    request: Request, caller: Caller, search: Search, schema: ResourceSchema
) -> Response:
    """Answer a query: at once where an index entry answers it, else in a thread (ADR 0011)."""
    service = service_of(request)
    workers = workers_of(request)
    if schema is USER and search.query.filter is not None:
        found = await workers.glance(look_up, service, caller, search, schema)
        if found is not None:
            return found
    return await workers.read(find_resources, service, caller, search, [schema])


root = APIRouter()
"""Queries over every resource type (RFC 7644 §3.4.2.1, §3.4.3)."""


@root.get("/realms/{realm}/scim/v2")
async def list_everything(request: Request) -> Response:
    """Answer a query on the server root."""
    caller = await reader(request)
    service = service_of(request)
    search = search_of_query(request.query_params, service.settings.max_page)
    workers = workers_of(request)
    return await workers.read(find_resources, service, caller, search, [USER, GROUP])


@root.post("/realms/{realm}/scim/v2/.search")
async def search_everything(request: Request) -> Response:
    """Answer a SearchRequest on the server root."""
    caller = await reader(request)
    service = service_of(request)
    body = await read_object(request, service.settings.max_body_bytes)
    search = search_of_body(body, service.settings.max_page)
    workers = workers_of(request)
    return await workers.read(find_resources, service, caller, search, [USER, GROUP])
