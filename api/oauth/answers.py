"""Answers of the OAuth endpoints: plain JSON that nobody may store (RFC 6749 §5.1 and §5.2)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from api.auth import realm_name
from api.errors import RETRY_AFTER
from domain.refusals import Unavailable

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
Handler = Callable[[Request], Awaitable[Mapping[str, Any]]]


class OAuthError(Exception):
    """A request is refused with an error code of RFC 6749 §5.2."""

    def __init__(
        self,
        error: str,
        description: str,
        status: int = 400,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status
        self.headers = dict(headers or {})


def invalid_request(description: str) -> OAuthError:
    """Return the refusal of a request that cannot be read in one way only."""
    return OAuthError("invalid_request", description)


def invalid_client(slug: str) -> OAuthError:
    """Return the one refusal of a client, whatever is wrong with it or its realm (ABUSE A2)."""
    challenge = {"WWW-Authenticate": f'Basic realm="{realm_name(slug)}"'}
    return OAuthError("invalid_client", "the client could not be authenticated", 401, challenge)


def endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return a route that answers with what ``handler`` returns or refuses with."""

    async def answer(request: Request) -> Response:
        try:
            return _json(200, await handler(request))
        except OAuthError as error:
            body = {"error": error.error, "error_description": error.description}
            return _json(error.status, body, error.headers)
        except Unavailable as refusal:
            body = {"error": "temporarily_unavailable", "error_description": refusal.detail}
            return _json(503, body, RETRY_AFTER)

    return answer


def _json(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    return Response(
        orjson.dumps(body),
        status_code=status,
        media_type="application/json",
        headers={**_NO_STORE, **(headers or {})},
    )
