"""Who a client is, at the token endpoint: ABUSE A1, A2, A4, A5, A10, A11, A12, A14."""

import base64
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from api.oauth import client_authentication
from domain.credentials import CredentialKind, new_credential
from domain.handlers import realms
from projections.credentials import HashKey
from tests.api.guarded import PEER, Guarded, Tenant, basic

GRANT = {"grant_type": "client_credentials"}


def _ask(guarded: Guarded, tenant: Tenant, authorization: str | None, **form: str) -> Any:
    headers = {} if authorization is None else {"Authorization": authorization}
    return guarded.post(tenant, "token", {**GRANT, **form}, headers)


def _is_invalid_client(answer: Any, slug: str) -> None:
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert answer.headers["www-authenticate"] == f'Basic realm="{slug}"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"


def test_basic_is_accepted(guarded: Guarded, tenant: Tenant) -> None:
    assert _ask(guarded, tenant, basic(f"scim:{tenant.secret}")).status_code == 200


def test_credentials_in_the_body_are_accepted(guarded: Guarded, tenant: Tenant) -> None:
    answer = _ask(guarded, tenant, None, client_id="scim", client_secret=tenant.secret)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic %%%",
        "Basic " + base64.b64encode(b"no-colon").decode(),
        "Basic " + base64.b64encode(b"scim:\xff\xfe").decode(),
        "Basic " + base64.b64encode(b":").decode(),
        "Basic " + "A" * 60_000,
        "Bearer whatever",
        "",
        None,
    ],
)
def test_a1_unreadable_credentials_are_an_invalid_client(
    guarded: Guarded, tenant: Tenant, header: str | None
) -> None:
    _is_invalid_client(_ask(guarded, tenant, header), tenant.slug)


def test_a1_an_unreadable_header_is_not_mended_by_the_body(
    guarded: Guarded, tenant: Tenant
) -> None:
    answer = _ask(guarded, tenant, "Basic %%%", client_id="scim", client_secret=tenant.secret)
    _is_invalid_client(answer, tenant.slug)


def test_a2_wrong_secret_unknown_client_and_unknown_realm_look_alike(
    guarded: Guarded, tenant: Tenant
) -> None:
    wrong = new_credential(CredentialKind.SECRET)
    nowhere = Tenant("", "no-such-realm", "")
    answers = [
        _ask(guarded, tenant, basic(f"scim:{wrong}")),
        _ask(guarded, tenant, basic(f"nobody:{wrong}")),
        _ask(guarded, tenant, basic(f"nobody:{tenant.secret}")),
        _ask(guarded, tenant, basic("scim:changeme")),
    ]
    for answer in answers:
        _is_invalid_client(answer, tenant.slug)
    unknown = _ask(guarded, nowhere, basic(f"scim:{wrong}"))
    _is_invalid_client(unknown, "no-such-realm")
    assert len({answer.content for answer in [*answers, unknown]}) == 1


