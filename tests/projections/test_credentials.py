"""Credentials as keyed hashes (ADR 0007)."""

import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from domain.credentials import CredentialKind, new_credential
from domain.handlers.realms import (
    change_realm,
    issue_secret,
    issue_token,
    retire_secret,
    revoke_token,
)
from projections.credentials import (
    LIVE_ACCESS_TOKENS,
    Grant,
    HashKey,
    SqlCredentials,
    WrongKey,
    check_key,
    find_grant,
    list_credentials,
    read_key,
)
from projections.tables import clients
from tests.houses import KEY, House

ALL = tuple(CredentialKind)
SECRET, TOKEN, ACCESS = CredentialKind.SECRET, CredentialKind.TOKEN, CredentialKind.ACCESS


def grant(
    house: House, text: str, *kinds: CredentialKind, slug: str = "acme", now: int = 0
) -> Grant | None:
    with house.database.reading() as connection:
        return find_grant(connection, slug, KEY.digest(text), kinds or ALL, now)


def test_a_token_allows_what_it_was_issued_for(house: House) -> None:
    token_id, token, expires_at = issue_token(
        house.cause(), house.log, "scim", days=1, scopes=("scim.read",)
    )
    expected = Grant(house.realms["acme"], "scim", token_id, frozenset({"scim.read"}), expires_at)
    assert grant(house, token, TOKEN) == expected
    assert grant(house, token, TOKEN, now=expires_at - 1) == expected
    assert grant(house, token, TOKEN, now=expires_at) is None


def test_b5_a_credential_of_another_kind_is_not_valid(house: House) -> None:
    _, token, _ = issue_token(house.cause(), house.log, "scim", days=1)
    assert grant(house, token, SECRET, ACCESS) is None


def test_c1_a_credential_is_valid_in_its_own_realm_only(house: House) -> None:
    _, token, _ = issue_token(house.cause(), house.log, "scim", days=1)
    assert grant(house, token, slug="other") is None
    assert grant(house, token, slug="nowhere") is None


def test_a_secret_allows_what_its_client_is_allowed_now(house: House) -> None:
    _, secret = issue_secret(house.cause(), house.log, "scim")
    with house.database.writing() as connection:
        connection.execute(update(clients).values(scopes="scim.read"))
        connection.commit()
    found = grant(house, secret)
    assert found is not None
    assert found.scopes == {"scim.read"}


def test_a14_secrets_overlap_until_the_old_one_is_retired(house: House) -> None:
    cause = house.cause()
    first_id, first = issue_secret(cause, house.log, "scim")
    _, second = issue_secret(cause, house.log, "scim")
    assert grant(house, first)
    assert grant(house, second)
    retire_secret(cause, house.log, first_id)
    assert grant(house, first) is None
    assert grant(house, second)


def test_a12_nothing_is_valid_while_the_client_is_disabled_or_the_realm_suspended(
    house: House,
) -> None:
    cause = house.cause()
    _, token, _ = issue_token(cause, house.log, "scim", days=1)
    change_realm(cause, house.log, lambda realm: realm.disable_client("scim"))
    assert grant(house, token) is None
    change_realm(cause, house.log, lambda realm: realm.enable_client("scim"))
    assert grant(house, token)
    change_realm(cause, house.log, lambda realm: realm.suspend())
    assert grant(house, token) is None
    change_realm(cause, house.log, lambda realm: realm.resume())
    assert grant(house, token)


def test_b6_a_revoked_token_is_not_valid(house: House) -> None:
    cause = house.cause()
    token_id, token, _ = issue_token(cause, house.log, "scim", days=1)
    revoke_token(cause, house.log, token_id)
    assert grant(house, token) is None
    with house.database.reading() as connection:
        rows = list_credentials(connection, cause.realm, TOKEN)
    assert [row.credential_id for row in rows] == [token_id]
    assert rows[0].revoked_at is not None


def test_neither_text_nor_key_stands_in_the_database(house: House) -> None:
    _, token, _ = issue_token(house.cause(), house.log, "scim", days=1)
    everything = repr(house.rows())
    assert token not in everything
    assert token[4:47] not in everything
    assert KEY.digest(token) in everything
    assert KEY.secret.hex() not in everything


def test_a13_a_client_holds_a_limited_number_of_access_tokens(house: House) -> None:
    realm, texts = house.realms["acme"], [new_credential(ACCESS) for _ in range(103)]
    with house.database.writing() as connection:
        for now, text in enumerate(texts):
            credentials = SqlCredentials(connection, realm, KEY, now)
            credentials.make_room("scim")
            credentials.add(
                client_id="scim",
                credential_id=f"{now}",
                kind=ACCESS,
                text=text,
                scopes=("scim.read",),
                expires_at=1_000,
            )
        connection.commit()
    valid = [text for text in texts if grant(house, text)]
    assert valid == texts[-LIVE_ACCESS_TOKENS:]
    with house.database.writing() as connection:
        SqlCredentials(connection, realm, KEY, 1_000).make_room("scim")
        connection.commit()
        assert list_credentials(connection, realm, ACCESS) == []


def test_a_key_file_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "var" / "rollbook.key"
    key = read_key(path, create=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(path, create=True) == read_key(path, create=False) == key
    assert len(key.secret) == 32


@pytest.mark.parametrize("text", ["", "changeme", "00", "zz" * 32, "00" * 31, "00" * 33])
def test_a11_a_file_that_holds_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rollbook.key"
    path.write_text(text)
    with pytest.raises(WrongKey, match=r"rollbook\.key"):
        read_key(path, create=True)


def test_a_missing_key_file_is_not_made_unasked(tmp_path: Path) -> None:
    with pytest.raises(WrongKey):
        read_key(tmp_path / "rollbook.key", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_database_knows_its_key(house: House) -> None:
    other = HashKey(b"o" * 32)
    with house.database.writing() as connection:
        with pytest.raises(WrongKey):
            check_key(connection, KEY, adopt=False)
        check_key(connection, KEY, adopt=True)
        check_key(connection, KEY, adopt=False)
        for adopt in (True, False):
            with pytest.raises(WrongKey, match="ROLLBOOK_KEY_FILE"):
                check_key(connection, other, adopt=adopt)


def test_a_key_shows_nothing_of_itself() -> None:
    key = HashKey(b"s" * 32)
    assert "sss" not in repr(key)
    assert re.fullmatch(r"[0-9a-f]{16}", key.id)
    assert replace(key, secret=b"t" * 32).id != key.id
