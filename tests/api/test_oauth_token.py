"""What the token endpoint answers: RFC 6749 §4.4, §5; ABUSE A6 to A9."""

from typing import Any

import pytest
from sqlalchemy import func, select

from api.oauth.form import parse_form
from domain.handlers import realms
from domain.refusals import Unavailable
from projections.credentials import LIVE_ACCESS_TOKENS, SqlCredentials
from projections.tables import credentials, events
from tests.api.guarded import Guarded, Tenant, basic

GRANT = {"grant_type": "client_credentials"}
FORM = "application/x-www-form-urlencoded"


def _send(
    guarded: Guarded, tenant: Tenant, body: str | bytes, media_type: str = FORM, query: str = ""
) -> Any:
    headers = {
        "Authorization": basic(f"scim:{tenant.secret}"),
        "Content-Type": media_type,
    }
    return guarded.client().post(tenant.endpoint("token") + query, content=body, headers=headers)


def _is_refused(answer: Any, error: str, status: int = 400) -> None:
    assert answer.status_code == status
    assert answer.json()["error"] == error
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


def test_the_answer_is_what_rfc_6749_asks_for(guarded: Guarded, tenant: Tenant) -> None:
    answer = guarded.post(tenant, "token", GRANT)
    assert answer.status_code == 200
    token = answer.json()["access_token"]
    assert answer.json() == {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "scim.read scim.write",
    }
    assert token.startswith("rba_")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"


def test_an_access_token_is_no_event(guarded: Guarded, tenant: Tenant) -> None:
    def logged() -> int:
        with guarded.service.database.reading() as connection:
            return connection.scalar(select(func.count()).select_from(events)) or 0

    before = logged()
    guarded.access_token(tenant)
    assert logged() == before


def test_a_charset_beside_the_media_type_is_no_matter(guarded: Guarded, tenant: Tenant) -> None:
    body = "grant_type=client_credentials"
    assert _send(guarded, tenant, body, FORM + "; charset=utf-8").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        "grant_type=client_credentials&grant_type=client_credentials",
        "grant_type=client_credentials&scope=scim.read&scope=scim.write",
        "grant_type=client_credentials&scope=&scope=scim.read",
        "grant_type=client_credentials&scope[]=scim.read",
        "grant_type=client_credentials&scope%5B0%5D=scim.read",
        "grant_type[]=client_credentials",
    ],
)
def test_a6_a_repeated_parameter_is_refused(guarded: Guarded, tenant: Tenant, body: str) -> None:
    _is_refused(_send(guarded, tenant, body), "invalid_request")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "grant_type=",
        "nonsense",
        "grant_type",
        b"\xff\xfe=1",
        "grant_type=client_credentials&x=%ff",
        "&".join(f"p{n}=1" for n in range(40)),
    ],
)
def test_an_unreadable_form_is_refused(guarded: Guarded, tenant: Tenant, body: str | bytes) -> None:
    _is_refused(_send(guarded, tenant, body), "invalid_request")


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/json", '{"grant_type": "client_credentials"}'),
        ("application/scim+json", "{}"),
        ("multipart/form-data; boundary=x", "--x--"),
        ("text/plain", "grant_type=client_credentials"),
        ("", "grant_type=client_credentials"),
    ],
)
def test_anything_but_a_form_is_refused(
    guarded: Guarded, tenant: Tenant, media_type: str, body: str
) -> None:
    _is_refused(_send(guarded, tenant, body, media_type), "invalid_request")


def test_a10_a_form_beyond_the_limit_is_not_read(guarded: Guarded, tenant: Tenant) -> None:
    body = "grant_type=client_credentials&x=" + "y" * 16_384
    _is_refused(_send(guarded, tenant, body), "invalid_request", 413)


def test_a_parameter_without_a_value_counts_as_omitted() -> None:
    assert parse_form(b"grant_type=client_credentials&scope=&odd=1") == {
        "grant_type": "client_credentials",
        "odd": "1",
    }


