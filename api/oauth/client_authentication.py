"""Who a client of the OAuth endpoints is: by Basic, by the body, or by both when they agree.

RFC 6749 §2.3 forbids two methods in one request, but Entra offers "Both" (fixture
``token-both-header-and-body``), so they are refused only when they differ.
"""

import hmac
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote_plus

from starlette.requests import Request

from api.app_state import service_of, throttle_of, workers_of
from api.auth import client_address, user_agent
from api.auth_log import log_refused, log_throttled
from api.composition import Service
from api.grants import stored_grant
from api.oauth.answers import OAuthError, invalid_client, invalid_request
from api.oauth.form import Form
from api.offload import Workers
from api.source_address import counted_as
from domain.credentials import CredentialKind, kind_of
from domain.realm import SLUG
from projections.credentials import Grant

_MAX_CREDENTIAL = 1_024
"""Characters of an id or a secret that are looked at at all (ABUSE A10)."""
_MAX_BASIC = 4 * 3 * _MAX_CREDENTIAL
_NOBODY = "-"
"""Fits neither a slug nor a client id: stands where there is none to compare with."""


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """A client that proved who it is."""

    realm: str
    slug: str
    client_id: str
    scopes: frozenset[str]
    source_address: str | None
    user_agent: str | None


class Presented(NamedTuple):
    """What a client says it is, and its proof."""

    client_id: str
    secret: str


async def authenticate(request: Request, form: Form) -> AuthenticatedClient:
    """Return the client that sends a request.

    Raises:
        OAuthError: ``invalid_client`` 401, the same whatever is wrong; ``invalid_request`` 400
            when the request names two clients or secrets; 429 after too many failures.
        Unavailable: the database is busy or gone.
    """
    service = service_of(request)
    slug: str = request.path_params["realm"]
    address = client_address(request)
    candidates = presented(request.headers.getlist("authorization"), form)
    client_id = candidates[0].client_id if candidates else form.get("client_id", "")
    request.scope["claimed_client"] = client_id  # for the journal, as the caller below
    throttle, counted = throttle_of(request), counted_as(address)
    if wait := throttle.wait(slug, client_id, counted):
        log_throttled(slug, client_id, address, f"too many failures, {wait} s to wait")
        raise OAuthError(
            "invalid_request",
            f"too many failed attempts from this address; try again in {wait} s",
            429,
            {"Retry-After": str(wait)},
        )
    for candidate in candidates:
        grant = await _verified(service, workers_of(request), slug, candidate)
        if grant is not None:
            client = AuthenticatedClient(
                grant.realm, slug, grant.client_id, grant.scopes, address, user_agent(request)
            )
            request.scope["caller"] = client
            return client
    throttle.failed(slug, client_id, counted)
    log_refused(slug, client_id, address, "client not authenticated")
    raise invalid_client(slug)


def presented(authorization: Sequence[str], form: Form) -> list[Presented]:
    """Return what may be meant by the credentials of a request: none, one, or two readings.

    Raises:
        OAuthError: ``invalid_request``: two headers, or a body that contradicts the header.
    """
    if len(authorization) > 1:
        raise invalid_request("send one Authorization header")
    client_id, secret = form.get("client_id"), form.get("client_secret")
    if not authorization:
        return _measured([Presented(client_id or "", secret or "")])
    readings = _basic_readings(authorization[0])
    agreeing = [
        reading
        for reading in readings
        if client_id in (None, reading.client_id) and secret in (None, reading.secret)
    ]
    if readings and not agreeing:
        raise invalid_request("the Authorization header and the body name different credentials")
    return agreeing


def _basic_readings(header: str) -> list[Presented]:
    """Return the credentials of a Basic header as they stand, and form-decoded where that differs.

    RFC 6749 §2.3.1 encodes them as a form before RFC 7617 does; many clients skip that.
    """
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic" or len(encoded) > _MAX_BASIC:
        return []
    try:
        text = b64decode(encoded.strip(), validate=True).decode("utf-8")
    except ValueError:
        return []
    client_id, colon, secret = text.partition(":")
    if not colon:
        return []
    readings = [Presented(client_id, secret)]
    try:
        decoded = [unquote_plus(part, errors="strict") for part in (client_id, secret)]
        readings.append(Presented(*decoded))
    except UnicodeDecodeError:
        pass  # percent signs that encode nothing: only the first reading remains
    return _measured(list(dict.fromkeys(readings)))


def _measured(readings: list[Presented]) -> list[Presented]:
    return [r for r in readings if all(0 < len(part) <= _MAX_CREDENTIAL for part in r)]


async def _verified(
    service: Service, workers: Workers, slug: str, claim: Presented
) -> Grant | None:
    """Return what a client may do, ``None`` when it is not who it says.

    The same steps whatever is wrong (one hash, one statement, one comparison), so that neither
    the answer nor the work behind it tells a wrong secret from an unknown client or realm. Only
    what cannot be a secret at all, which its sender can see for itself, is refused before.
    """
    if kind_of(claim.secret) is not CredentialKind.SECRET:
        return None
    digest = service.key.digest(claim.secret)
    named = slug if SLUG.fullmatch(slug) else _NOBODY
    kinds = (CredentialKind.SECRET,)
    grant = await workers.glance(stored_grant, service, named, digest, kinds)
    owner = _NOBODY if grant is None else grant.client_id
    agrees = hmac.compare_digest(owner.encode(), claim.client_id.encode())
    return grant if agrees else None
