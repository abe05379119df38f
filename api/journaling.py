"""What the journal is told of a request: by the edge, when the answer is out.

Only names this service provider gave are kept of an address: the template of the route and the id
in it, never the query; of an answer its status and, of an error, what it says.
"""

from collections.abc import Iterable, MutableMapping
from functools import lru_cache
from re import compile as regex
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request

from api.auth import client_address, user_agent
from projections.journal.entries import Entry

MAX_DETAIL = 500
_MAX_ID = 128
_MAX_NAME = 64
_CREATED, _BAD = 201, 400
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "OTHER"
"""A method is the client's own word too."""
_REALM = regex(r"/+realms/+([a-z0-9][a-z0-9-]{1,62})(?:/|$)")
_TYPE = regex(r"/realms/\{realm\}/(?:scim/v2|audit/v1)/([A-Za-z]+)")
_TYPES = {
    "Users": "User",
    "Groups": "Group",
    "Schemas": "Schema",
    "ResourceTypes": "ResourceType",
    "ServiceProviderConfig": "ServiceProviderConfig",
}
_SELECTION = regex(r"(?s)\[.*\]")
"""In a path an error names: it holds values."""


class Ending(NamedTuple):
    """How a request ended: the status (0: no answer), and when it began, in microseconds."""

    status: int
    headers: Iterable[tuple[bytes, bytes]]
    body: bytes
    """Of an error, else empty."""
    began_at: int
    microseconds: int


def keep(scope: MutableMapping[str, Any], ending: Ending) -> None:
    """Have a request of a realm kept; what is at no realm's address is not."""
    application = scope.get("app")
    journal = getattr(application.state, "journal", None) if application else None
    if journal is not None and (entry := _entry(scope, ending)) is not None:
        journal.append(entry)


def _entry(scope: MutableMapping[str, Any], ending: Ending) -> Entry | None:
    parameters, template = scope.get("path_params", {}), template_of(scope)
    slug = parameters.get("realm")
    if slug is None:
        found = _REALM.match(scope["path"])
        if found is None:
            return None
        slug = found[1]
    caller = scope.get("caller")
    if caller is None:
        request = Request(scope)
        address, agent = client_address(request), user_agent(request)
    else:
        address, agent = caller.source_address, caller.user_agent
    resource_id = parameters.get("resource_id")
    if ending.status == _CREATED:
        resource_id = _created(ending.headers)
    scim_type, detail = _said(ending.body) if ending.status >= _BAD else (None, None)
    return Entry(
        realm=None if caller is None else caller.realm,
        slug=slug[:_MAX_NAME],
        at=ending.began_at,
        microseconds=ending.microseconds,
        correlation_id=scope["correlation_id"],
        client_id=None if caller is None else caller.client_id,
        token_id=getattr(caller, "token_id", None) or scope.get("issued_token"),
        claimed=scope.get("claimed_client", "")[:_MAX_NAME],
        method=method_of(scope),
        route=template,
        resource_type=None if template is None else _resource_type(template),
        resource_id=None if resource_id is None else resource_id[:_MAX_ID],
        status=ending.status,
        scim_type=scim_type,
        detail=detail,
        source_address=None if address is None else address[:_MAX_NAME],
        user_agent=agent,
    )


def method_of(scope: MutableMapping[str, Any]) -> str:
    """Return the method of a request, one word for all that HTTP does not define."""
    method = scope["method"]
    return method if method in _METHODS else _OTHER


def template_of(scope: MutableMapping[str, Any]) -> str | None:
    """Return the template of the route that served a request, ``None`` where there was none.

    A plain route names its function.
    """
    route = scope.get("route")
    if route is not None:
        return str(route.path)
    endpoint = scope.get("endpoint")
    if endpoint is None:
        return None
    state = scope["app"].state
    if not hasattr(state, "templates"):
        state.templates = {each.endpoint: each.path for each in scope["app"].routes}
    return str(state.templates[endpoint])


@lru_cache(256)
def _resource_type(template: str) -> str | None:
    found = _TYPE.match(template)
    return None if found is None else _TYPES.get(found[1])


def _created(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the id of what was made: the path names only where."""
    for name, value in headers:
        if name == b"location":
            return value.rpartition(b"/")[2].decode("latin-1")
    return None


def _said(body: bytes) -> tuple[str | None, str | None]:
    """Return the scimType and the detail of an error, or what OAuth calls the two."""
    try:
        told = orjson.loads(body)
        scim_type = told.get("scimType") or told.get("error")
        detail = told.get("detail") or told.get("error_description")
    except (ValueError, AttributeError):
        return None, None
    if detail is not None:
        detail = _SELECTION.sub("[…]", detail)[:MAX_DETAIL]
    return scim_type, detail
