"""Handlers of what operators do, over the in-memory log: what is kept, and what is in no event."""

from dataclasses import replace

import pytest

from domain.cause import Actor
from domain.credentials import CredentialKind, kind_of
from domain.handlers.realms import (
    change_realm,
    create_realm,
    issue_secret,
    issue_token,
    retire_secret,
    revoke_token,
)
from domain.realm import Realm
from domain.refusals import InvalidValue, NoSuchCredential, NoSuchRealm, Refusal
from tests.domain.scenario import CAUSE
from tests.fakes import MemoryLog

OPERATOR = replace(CAUSE, actor=Actor("operator", "root"), operation="rollbook realm create")
DAY = 86_400_000_000


def acme() -> tuple[MemoryLog, str, str]:
    log = MemoryLog()
    realm, secret = create_realm(OPERATOR, log, "acme")
    return log, realm, secret


def test_a_new_realm_has_a_client_with_a_secret() -> None:
    log, realm, secret = acme()
    assert [r.event.topic for r in log.events] == [
        "realm.registered",
        "realm.client-added",
        "realm.secret-issued",
    ]
    assert {r.stream_id for r in log.events} == {realm}
    assert {r.cause.realm for r in log.events} == {realm}
    assert kind_of(secret) is CredentialKind.SECRET
    assert [kept["text"] for kept in log.credentials.values()] == [secret]


def test_no_event_holds_a_secret_or_a_token() -> None:
    log, realm, secret = acme()
    cause = replace(OPERATOR, realm=realm)
    _, second = issue_secret(cause, log, "scim")
    _, token, _ = issue_token(cause, log, "scim", days=1)
    text = repr([r.event.parts() for r in log.events])
    for shown in (secret, second, token):
        assert shown not in text
        assert shown[4:20] not in text


def test_a_token_lasts_as_many_days_as_asked() -> None:
    log, realm, _ = acme()
    token_id, token, expires_at = issue_token(replace(OPERATOR, realm=realm), log, "scim", days=2)
    assert kind_of(token) is CredentialKind.TOKEN
    assert log.credentials[token_id]["expires_at"] == expires_at
    assert 0 < log.clock() + 2 * DAY - expires_at < 100
    assert log.credentials[token_id]["scopes"] == ("scim.read", "scim.write")


def test_what_is_revoked_is_revoked_in_both_places() -> None:
    log, realm, _ = acme()
    cause = replace(OPERATOR, realm=realm)
    token_id, _, _ = issue_token(cause, log, "scim", days=1, scopes=("scim.read",))
    secret_id, _ = issue_secret(cause, log, "scim")
    revoke_token(cause, log, token_id)
    retire_secret(cause, log, secret_id)
    assert log.credentials[token_id]["revoked"]
    assert log.credentials[secret_id]["revoked"]
    assert [r.event for r in log.events[-2:]] == [
        Realm.TokenRevoked("scim", token_id),
        Realm.SecretRetired("scim", secret_id),
    ]


def test_a_change_that_changes_nothing_records_nothing() -> None:
    log, realm, _ = acme()
    cause, before = replace(OPERATOR, realm=realm), len(log.events)
    assert not change_realm(cause, log, Realm.resume)
    assert len(log.events) == before
    assert change_realm(cause, log, Realm.suspend)
    assert log.realm(realm).state.suspended


def test_a_refused_command_keeps_no_credential() -> None:
    log, realm, _ = acme()
    cause, before = replace(OPERATOR, realm=realm), dict(log.credentials)
    refused: list[tuple[type[Refusal], object]] = [
        (NoSuchCredential, lambda: issue_secret(cause, log, "x")),
        (NoSuchCredential, lambda: issue_token(cause, log, "x", days=1)),
        (InvalidValue, lambda: issue_token(cause, log, "scim", days=1, scopes=("audit.read",))),
        (NoSuchCredential, lambda: revoke_token(cause, log, "x")),
        (NoSuchRealm, lambda: issue_secret(OPERATOR, log, "scim")),
    ]
    for kind, attempt in refused:
        with pytest.raises(kind):
            attempt()  # type: ignore[operator]
    assert log.credentials == before
