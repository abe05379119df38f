"""Undo over HTTP: a deleted resource comes back, a living one says again what it said."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.audit.past import BASE
from api.auth import restorer
from api.parameters import one
from api.writing import WriteRequest, run_write
from domain.refusals import InvalidSyntax, InvalidValue
from domain.schemas import GROUP, USER, ResourceSchema
from replay.moments import Moment, moment_at, parse_instant
from replay.restoring import restore

router = APIRouter()
_NAMES = ("to", "members")
_BOOLEANS = {"true": True, "false": False}


@router.post(BASE + "/Users/{resource_id}/restore")
async def restore_user(request: Request) -> Response:
    """Bring a user back: 200 with the whole resource. 409 where its name is taken."""
    return await _undo(request, USER)


@router.post(BASE + "/Groups/{resource_id}/restore")
async def restore_group(request: Request) -> Response:
    """Bring a group back: 200 with the whole resource. 409 where its name is taken."""
    return await _undo(request, GROUP)


async def _undo(request: Request, schema: ResourceSchema) -> Response:
    query = request.query_params
    headers = request.headers
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers

    def write(work: WriteRequest) -> Response:
        work.weigh(None)
        wish = _wish(work.body, query)
        restore(
            work.service.log,
            work.schema,
            work.cause,
            work.resource_id,
            to=_moment(work, wish.get("to")),
            members=wish.get("members", False),
            precondition=work.precondition,
        )
        return work.answer(work.resource_id)

    operation = f"POST {schema.endpoint}/restore"
    return await run_write(
        request, schema, write, has_body=has_body, authenticate=restorer, operation=operation
    )


def _wish(body: dict[str, Any], query: Any) -> dict[str, Any]:
    """Return ``to`` and ``members``, from the body or from the query.

    Raises:
        InvalidSyntax: the body says something else; what is misspelled must not be overlooked.
        InvalidValue: a value is malformed, or stands in both.
    """
    if unknown := set(body) - set(_NAMES):
        raise InvalidSyntax(f"a restore knows {' and '.join(_NAMES)}, not {', '.join(unknown)}")
    wish = dict(body)
    for name in _NAMES:
        text = one(query, name)
        if text is None:
            continue
        if name in wish:
            raise InvalidValue(f"{name} stands in the body and in the query; give it once")
        wish[name] = _BOOLEANS.get(text) if name == "members" else text
    if not isinstance(wish.get("members", False), bool):
        raise InvalidValue("members is true or false")
    if not isinstance(wish.get("to", ""), str):
        raise InvalidValue("to is an instant such as 2026-03-03T12:00:00Z")
    return wish


def _moment(work: WriteRequest, text: str | None) -> Moment | None:
    if text is None:
        return None
    at = parse_instant(text, "to", work.service.log.has_happened)
    return moment_at(work.service.database, at)
