"""The journal of requests, as an administrator compares it with a client's own log."""

from collections.abc import Callable
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.app_state import service_of, workers_of
from api.auth import Caller, auditor
from api.composition import Service
from api.parameters import one, whole_number
from api.representation import json_response
from domain.instants import instant
from domain.refusals import InvalidValue
from projections.journal.entries import Gap
from projections.journal.reading import Place, RequestRow, Wanted, list_gaps, list_requests
from replay.cursors import open_cursor, seal
from replay.moments import parse_instant

DEFAULT_COUNT = 100
FAILED = "failed"
_LONGEST = 128
_LEAST_STATUS, _MOST_STATUS = 100, 599
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "OTHER")
_TYPES = ("User", "Group", "Schema", "ResourceType", "ServiceProviderConfig")
router = APIRouter()


@router.get("/realms/{realm}/audit/v1/requests")
async def journal(request: Request) -> Response:
    """Return a page of the realm's requests, newest first."""
    caller = await auditor(request)
    read = workers_of(request).read
    return await read(requests_page, service_of(request), caller, request.query_params)


def requests_page(service: Service, caller: Caller, query: Any) -> Response:
    """Answer ``{"requests": […], "gaps": […], "nextCursor": …}``, the cursor while there is more.

    Raises:
        InvalidValue: a parameter is malformed.
        InvalidCursor: the cursor is not of this realm and query.
    """
    wanted = read_wanted(query, service.log.has_happened)
    count = whole_number(one(query, "count") or str(DEFAULT_COUNT), "count")
    count = min(count, service.settings.max_page)
    named = f"requests {orjson.dumps(wanted).decode()}"
    cursor = one(query, "cursor")
    after = None
    if cursor is not None:
        after = Place(*open_cursor(service.key, caller.realm, named, cursor))
    with service.database.reading() as connection:
        rows = list_requests(connection, caller.realm, wanted, count + 1, after)
        gaps = list_gaps(connection, caller.realm, wanted)
    body: dict[str, Any] = {
        "requests": [told(row) for row in rows[:count]],
        "gaps": [told_gap(gap) for gap in gaps],
    }
    if len(rows) > count:
        last = rows[count - 1]
        place = (last.at, last.correlation_id)
        body["nextCursor"] = seal(service.key, caller.realm, named, place)
    return json_response(body)


def read_wanted(query: Any, has_happened: Callable[[int], bool]) -> Wanted:
    """Return which requests parameters ask for. Raises InvalidValue."""
    bounds = {
        name: None if text is None else parse_instant(text, name, has_happened)
        for name in ("from", "to")
        for text in [one(query, name)]
    }
    if None not in bounds.values() and bounds["from"] > bounds["to"]:  # type: ignore[operator]
        raise InvalidValue("from lies after to")
    status = one(query, "status")
    number = None
    if status is not None and status != FAILED:
        number = whole_number(status, "status", _LEAST_STATUS)
        if number > _MOST_STATUS:
            raise InvalidValue(f'status is an HTTP status, or "{FAILED}" for all from 400 on')
    return Wanted(
        from_at=bounds["from"],
        to_at=bounds["to"],
        client_id=_text(query, "client"),
        method=_among(query, "method", _METHODS),
        status=number,
        failed=status == FAILED,
        resource_type=_among(query, "resourceType", _TYPES),
        resource_id=_text(query, "resourceId"),
        correlation_id=_text(query, "correlationId"),
    )


def _text(query: Any, name: str) -> str | None:
    text = one(query, name)
    if text is not None and not (0 < len(text) <= _LONGEST and text.isprintable()):
        raise InvalidValue(f"{name} is a text of 1 to {_LONGEST} printable characters")
    return text


def _among(query: Any, name: str, known: tuple[str, ...]) -> str | None:
    text = one(query, name)
    if text is not None and text not in known:
        raise InvalidValue(f"{name} is one of {', '.join(known)}")
    return text


def told(row: RequestRow) -> dict[str, Any]:
    """Return a request as JSON has it."""
    return {
        "at": instant(row.at),
        "durationMs": row.microseconds / 1000,
        "correlationId": row.correlation_id,
        "clientId": row.client_id,
        "tokenId": row.token_id,
        "method": row.method,
        "route": row.route,
        "resourceType": row.resource_type,
        "resourceId": row.resource_id,
        "status": row.status,
        "scimType": row.scim_type,
        "detail": row.detail,
        "sourceAddress": row.source_address,
        "userAgent": row.user_agent,
    }


def told_gap(gap: Gap) -> dict[str, Any]:
    """Return a gap as JSON has it."""
    return {"from": instant(gap.first_at), "to": instant(gap.last_at), "requests": gap.requests}
