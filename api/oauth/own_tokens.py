"""What a client may ask about its own tokens: revocation (RFC 7009), introspection (RFC 7662).

A token of another client or realm is no token here: no effect, no hint (ABUSE A15). The same holds
for a client secret, which is retired by an operator and never by whoever found it.
"""

from contextlib import suppress
from typing import Any
from uuid import uuid4

from starlette.requests import Request

from api.app_state import grants_of, service_of, workers_of
from api.composition import Service
from api.grants import BEARER_KINDS, stored_grant
from api.oauth.answers import invalid_request
from api.oauth.client_authentication import AuthenticatedClient, authenticate
from api.oauth.form import read_form
from domain.cause import Actor, Cause
from domain.credentials import CredentialKind, kind_of
from domain.handlers.realms import revoke_token
from domain.refusals import NoSuchCredential
from projections.credentials import Grant, SqlCredentials

_MICROSECONDS = 1_000_000
REVOCATION = "POST /protocol/openid-connect/revoke"


async def revoke(request: Request) -> dict[str, Any]:
    """Answer ``POST …/revoke``: always an empty object, whatever became of the token.

    Raises:
        OAuthError: as :func:`read_form` and :func:`authenticate`; no ``token`` in the form
        Unavailable: the database is busy or gone; the token may still be valid.
    """
    client, token, grant = await _own_token(request)
    if grant is not None:
        correlation_id = request.scope.get("correlation_id") or uuid4().hex
        await workers_of(request).write(
            _revoke, service_of(request), client, token, grant.credential_id, correlation_id
        )
        grants_of(request).forget(grant.credential_id)
    return {}


async def introspect(request: Request) -> dict[str, Any]:
    """Answer ``POST …/token/introspect``: ``{"active": false}``, or what the token allows.

    Raises:
        OAuthError, Unavailable: as :func:`revoke`
    """
    client, _, grant = await _own_token(request)
    if grant is None:
        return {"active": False}
    answer: dict[str, Any] = {
        "active": True,
        "client_id": client.client_id,
        "sub": client.client_id,
        "scope": " ".join(sorted(grant.scopes)),
        "token_type": "Bearer",
    }
    if grant.expires_at is not None:
        answer["exp"] = grant.expires_at // _MICROSECONDS
    return answer


async def _own_token(request: Request) -> tuple[AuthenticatedClient, str, Grant | None]:
    """Return the client, the token it names, and what that allows if it is the client's own."""
    form = await read_form(request)
    client = await authenticate(request, form)
    token = form.get("token")
    if token is None:
        raise invalid_request("token is missing")
    if kind_of(token) not in BEARER_KINDS:
        return client, token, None
    service = service_of(request)
    digest = service.key.digest(token)
    grant = await workers_of(request).glance(
        stored_grant, service, client.slug, digest, BEARER_KINDS
    )
    own = grant is not None and (grant.realm, grant.client_id) == (client.realm, client.client_id)
    return client, token, grant if own else None


def _revoke(
    service: Service, client: AuthenticatedClient, token: str, token_id: str, correlation_id: str
) -> None:
    """Revoke an access token's row, or record the revocation of a long-lived token."""
    if kind_of(token) is CredentialKind.ACCESS:
        with service.database.writing() as connection:
            now = service.log.clock()
            SqlCredentials(connection, client.realm, service.key, now).revoke(token_id)
            connection.commit()
        return
    cause = Cause(
        realm=client.realm,
        actor=Actor("client", client.client_id),
        correlation_id=correlation_id,
        operation=REVOCATION,
        source_address=client.source_address,
        user_agent=client.user_agent,
    )
    with suppress(NoSuchCredential):  # somebody else was faster: what was asked for is so
        service.log.handle(lambda why, log: revoke_token(why, log, token_id), cause)