@pytest.mark.parametrize(
    "grant_type",
    ["password", "authorization_code", "refresh_token", "implicit", "CLIENT_CREDENTIALS", " "],
)
def test_a7_other_grants_are_refused(guarded: Guarded, tenant: Tenant, grant_type: str) -> None:
    answer = guarded.post(tenant, "token", {"grant_type": grant_type})
    _is_refused(answer, "unsupported_grant_type")


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("scim", "scim.read scim.write"),
        ("scim.read", "scim.read"),
        ("scim.write scim.read", "scim.read scim.write"),
        ("scim.read scim", "scim.read scim.write"),
        ("", "scim.read scim.write"),
    ],
)
def test_a8_a_scope_is_granted_as_asked(
    guarded: Guarded, tenant: Tenant, asked: str, granted: str
) -> None:
    answer = guarded.post(tenant, "token", {**GRANT, "scope": asked})
    assert answer.json()["scope"] == granted
    told = guarded.get(tenant, answer.json()["access_token"]).json()
    assert told["scopes"] == granted.split()


@pytest.mark.parametrize(
    "asked",
    ["audit.read", "scim audit.read", "scim.read openid", "admin", "scim.read,scim.write", " "],
)
def test_a8_a_wider_or_unknown_scope_is_refused(
    guarded: Guarded, tenant: Tenant, asked: str
) -> None:
    _is_refused(guarded.post(tenant, "token", {**GRANT, "scope": asked}), "invalid_scope")


def test_a8_the_alias_gives_no_more_than_the_client_has(guarded: Guarded, tenant: Tenant) -> None:
    cause, log = guarded.cause(tenant.id), guarded.service.log
    realms.change_realm(cause, log, lambda realm: realm.add_client("viewer", ("scim.read",)))
    _, secret = realms.issue_secret(cause, log, "viewer")
    own = {"Authorization": basic(f"viewer:{secret}")}
    for form in (GRANT, {**GRANT, "scope": "scim"}):
        assert guarded.post(tenant, "token", form, own).json()["scope"] == "scim.read"
    wider = guarded.post(tenant, "token", {**GRANT, "scope": "scim.write"}, own)
    _is_refused(wider, "invalid_scope")


def test_a8_the_alias_gives_nothing_to_whom_it_fits_not(guarded: Guarded, tenant: Tenant) -> None:
    cause, log = guarded.cause(tenant.id), guarded.service.log
    realms.change_realm(cause, log, lambda realm: realm.add_client("auditor", ("audit.read",)))
    _, secret = realms.issue_secret(cause, log, "auditor")
    own = {"Authorization": basic(f"auditor:{secret}")}
    _is_refused(guarded.post(tenant, "token", {**GRANT, "scope": "scim"}, own), "invalid_scope")
    token = guarded.post(tenant, "token", GRANT, own).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert guarded.client().get(f"/realms/{tenant.slug}/audit", headers=headers).status_code == 200
    assert guarded.get(tenant, token).status_code == 403


def test_a9_get_is_not_a_way_to_ask(guarded: Guarded, tenant: Tenant) -> None:
    query = {**GRANT, "client_id": "scim", "client_secret": tenant.secret}
    answer = guarded.client().get(tenant.endpoint("token"), params=query)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("name", ["client_secret", "client_id", "grant_type", "scope", "token"])
def test_a9_parameters_in_the_address_are_refused(
    guarded: Guarded, tenant: Tenant, name: str
) -> None:
    body = "grant_type=client_credentials"
    _is_refused(_send(guarded, tenant, body, query=f"?{name}=x"), "invalid_request")


def test_an_unknown_key_in_the_address_is_ignored(guarded: Guarded, tenant: Tenant) -> None:
    body = "grant_type=client_credentials"
    assert _send(guarded, tenant, body, query="?aadOptscim062020").status_code == 200


def test_a13_the_oldest_access_token_makes_room(guarded: Guarded, tenant: Tenant) -> None:
    first = guarded.access_token(tenant)
    guarded.wall += 1
    second = guarded.access_token(tenant)
    guarded.wall += 1
    for _ in range(LIVE_ACCESS_TOKENS - 1):
        guarded.access_token(tenant)
    assert guarded.get(tenant, first).status_code == 401
    assert guarded.get(tenant, second).status_code == 200
    with guarded.service.database.reading() as connection:
        held = connection.scalar(
            select(func.count())
            .select_from(credentials)
            .where(credentials.c.realm == tenant.id, credentials.c.kind == "rba")
        )
    assert held == LIVE_ACCESS_TOKENS


def test_a_busy_database_is_said_in_the_language_of_oauth(
    guarded: Guarded, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any, **__: Any) -> None:
        raise Unavailable("the database is busy; try again in a moment")

    monkeypatch.setattr(SqlCredentials, "add", busy)
    answer = guarded.post(tenant, "token", GRANT)
    _is_refused(answer, "temporarily_unavailable", 503)
    assert answer.headers["retry-after"].isdigit()
