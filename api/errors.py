"""Every error as an answer: a SCIM error body, whatever went wrong (RFC 7644 §3.12).

One table maps refusals to statuses. Entra shows the ``detail`` to the administrator as the only
clue, and Okta cannot read anything that is not JSON (fixture ``error-body-is-scim``).
"""

from collections.abc import Mapping

import orjson
from starlette.responses import Response

from domain import refusals
from domain.refusals import Refusal
from replay.as_of import NotThen

SCIM_JSON = "application/scim+json"
_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"
RETRY_AFTER = {"Retry-After": "2"}

STATUS: Mapping[type[Refusal], int] = {
    refusals.NameTaken: 409,
    refusals.NotDeleted: 409,
    refusals.NoSuchResource: 404,
    refusals.NoSuchRealm: 404,
    refusals.NoSuchCredential: 404,
    refusals.RealmSuspended: 403,
    refusals.MassChange: 403,
    NotThen: 404,
    refusals.VersionMismatch: 412,
    refusals.Unavailable: 503,
    Refusal: 400,
}
"""By the nearest class: a refusal that is not named here is a bad request."""


class Answer(Exception):
    """An error that belongs to HTTP and not to the domain, such as 401, 413 or 415."""

    def __init__(
        self,
        status: int,
        detail: str,
        scim_type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.scim_type = scim_type
        self.headers = dict(headers or {})


def status_of(refusal: Refusal) -> int:
    """Return the HTTP status of a refusal."""
    return next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


def error_response(
    status: int,
    detail: str,
    scim_type: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a SCIM error; ``status`` stands in the body as a string."""
    body = {"schemas": [_SCHEMA], "status": str(status), "detail": detail}
    if scim_type is not None:
        body["scimType"] = scim_type
    return Response(
        orjson.dumps(body),
        status_code=status,
        media_type=SCIM_JSON,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def refusal_response(refusal: Refusal) -> Response:
    """Return the answer to a refused command."""
    status = status_of(refusal)
    headers = RETRY_AFTER if status == 503 else None  # noqa: PLR2004  # an HTTP status
    return error_response(status, refusal.detail, refusal.scim_type, headers)


def answer_response(answer: Answer) -> Response:
    """Return the answer to an error of HTTP."""
    return error_response(answer.status, answer.detail, answer.scim_type, answer.headers)
