"""Bearer authentication of SCIM requests (RFC 6750), awaited by every SCIM route.

Whatever is wrong with a token, the answer is the same 401: of another realm, of a realm that does
not exist, expired, revoked or made up (ABUSE C1).
"""

from dataclasses import dataclass

from starlette.requests import Request

from api.app_state import grants_of, service_of, workers_of
from api.auth_log import log_refused
from api.errors import Answer
from api.grants import bearer_grant
from api.source_address import source_address, trusted_proxies
from domain.realm import SLUG

_USER_AGENT = 256
_NOTHING_SENT = 'send "Authorization: Bearer" with a token of this realm'
_INVALID = "the bearer token is not valid for this realm (any more)"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request, from where, and what it may do."""

    realm: str
    """The id of the realm."""
    slug: str
    client_id: str
    token_id: str
    scopes: frozenset[str]
    source_address: str | None
    user_agent: str | None


async def reader(request: Request) -> Caller:
    """Return who reads. Raises :class:`Answer`: 400, 401, or 403 without ``scim.read``."""
    return await _caller(request, "scim.read")


async def writer(request: Request) -> Caller:
    """Return who writes. Raises :class:`Answer`: 400, 401, or 403 without ``scim.write``."""
    return await _caller(request, "scim.write")


async def auditor(request: Request) -> Caller:
    """Return who audits. Raises :class:`Answer`: 400, 401, or 403 without ``audit.read``."""
    return await _caller(request, "audit.read")


async def restorer(request: Request) -> Caller:
    """Return who undoes. Raises :class:`Answer`: as :func:`writer` and :func:`auditor`."""
    return await _caller(request, "scim.write", "audit.read")


def client_address(request: Request) -> str | None:
    """Return the address a request came from, as far as it can be believed."""
    trusted = trusted_proxies(service_of(request).settings.trusted_proxies)
    return source_address(request, trusted)


def user_agent(request: Request) -> str | None:
    """Return what the client calls itself, printable and at most 256 characters long."""
    sent = request.headers.get("user-agent")
    if sent is None:
        return None
    return "".join(c if c.isprintable() else "?" for c in sent[:_USER_AGENT])


def realm_name(slug: str) -> str:
    """Return a name for ``realm=`` of a challenge; a path may spell what no header may hold."""
    return slug if SLUG.fullmatch(slug) else "rollbook"


async def _caller(request: Request, *scopes: str) -> Caller:
    slug: str = request.path_params["realm"]
    address, client_id = client_address(request), None
    workers = workers_of(request)
    try:
        token = _bearer_token(request, slug)
        grant = await bearer_grant(service_of(request), grants_of(request), workers, slug, token)
        if grant is None:
            raise _refusal(slug, 401, _INVALID, "invalid_token")
        client_id = grant.client_id
        caller = Caller(
            realm=grant.realm,
            slug=slug,
            client_id=grant.client_id,
            token_id=grant.credential_id,
            scopes=grant.scopes,
            source_address=address,
            user_agent=user_agent(request),
        )
        request.scope["caller"] = caller  # for the journal
        if lacking := [scope for scope in scopes if scope not in grant.scopes]:
            detail = f"the token lacks the scope {' and '.join(lacking)}"
            raise _refusal(slug, 403, detail, "insufficient_scope", " ".join(scopes))
    except Answer as answer:
        log_refused(slug, client_id, address, answer.detail)
        raise
    return caller


def _bearer_token(request: Request, slug: str) -> str:
    """Return the one token of a request.

    Raises:
        Answer: 401 where there is none, 400 where one stands in the query or there are several
            ways to read the request (RFC 6750 §3.1: a method used twice is an invalid request).
    """
    query: bytes = request.scope["query_string"]
    if b"access" in query.lower() and "access_token" in request.query_params:
        raise _refusal(
            slug,
            400,
            "send the token in the Authorization header, never in the address: "
            "addresses stand in logs",
            "invalid_request",
        )
    headers = request.headers.getlist("authorization")
    if not headers:
        raise _refusal(slug, 401, _NOTHING_SENT)
    if len(headers) > 1:
        raise _refusal(slug, 400, "send one Authorization header", "invalid_request")
    scheme, _, token = headers[0].strip().partition(" ")
    # RFC 9110 §11.1: the name of the scheme is case-insensitive.
    return token.strip() if scheme.lower() == "bearer" else ""


def _refusal(
    slug: str, status: int, detail: str, error: str | None = None, scope: str | None = None
) -> Answer:
    challenge = f'Bearer realm="{realm_name(slug)}"'
    if error is not None:
        challenge += f', error="{error}"'
    if scope is not None:
        challenge += f', scope="{scope}"'
    return Answer(status, detail, headers={"WWW-Authenticate": challenge})