def test_a2_the_same_work_is_done_whatever_is_wrong(
    guarded: Guarded, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashes, statements and comparisons are counted, not time."""
    done: list[str] = []

    def noting(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any) -> Any:
            done.append(name)
            return call(*arguments)

        return noted

    monkeypatch.setattr(HashKey, "digest", noting("hash", HashKey.digest))
    monkeypatch.setattr(hmac, "compare_digest", noting("compare", hmac.compare_digest))
    wrong = new_credential(CredentialKind.SECRET)
    nowhere = Tenant("", "no-such-realm", "")
    work = []
    for realm, credentials in (
        (tenant, f"scim:{wrong}"),
        (tenant, f"nobody:{wrong}"),
        (tenant, f"nobody:{tenant.secret}"),
        (nowhere, f"scim:{wrong}"),
        (Tenant("", "NO", ""), f"scim:{wrong}"),
    ):
        done.clear()
        guarded.statements.clear()
        assert _ask(guarded, realm, basic(credentials)).status_code == 401
        work.append((*done, *[s for s in guarded.statements if "SELECT" in s]))
    assert len(set(work)) == 1, work
    assert work[0].count("hash") == 1
    assert "compare" in work[0]


def test_a4_a_client_of_another_realm_is_unknown(guarded: Guarded, tenant: Tenant) -> None:
    other = guarded.tenant()
    foreign = _ask(guarded, tenant, basic(f"scim:{other.secret}"))
    _is_invalid_client(foreign, tenant.slug)
    unknown = _ask(guarded, tenant, basic(f"nobody:{new_credential(CredentialKind.SECRET)}"))
    assert foreign.content == unknown.content


def test_a5_header_and_body_may_agree(guarded: Guarded, tenant: Tenant) -> None:
    """Entra's "Both"; the wire case `token-both-header-and-body`."""
    both = {"client_id": "scim", "client_secret": tenant.secret, "scope": "scim"}
    assert _ask(guarded, tenant, basic(f"scim:{tenant.secret}"), **both).status_code == 200
    assert (
        _ask(guarded, tenant, basic(f"scim:{tenant.secret}"), client_id="scim").status_code == 200
    )


@pytest.mark.parametrize("name", ["client_id", "client_secret"])
def test_a5_header_and_body_may_not_disagree(guarded: Guarded, tenant: Tenant, name: str) -> None:
    both = {"client_id": "scim", "client_secret": tenant.secret, name: "another"}
    answer = _ask(guarded, tenant, basic(f"scim:{tenant.secret}"), **both)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"


def test_b4_two_authorization_headers_are_refused(guarded: Guarded, tenant: Tenant) -> None:
    header = ("Authorization", basic(f"scim:{tenant.secret}"))
    answer = guarded.client().post(tenant.endpoint("token"), data=GRANT, headers=[header, header])
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"


def test_a10_basic_may_be_form_encoded(guarded: Guarded, tenant: Tenant) -> None:
    encoded = "".join(f"%{ord(letter):02X}" for letter in tenant.secret)
    assert encoded != quote(tenant.secret)
    assert _ask(guarded, tenant, basic(f"sc%69m:{encoded}")).status_code == 200


@pytest.mark.parametrize(
    ("credentials", "readings"),
    [
        ("scim:plain", [("scim", "plain")]),
        ("scim:with:colon", [("scim", "with:colon")]),
        ("scim:a+b%3Ac", [("scim", "a+b%3Ac"), ("scim", "a b:c")]),
        ("scim:%ff", [("scim", "%ff")]),
        (f"scim:{'x' * 1024}", [("scim", "x" * 1024)]),
        (f"scim:{'x' * 1025}", []),
        (f"{'x' * 1025}:secret", []),
        (f"scim:{'%41' * 1024}", [("scim", "A" * 1024)]),
    ],
)
def test_a10_each_reading_of_basic_is_tried_once(
    credentials: str, readings: list[tuple[str, str]]
) -> None:
    assert client_authentication.presented([basic(credentials)], {}) == readings


@pytest.mark.parametrize("secret", ["", "\x00", ":", "%", "%zz", "é", "x" * 1024, "x" * 5000])
def test_a10_odd_secrets_are_refused_without_a_hash(
    guarded: Guarded, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setattr(HashKey, "digest", None)
    _is_invalid_client(_ask(guarded, tenant, basic(f"scim:{secret}")), tenant.slug)
    answer = _ask(guarded, tenant, None, client_id="scim", client_secret=secret)
    _is_invalid_client(answer, tenant.slug)


def test_a10_an_odd_client_id_beside_a_right_secret_is_refused(
    guarded: Guarded, tenant: Tenant
) -> None:
    for client_id in ("scim\x00", "SCIM", "é", "-", "scim "):
        answer = _ask(guarded, tenant, basic(f"{client_id}:{tenant.secret}"))
        _is_invalid_client(answer, tenant.slug)


def test_a10_a_secret_of_a_megabyte_is_not_read(guarded: Guarded, tenant: Tenant) -> None:
    answer = _ask(guarded, tenant, None, client_id="scim", client_secret="x" * 1_000_000)
    assert answer.status_code == 413
    assert answer.json()["error"] == "invalid_request"


@pytest.mark.parametrize("secret", ["", "changeme", "secret", "null", "scim"])
def test_a11_a_secret_people_would_choose_never_verifies(
    guarded: Guarded, tenant: Tenant, secret: str
) -> None:
    """Even if its hash stood in the database: secrets are made by the server alone."""
    with guarded.service.log.transaction(guarded.cause(tenant.id)) as work:
        work.credentials.add(
            client_id="scim",
            credential_id=guarded.service.log.new_id(),
            kind=CredentialKind.SECRET,
            text=secret,
            scopes=("scim.read",),
            expires_at=None,
        )
        work._connection.commit()
    _is_invalid_client(_ask(guarded, tenant, basic(f"scim:{secret}")), tenant.slug)


def test_a11_the_first_secret_of_a_realm_is_random(guarded: Guarded) -> None:
    one, other = guarded.tenant().secret, guarded.tenant().secret
    assert one != other
    assert len(one) == len(other) == 53


@pytest.mark.parametrize("what", ["client disabled", "realm suspended"])
def test_a12_what_is_switched_off_gets_nothing_and_its_tokens_die(
    guarded: Guarded, tenant: Tenant, what: str
) -> None:
    tokens = [guarded.access_token(tenant), guarded.pasted_token(tenant)[1]]
    cause, log = guarded.cause(tenant.id), guarded.service.log
    if what == "client disabled":
        realms.change_realm(cause, log, lambda realm: realm.disable_client("scim"))
    else:
        realms.change_realm(cause, log, lambda realm: realm.suspend())
    _is_invalid_client(_ask(guarded, tenant, basic(f"scim:{tenant.secret}")), tenant.slug)
    guarded.monotonic += 1
    assert [guarded.get(tenant, token).status_code for token in tokens] == [401, 401]


def test_a14_two_secrets_work_until_one_is_retired(guarded: Guarded, tenant: Tenant) -> None:
    cause, log = guarded.cause(tenant.id), guarded.service.log
    _, second = realms.issue_secret(cause, log, "scim")
    for secret in (tenant.secret, second):
        assert _ask(guarded, tenant, basic(f"scim:{secret}")).status_code == 200
    (first_id,) = log.realm(tenant.id).state.client("scim").secrets - {_newest(guarded, tenant)}
    realms.retire_secret(cause, log, first_id)
    _is_invalid_client(_ask(guarded, tenant, basic(f"scim:{tenant.secret}")), tenant.slug)
    assert _ask(guarded, tenant, basic(f"scim:{second}")).status_code == 200


def _newest(guarded: Guarded, tenant: Tenant) -> str:
    return max(guarded.service.log.realm(tenant.id).state.client("scim").secrets)


def test_a_refusal_is_logged_on_one_line_without_the_secret(
    guarded: Guarded, tenant: Tenant
) -> None:
    secret = new_credential(CredentialKind.SECRET)
    with capture_logs() as logs:
        _ask(guarded, tenant, basic("evil\n{}é" + "x" * 500 + f":{secret}"))
    (entry,) = logs
    assert entry["event"] == "auth.refused"
    assert entry["realm"] == tenant.slug
    assert entry["source_address"] == PEER
    assert entry["client_id"].startswith("evil\\n{}\\xe9xxx")
    assert len(entry["client_id"]) < 100
    assert secret not in str(entry)
