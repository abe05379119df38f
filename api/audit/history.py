"""What happened: the events of a realm, what they amount to, and how many there were."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.app_state import service_of, workers_of
from api.audit.past import BASE
from api.auth import Caller, auditor
from api.composition import Service
from api.parameters import one, whole_number
from api.representation import json_response
from domain.refusals import InvalidValue
from replay.cursors import open_cursor, seal
from replay.difference import difference
from replay.history import AuditLog, Between, Instants, between, conditions_of, instants_of
from replay.summary import summary

router = APIRouter()
DEFAULT_COUNT, MAX_COUNT = 100, 1_000
_CONDITIONS = {
    "resourceType": "resource_type",
    "resourceId": "resource_id",
    "actor": "actor",
    "action": "action",
    "attribute": "attribute",
    "correlationId": "correlation_id",
}
_RANGE = ("from", "to")
_OF_A_PAGE = ("count", "cursor")


def count_of(query: Mapping[str, str]) -> int:
    """Return how many a page shall hold. Raises InvalidValue."""
    return min(whole_number(query.get("count", str(DEFAULT_COUNT)), "count"), MAX_COUNT)


def same_query(endpoint: str, query: Mapping[str, str]) -> str:
    """Return what a cursor is bound to: everything that has to stay from page to page."""
    kept = {name: text for name, text in sorted(query.items()) if name not in _OF_A_PAGE}
    return f"{endpoint} {orjson.dumps(kept).decode()}"


def asked(query: Any, *names: str) -> Mapping[str, str]:
    """Return the parameters that are there.

    Raises:
        InvalidValue: one stands there twice, or is not among ``names``: a condition that is spelled
            wrong must not look as if everything met it.
    """
    if unknown := sorted(set(query) - set(names)):
        raise InvalidValue(f"{unknown[0][:64]} is no parameter here; there are {', '.join(names)}")
    return {name: str(one(query, name)) for name in query}


def _instants(service: Service, query: Mapping[str, str]) -> Instants:
    return instants_of(query.get("from"), query.get("to"), service.log.has_happened)


def events_page(service: Service, caller: Caller, parameters: Any) -> Response:
    """Answer ``/events``.

    Raises:
        InvalidValue: a parameter cannot be read.
        InvalidCursor: the cursor is not of this realm and query.
    """
    query = asked(parameters, *_CONDITIONS, *_RANGE, *_OF_A_PAGE)
    conditions = conditions_of(
        **{name: query[spelled] for spelled, name in _CONDITIONS.items() if spelled in query}
    )
    count = count_of(query)
    same = same_query("events", query)
    before = None
    if "cursor" in query:
        [before] = open_cursor(service.key, caller.realm, same, query["cursor"])
    instants = _instants(service, query)
    page = AuditLog(service.log, caller.realm).page_between(conditions, instants, count, before)
    cursor = None
    if page.rest_before is not None:
        cursor = seal(service.key, caller.realm, same, (page.rest_before,))
    return json_response({"events": page.events, "nextCursor": cursor})


def difference_between(service: Service, caller: Caller, parameters: Any) -> Response:
    """Answer ``/diff``.

    Raises:
        InvalidValue: a parameter cannot be read.
        TooMany: more happened than one answer tells.
    """
    query = asked(parameters, *_RANGE)
    if "from" not in query:
        raise InvalidValue("from is missing: an instant such as 2026-03-03T12:00:00Z")
    span = between(service.database, _instants(service, query))
    found = difference(service.log, caller.realm, span)
    return json_response({**_cuts(span), **found._asdict()})


def summary_of(service: Service, caller: Caller, parameters: Any) -> Response:
    """Answer ``/summary``. Raises InvalidValue."""
    query = asked(parameters, *_RANGE, "by")
    by = query.get("by", "day")
    span = between(service.database, _instants(service, query))
    found = summary(service.log, caller.realm, span, by)
    total = sum(each["events"] for each in found)
    return json_response({**_cuts(span), "by": by, "counts": found, "totalEvents": total})


def _cuts(span: Between) -> dict[str, int]:
    return {"afterPosition": span.after, "uptoPosition": span.upto}


@router.get(BASE + "/events")
async def list_events(request: Request) -> Response:
    """Return a page of events, newest first."""
    return await _answered(request, events_page)


@router.get(BASE + "/diff")
async def diff(request: Request) -> Response:
    """Return what two instants differ by."""
    return await _answered(request, difference_between)


@router.get(BASE + "/summary")
async def summarise(request: Request) -> Response:
    """Return how much happened between two instants."""
    return await _answered(request, summary_of)


async def _answered(request: Request, answer: Any) -> Response:
    caller = await auditor(request)
    read = workers_of(request).read
    return await read(answer, service_of(request), caller, request.query_params)
