"""Bearer authentication on SCIM routes: ABUSE group B, and C1."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from domain.credentials import CredentialKind, new_credential
from domain.handlers import realms
from tests.api.guarded import Guarded, Tenant, basic


def _is_invalid_token(answer: Any, slug: str) -> None:
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == f'Bearer realm="{slug}", error="invalid_token"'
    assert answer.headers["content-type"] == "application/scim+json"
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert answer.json()["status"] == "401"


def test_a_pasted_token_reads_and_writes(guarded: Guarded, tenant: Tenant) -> None:
    token_id, token = guarded.pasted_token(tenant)
    answer = guarded.get(tenant, token)
    assert answer.status_code == 200
    assert answer.json() == {
        "realm": tenant.id,
        "slug": tenant.slug,
        "client_id": "scim",
        "token_id": token_id,
        "scopes": ["scim.read", "scim.write"],
        "source_address": "203.0.113.7",
        "user_agent": "testclient",
    }
    written = guarded.client().post(tenant.users, headers={"Authorization": f"Bearer {token}"})
    assert written.status_code == 200


def test_an_access_token_reads_and_writes(guarded: Guarded, tenant: Tenant) -> None:
    assert guarded.get(tenant, guarded.access_token(tenant)).status_code == 200


def test_b1_no_header_is_challenged_without_an_error(guarded: Guarded, tenant: Tenant) -> None:
    answer = guarded.get(tenant, None)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == f'Bearer realm="{tenant.slug}"'
    assert answer.json()["status"] == "401"


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer null", "Bearer not-a-token", "", "Basic c2NpbTp4"]
)
def test_b1_a_header_without_a_token_is_an_invalid_token(
    guarded: Guarded, tenant: Tenant, header: str
) -> None:
    answer = guarded.client().get(tenant.users, headers={"Authorization": header})
    _is_invalid_token(answer, tenant.slug)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_b1_the_scheme_is_read_in_any_case(guarded: Guarded, tenant: Tenant, scheme: str) -> None:
    _, token = guarded.pasted_token(tenant)
    answer = guarded.client().get(tenant.users, headers={"Authorization": f"{scheme} {token}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("in_header", [True, False])
@pytest.mark.parametrize("spelling", ["access_token", "access%5Ftoken"])
def test_b3_a_token_in_the_query_is_refused(
    guarded: Guarded, tenant: Tenant, in_header: bool, spelling: str
) -> None:
    _, token = guarded.pasted_token(tenant)
    headers = {"Authorization": f"Bearer {token}"} if in_header else {}
    with capture_logs() as logs:
        answer = guarded.client().get(f"{tenant.users}?{spelling}={token}", headers=headers)
    assert answer.status_code == 400
    assert 'error="invalid_request"' in answer.headers["www-authenticate"]
    assert answer.json()["status"] == "400"
    assert token not in str(logs) + answer.text


def test_b3_a_filter_may_speak_of_access_tokens(guarded: Guarded, tenant: Tenant) -> None:
    _, token = guarded.pasted_token(tenant)
    query = {"filter": 'title eq "access_token=1"'}
    assert guarded.get(tenant, token, params=query).status_code == 200


def test_b4_two_authorization_headers_are_refused(guarded: Guarded, tenant: Tenant) -> None:
    _, token = guarded.pasted_token(tenant)
    twice = [("Authorization", f"Bearer {token}")] * 2
    answer = guarded.client().get(tenant.users, headers=twice)
    assert answer.status_code == 400
    assert 'error="invalid_request"' in answer.headers["www-authenticate"]


def test_b5_a_client_secret_is_never_a_bearer(guarded: Guarded, tenant: Tenant) -> None:
    _is_invalid_token(guarded.get(tenant, tenant.secret), tenant.slug)


def test_b5_a_bearer_is_never_a_client_secret(guarded: Guarded, tenant: Tenant) -> None:
    _, token = guarded.pasted_token(tenant)
    for text in (token, guarded.access_token(tenant)):
        answer = guarded.post(
            tenant,
            "token",
            {"grant_type": "client_credentials"},
            {"Authorization": basic(f"scim:{text}")},
        )
        assert answer.status_code == 401


def test_b6_a_revoked_token_is_refused_within_a_second(guarded: Guarded, tenant: Tenant) -> None:
    token_id, token = guarded.pasted_token(tenant)
    assert guarded.get(tenant, token).status_code == 200
    realms.revoke_token(guarded.cause(tenant.id), guarded.service.log, token_id)
    guarded.monotonic += 0.999
    # What another worker may still believe. That the answer was cached is part of the proof.
    assert guarded.get(tenant, token).status_code == 200
    guarded.monotonic += 0.001
    _is_invalid_token(guarded.get(tenant, token), tenant.slug)


def test_b6_using_a_token_does_not_prolong_its_second(guarded: Guarded, tenant: Tenant) -> None:
    token_id, token = guarded.pasted_token(tenant)
    assert guarded.get(tenant, token).status_code == 200
    realms.revoke_token(guarded.cause(tenant.id), guarded.service.log, token_id)
    for _ in range(3):
        guarded.monotonic += 0.3
        assert guarded.get(tenant, token).status_code == 200
    guarded.monotonic += 0.3
    assert guarded.get(tenant, token).status_code == 401


def test_b6_a_refusal_is_not_cached(guarded: Guarded, tenant: Tenant) -> None:
    """A realm resumed, a clock put right: the next request is served."""
    _, token = guarded.pasted_token(tenant)
    cause, log = guarded.cause(tenant.id), guarded.service.log
    realms.change_realm(cause, log, lambda realm: realm.suspend())
    assert guarded.get(tenant, token).status_code == 401
    realms.change_realm(cause, log, lambda realm: realm.resume())
    assert guarded.get(tenant, token).status_code == 200


def test_b6_a_cached_token_expires_at_its_instant(guarded: Guarded, tenant: Tenant) -> None:
    token = guarded.access_token(tenant)
    guarded.pass_time(3599.5)
    assert guarded.get(tenant, token).status_code == 200
    guarded.wall += 500_000
    _is_invalid_token(guarded.get(tenant, token), tenant.slug)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_b7_a_reading_token_may_not_write(guarded: Guarded, tenant: Tenant, method: str) -> None:
    _, token = guarded.pasted_token(tenant, scopes=("scim.read",))
    headers = {"Authorization": f"Bearer {token}", "X-HTTP-Method-Override": "GET"}
    answer = guarded.client().request(method, tenant.users, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"] == (
        f'Bearer realm="{tenant.slug}", error="insufficient_scope", scope="scim.write"'
    )
    assert answer.json()["status"] == "403"
    assert "scim.write" in answer.json()["detail"]


def test_b7_an_override_header_changes_nothing(guarded: Guarded, tenant: Tenant) -> None:
    _, token = guarded.pasted_token(tenant, scopes=("scim.read",))
    headers = {"Authorization": f"Bearer {token}", "X-HTTP-Method-Override": "DELETE"}
    assert guarded.client().get(tenant.users, headers=headers).status_code == 200


def test_a_provisioning_token_may_not_audit(guarded: Guarded, tenant: Tenant) -> None:
    headers = {"Authorization": f"Bearer {guarded.access_token(tenant)}"}
    answer = guarded.client().get(f"/realms/{tenant.slug}/audit", headers=headers)
    assert answer.status_code == 403


def test_b9_nonsense_is_refused_before_any_database(guarded: Guarded, tenant: Tenant) -> None:
    _, token = guarded.pasted_token(tenant)
    guarded.statements.clear()
    mistyped = token[:-1] + ("0" if token[-1] != "0" else "1")
    answers = [guarded.get(tenant, text) for text in (mistyped, token[:-1], token.upper(), "x")]
    assert guarded.statements == []
    unknown = guarded.get(tenant, new_credential(CredentialKind.TOKEN))
    assert len([s for s in guarded.statements if "SELECT" in s]) == 1
    assert {answer.content for answer in answers} == {unknown.content}


def test_c1_every_worthless_token_gets_the_same_answer(guarded: Guarded, tenant: Tenant) -> None:
    log = guarded.service.log
    foreign = guarded.pasted_token(guarded.tenant())[1]
    revoked_id, revoked = guarded.pasted_token(tenant)
    realms.revoke_token(guarded.cause(tenant.id), log, revoked_id)
    expired = guarded.pasted_token(tenant, days=1)[1]
    good = guarded.pasted_token(tenant)[1]
    guarded.pass_time(86_400)
    answers = [guarded.get(tenant, text) for text in (foreign, revoked, expired)]
    for answer in answers:
        _is_invalid_token(answer, tenant.slug)
    nowhere = guarded.client().get(
        "/realms/no-such-realm/scim/v2/Users", headers={"Authorization": f"Bearer {good}"}
    )
    _is_invalid_token(nowhere, "no-such-realm")
    assert len({answer.content for answer in [*answers, nowhere]}) == 1


def test_c1_a_cached_token_is_worth_nothing_in_another_realm(
    guarded: Guarded, tenant: Tenant
) -> None:
    _, token = guarded.pasted_token(tenant)
    assert guarded.get(tenant, token).status_code == 200
    other = guarded.tenant()
    _is_invalid_token(guarded.get(other, token), other.slug)


@pytest.mark.parametrize("slug", ["A", "x", "a%22b", "a%0d%0ab", "%C3%A4cme", "a" * 300])
def test_c10_a_path_that_names_no_realm_forges_no_header(guarded: Guarded, slug: str) -> None:
    headers = {"Authorization": f"Bearer {new_credential(CredentialKind.TOKEN)}"}
    answer = guarded.client().get(f"/realms/{slug}/scim/v2/Users", headers=headers)
    _is_invalid_token(answer, "rollbook")
    assert guarded.statements == []


def test_a_refusal_is_logged_without_the_token(guarded: Guarded, tenant: Tenant) -> None:
    token = new_credential(CredentialKind.TOKEN)
    with capture_logs() as logs:
        guarded.get(tenant, token)
    assert [entry["event"] for entry in logs] == ["auth.refused"]
    assert logs[0]["realm"] == tenant.slug
    assert logs[0]["source_address"] == "203.0.113.7"
    assert token not in str(logs)


def test_an_unreasonable_user_agent_is_cut(guarded: Guarded, tenant: Tenant) -> None:
    _, token = guarded.pasted_token(tenant)
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "a\tb" + "c" * 500}
    told = guarded.client().get(tenant.users, headers=headers).json()["user_agent"]
    assert told == "a?b" + "c" * 253
