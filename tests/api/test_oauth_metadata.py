"""Where the endpoints are: RFC 8414, and the OpenID address clients try first."""

from collections.abc import Iterator

import pytest

from tests.api.guarded import PUBLIC_URL, Guarded, Tenant, guarded_on
from tests.engines import Engine

ADDRESSES = (
    "/realms/{}/.well-known/openid-configuration",
    "/realms/{}/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/realms/{}",
)


@pytest.fixture(scope="module")
def guarded(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded_on(engine, tmp_path_factory.mktemp("metadata")) as running:
        yield running


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_metadata_names_addresses_that_work(guarded: Guarded, address: str) -> None:
    tenant = guarded.tenant()
    answer = guarded.client().get(address.format(tenant.slug), headers={"Host": "evil.example"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert told["issuer"] == f"{PUBLIC_URL}/realms/{tenant.slug}"
    assert told["token_endpoint"] == PUBLIC_URL + tenant.endpoint("token")
    assert told["grant_types_supported"] == ["client_credentials"]
    assert told["response_types_supported"] == []
    assert told["token_endpoint_auth_methods_supported"] == [
        "client_secret_basic",
        "client_secret_post",
    ]
    assert set(told["scopes_supported"]) == {"scim", "scim.read", "scim.write", "audit.read"}
    form = {"grant_type": "client_credentials", "token": "x"}
    for name in ("token_endpoint", "revocation_endpoint", "introspection_endpoint"):
        endpoint = told[name].removeprefix(PUBLIC_URL + tenant.endpoint(""))
        form_here = {k: v for k, v in form.items() if (k == "token") != (endpoint == "token")}
        assert guarded.post(tenant, endpoint, form_here).status_code == 200


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_realm_that_does_not_exist_is_described_alike(guarded: Guarded, address: str) -> None:
    tenant = guarded.tenant()
    guarded.statements.clear()
    known = guarded.client().get(address.format(tenant.slug))
    unknown = guarded.client().get(address.format("no-such-realm"))
    assert unknown.status_code == 200
    assert unknown.text == known.text.replace(tenant.slug, "no-such-realm")
    assert guarded.statements == []


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("name", ["A", "x", "a%22", "a" * 300])
def test_what_cannot_name_a_realm_is_not_found(guarded: Guarded, address: str, name: str) -> None:
    answer = guarded.client().get(address.format(name))
    assert answer.status_code == 404
    assert answer.json()["status"] == "404"


def test_metadata_is_only_read(guarded: Guarded) -> None:
    tenant = Tenant("", "acme", "")
    assert guarded.client().post(ADDRESSES[0].format(tenant.slug)).status_code == 405
