"""OAuth 2.0 for the clients of a realm: tokens for secrets, and what may be asked about them."""

from fastapi import APIRouter

from api.oauth.access_tokens import issue_access_token
from api.oauth.answers import endpoint
from api.oauth.metadata import INTROSPECTION, REVOCATION, TOKEN, metadata
from api.oauth.own_tokens import introspect, revoke

_REALM = "/realms/{realm}"
_WELL_KNOWN = "/.well-known/oauth-authorization-server"

router = APIRouter(include_in_schema=False)
for _path, _handler in (
    (TOKEN, issue_access_token),
    (REVOCATION, revoke),
    (INTROSPECTION, introspect),
):
    router.add_api_route(_REALM + _path, endpoint(_handler), methods=["POST"], response_model=None)
for _path in (
    f"{_REALM}/.well-known/openid-configuration",
    f"{_REALM}{_WELL_KNOWN}",
    f"{_WELL_KNOWN}{_REALM}",
):
    router.add_api_route(_path, metadata, methods=["GET"], response_model=None)
