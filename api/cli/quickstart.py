"""``rollbook quickstart``: from nothing to a served realm and everything to paste."""

import json
from collections.abc import Sequence
from shlex import quote
from urllib.parse import quote as percent

from api.cli.acting import act, cause_of
from api.cli.answers import instant
from api.cli.endpoints import tenant_url, token_endpoint
from api.composition import Service
from domain.handlers.realms import FIRST_CLIENT, create_realm, issue_token
from projections.realms import list_realms

REALM = "demo"
TOKEN_DAYS = 365
_NEW_TOKEN = f"A new Secret Token: .venv/bin/rollbook token issue {REALM}"
_USER = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName": "ada@example.com",
    "displayName": "Ada Lovelace",
    "active": True,
}
_ENTRA = (
    "Entra reaches only a public https address: set ROLLBOOK_PUBLIC_URL to yours and start again; "
    "see docs/connect-entra.md."
)


def introduce(service: Service, url: str) -> Sequence[str]:
    """Make the realm on the first start; return the lines to print, on any start.

    ``url`` is the address on this machine, where the printed commands work at once.
    """
    with service.database.reading() as connection:
        known = {row.slug for row in list_realms(connection)}
    if REALM not in known:
        return _first_start(service, url)
    return [
        f'Realm "{REALM}" is kept as it was. Its secrets are not shown again.',
        f"Tenant URL:      {tenant_url(service.public_url, REALM)}",
        _NEW_TOKEN,
        *_public_address(service),
    ]


def _first_start(service: Service, url: str) -> Sequence[str]:
    _, secret = create_realm(cause_of("quickstart"), service.log, REALM)
    _, token, expires_at = act(
        service,
        REALM,
        "quickstart",
        lambda cause, log: issue_token(cause, log, FIRST_CLIENT, days=TOKEN_DAYS),
    )
    return [
        f'Realm "{REALM}" is made. Keep these now: secrets are shown once and stored nowhere.',
        "",
        f"Tenant URL:      {tenant_url(service.public_url, REALM)}",
        f"Token endpoint:  {token_endpoint(service.public_url, REALM)}",
        f"Client id:       {FIRST_CLIENT}",
        f"Client secret:   {secret}",
        f"Secret Token:    {token}",
        "",
        f"The Secret Token is valid until {instant(expires_at)}. {_NEW_TOKEN}",
        "",
        "Paste into another terminal to create a user, and to find it:",
        *curl_lines(tenant_url(url, REALM), token),
        "",
        *_public_address(service),
    ]


def curl_lines(base: str, token: str) -> Sequence[str]:
    """Return two commands for a shell: create a user, find it by userName."""
    authorization = quote(f"Authorization: Bearer {token}")
    where = percent(f'userName eq "{_USER["userName"]}"')
    content = "-H 'Content-Type: application/scim+json'"
    body = quote(json.dumps(_USER))
    return [
        f"curl -sS -X POST {quote(f'{base}/Users')} -H {authorization} {content} -d {body}",
        f"curl -sS {quote(f'{base}/Users?filter={where}')} -H {authorization}",
    ]


def _public_address(service: Service) -> Sequence[str]:
    return [] if service.public_url.startswith("https://") else [_ENTRA]
