"""Reading the form of an OAuth request, strictly: one value a parameter, in the body only.

A parameter that stands twice, or in the address as well, is how two readers of one request come
to two opinions (ABUSE A6; RFC 6749 §3.2). An address also stands in logs (ABUSE A9).
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from api.oauth.answers import OAuthError, invalid_request

Form = Mapping[str, str]
MAX_FORM_BYTES = 16_384
_MAX_PARAMETERS = 32
_MEDIA_TYPE = "application/x-www-form-urlencoded"
_BODY_ONLY = frozenset(
    {"grant_type", "scope", "client_id", "client_secret", "client_assertion", "token"}
    | {"access_token", "refresh_token", "password", "username"}
)


async def read_form(request: Request) -> Form:
    """Return the parameters of the body; one without a value counts as omitted (RFC 6749 §3.2).

    Raises:
        OAuthError: ``invalid_request``, 413 beyond :data:`MAX_FORM_BYTES`, else 400.
    """
    if _BODY_ONLY & request.query_params.keys():
        raise invalid_request("send parameters in the body of the request, never in the address")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _MEDIA_TYPE or "content-encoding" in request.headers:
        raise invalid_request(f"send the parameters as {_MEDIA_TYPE}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            # The rest of the body is not read, so the connection cannot serve another request.
            raise OAuthError(
                "invalid_request",
                f"the form is larger than {MAX_FORM_BYTES} bytes",
                413,
                {"Connection": "close"},
            )
    return parse_form(bytes(body))


def parse_form(body: bytes) -> Form:
    """Return the parameters that ``body`` spells. Raises as :func:`read_form`, always 400."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MAX_PARAMETERS,
        )
    except ValueError:  # not UTF-8, no "=", or too many
        raise invalid_request("the form cannot be read") from None
    form = dict(pairs)
    if len(form) != len(pairs) or any("[" in name for name in form):
        raise invalid_request("a parameter may stand once")
    return {name: value for name, value in pairs if value}
