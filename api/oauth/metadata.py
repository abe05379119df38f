"""Where a realm's OAuth endpoints are, and what they speak (RFC 8414; the OpenID address of it).

The answer is the same for every acceptable name, whether or not there is such a realm: which
realms exist is not told to strangers (ABUSE C1), and nothing in it depends on the realm.
"""

from typing import Any

from fastapi import Response
from starlette.requests import Request
from starlette.responses import JSONResponse

from api.app_state import service_of
from api.errors import Answer
from api.oauth.access_tokens import GRANT_TYPE, SCOPE_ALIAS
from domain.realm import SCOPES, SLUG

TOKEN = "/protocol/openid-connect/token"  # noqa: S105  # a path
REVOCATION = "/protocol/openid-connect/revoke"
INTROSPECTION = "/protocol/openid-connect/token/introspect"
_METHODS = ["client_secret_basic", "client_secret_post"]


async def metadata(request: Request) -> Response:
    """Answer a GET of the metadata. Raises :class:`Answer` 404 for what cannot name a realm."""
    slug: str = request.path_params["realm"]
    if not SLUG.fullmatch(slug):
        raise Answer(404, "no realm can have this name")
    return JSONResponse(describe(f"{service_of(request).public_url}/realms/{slug}"))


def describe(issuer: str) -> dict[str, Any]:
    """Return the metadata of an issuer (RFC 8414 §2)."""
    return {
        "issuer": issuer,
        "token_endpoint": issuer + TOKEN,
        "token_endpoint_auth_methods_supported": _METHODS,
        "revocation_endpoint": issuer + REVOCATION,
        "revocation_endpoint_auth_methods_supported": _METHODS,
        "introspection_endpoint": issuer + INTROSPECTION,
        "introspection_endpoint_auth_methods_supported": _METHODS,
        "grant_types_supported": [GRANT_TYPE],
        "response_types_supported": [],
        "scopes_supported": [*SCOPES, SCOPE_ALIAS],
    }
