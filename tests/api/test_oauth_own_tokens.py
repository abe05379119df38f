"""Revocation (RFC 7009) and introspection (RFC 7662): ABUSE A15, B6."""

import pytest
from sqlalchemy import select

from api.grants import GrantCache
from domain.handlers import realms
from projections.tables import events
from tests.api.guarded import PEER, Guarded, Tenant, basic


def _topics(guarded: Guarded, tenant: Tenant) -> list[str]:
    statement = select(events.c.topic).where(events.c.realm == tenant.id)
    with guarded.service.database.reading() as connection:
        return list(connection.scalars(statement.order_by(events.c.position)))


def test_b6_a_revoked_access_token_is_refused_at_once(guarded: Guarded, tenant: Tenant) -> None:
    token = guarded.access_token(tenant)
    assert guarded.get(tenant, token).status_code == 200
    before = _topics(guarded, tenant)
    answer = guarded.post(tenant, "revoke", {"token": token, "token_type_hint": "access_token"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert guarded.get(tenant, token).status_code == 401
    assert _topics(guarded, tenant) == before


def test_b6_revoking_a_pasted_token_is_an_event_of_the_client(
    guarded: Guarded, tenant: Tenant
) -> None:
    token_id, token = guarded.pasted_token(tenant)
    assert guarded.get(tenant, token).status_code == 200
    assert guarded.post(tenant, "revoke", {"token": token}).status_code == 200
    assert guarded.get(tenant, token).status_code == 401
    assert _topics(guarded, tenant)[-1] == "realm.token-revoked"
    with guarded.service.database.reading() as connection:
        state = connection.scalar(
            select(events.c.state)
            .where(events.c.realm == tenant.id)
            .order_by(events.c.position.desc())
            .limit(1)
        )
    assert state is not None
    for fact in (token_id, '"client"', PEER):
        assert fact.encode() in state
    assert token.encode() not in state


def test_revoking_twice_is_answered_like_once(guarded: Guarded, tenant: Tenant) -> None:
    _, token = guarded.pasted_token(tenant)
    answers = [guarded.post(tenant, "revoke", {"token": token}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert _topics(guarded, tenant).count("realm.token-revoked") == 1


def test_a15_a_token_of_another_realm_or_client_is_left_alone(
    guarded: Guarded, tenant: Tenant
) -> None:
    cause, log = guarded.cause(tenant.id), guarded.service.log
    realms.change_realm(cause, log, lambda realm: realm.add_client("second", ("scim.read",)))
    _, secret = realms.issue_secret(cause, log, "second")
    second = {"Authorization": basic(f"second:{secret}")}
    other = guarded.tenant()
    foreign = [guarded.pasted_token(other)[1], guarded.access_token(other)]
    sibling = [guarded.pasted_token(tenant)[1], guarded.access_token(tenant)]
    unknown = guarded.post(tenant, "revoke", {"token": "unknown"}, second)
    for token in (*foreign, *sibling):
        revoked = guarded.post(tenant, "revoke", {"token": token}, second)
        assert (revoked.status_code, revoked.content) == (200, unknown.content)
        told = guarded.post(tenant, "token/introspect", {"token": token}, second)
        assert (told.status_code, told.json()) == (200, {"active": False})
    guarded.app.state.grants = GrantCache(clock=lambda: guarded.monotonic)
    assert [guarded.get(other, token).status_code for token in foreign] == [200, 200]
    assert [guarded.get(tenant, token).status_code for token in sibling] == [200, 200]


def test_a15_a_secret_is_neither_revoked_nor_known(guarded: Guarded, tenant: Tenant) -> None:
    assert guarded.post(tenant, "revoke", {"token": tenant.secret}).status_code == 200
    told = guarded.post(tenant, "token/introspect", {"token": tenant.secret})
    assert told.json() == {"active": False}
    assert guarded.access_token(tenant)


def test_an_own_token_is_described(guarded: Guarded, tenant: Tenant) -> None:
    token = guarded.access_token(tenant, scope="scim.read")
    told = guarded.post(tenant, "token/introspect", {"token": token})
    assert told.json() == {
        "active": True,
        "client_id": "scim",
        "sub": "scim",
        "scope": "scim.read",
        "token_type": "Bearer",
        "exp": guarded.wall // 1_000_000 + 3600,
    }


def test_an_expired_token_is_inactive(guarded: Guarded, tenant: Tenant) -> None:
    token = guarded.access_token(tenant)
    guarded.pass_time(3600)
    told = guarded.post(tenant, "token/introspect", {"token": token})
    assert told.json() == {"active": False}


@pytest.mark.parametrize("endpoint", ["revoke", "token/introspect"])
def test_the_client_proves_itself_as_at_the_token_endpoint(
    guarded: Guarded, tenant: Tenant, endpoint: str
) -> None:
    token = guarded.access_token(tenant)
    for headers in (
        {},
        {"Authorization": basic("scim:wrong")},
        {"Authorization": f"Bearer {token}"},
    ):
        answer = guarded.post(tenant, endpoint, {"token": token}, headers)
        assert answer.status_code == 401
        assert answer.json()["error"] == "invalid_client"
    assert guarded.get(tenant, token).status_code == 200
    body = {"token": token, "client_id": "scim", "client_secret": tenant.secret}
    assert guarded.post(tenant, endpoint, body, {}).status_code == 200


@pytest.mark.parametrize("endpoint", ["revoke", "token/introspect"])
def test_a_token_must_be_named_once_and_in_the_body(
    guarded: Guarded, tenant: Tenant, endpoint: str
) -> None:
    assert guarded.post(tenant, endpoint, {"x": "1"}).json()["error"] == "invalid_request"
    headers = {"Authorization": basic(f"scim:{tenant.secret}")}
    in_query = guarded.client().post(
        tenant.endpoint(endpoint) + "?token=x", data={"token": "x"}, headers=headers
    )
    assert in_query.status_code == 400
    assert guarded.client().get(tenant.endpoint(endpoint)).status_code == 405
