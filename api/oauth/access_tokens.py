"""The token endpoint: client credentials for a short-lived access token (RFC 6749 §4.4)."""

from collections.abc import Collection
from functools import partial
from typing import Any

from starlette.requests import Request

from api.app_state import service_of, workers_of
from api.composition import Service
from api.oauth.answers import OAuthError, invalid_request
from api.oauth.client_authentication import AuthenticatedClient, authenticate
from api.oauth.form import read_form
from domain.credentials import CredentialKind, new_credential
from domain.realm import DEFAULT_SCOPES, SCOPES
from projections.credentials import SqlCredentials

GRANT_TYPE = "client_credentials"
SCOPE_ALIAS = "scim"
"""What administrators type where a portal insists on a scope: reading and writing."""
_MICROSECONDS = 1_000_000


async def issue_access_token(request: Request) -> dict[str, Any]:
    """Answer ``POST …/token``: ``access_token``, ``token_type``, ``expires_in``, ``scope``.

    Raises:
        OAuthError: ``unsupported_grant_type``, ``invalid_scope``, or as :func:`read_form` and
            :func:`authenticate`
        Unavailable: the database is busy or gone.
    """
    form = await read_form(request)
    client = await authenticate(request, form)
    grant_type = form.get("grant_type")
    if grant_type is None:
        raise invalid_request("grant_type is missing")
    if grant_type != GRANT_TYPE:
        raise OAuthError("unsupported_grant_type", f"the only grant type is {GRANT_TYPE}")
    scopes = granted_scopes(form.get("scope"), client.scopes)
    service, token_id = service_of(request), service_of(request).log.new_id()
    token = await workers_of(request).write(
        service.log.repeated, partial(_keep_new_token, service, client, scopes, token_id)
    )
    request.scope["issued_token"] = token_id  # for the journal
    return {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": service.settings.access_token_seconds,
        "scope": " ".join(scopes),
    }


def granted_scopes(asked: str | None, allowed: Collection[str]) -> tuple[str, ...]:
    """Return the scopes of a token: those asked for, or all of the client's.

    Raises:
        OAuthError: ``invalid_scope``: one is unknown or wider than the client's (ABUSE A8).
    """
    if asked is None:
        wanted = set(allowed)
    else:
        wanted = set(asked.split())
        if SCOPE_ALIAS in wanted:
            wanted = (wanted - {SCOPE_ALIAS}) | (set(DEFAULT_SCOPES) & set(allowed))
    if not wanted or wanted - set(allowed):
        known = " ".join(scope for scope in SCOPES if scope in allowed)
        raise OAuthError("invalid_scope", f"this client may ask for {known}, or for no scope")
    return tuple(scope for scope in SCOPES if scope in wanted)


def _keep_new_token(
    service: Service, client: AuthenticatedClient, scopes: tuple[str, ...], token_id: str
) -> str:
    """Return a new access token, kept as a row: no event, for nobody decided anything."""
    token, now = new_credential(CredentialKind.ACCESS), service.log.clock()
    lifetime = service.settings.access_token_seconds * _MICROSECONDS
    with service.database.writing() as connection:
        credentials = SqlCredentials(connection, client.realm, service.key, now)
        credentials.make_room(client.client_id)
        credentials.add(
            client_id=client.client_id,
            credential_id=token_id,
            kind=CredentialKind.ACCESS,
            text=token,
            scopes=scopes,
            expires_at=now + lifetime,
        )
        connection.commit()
    return token
