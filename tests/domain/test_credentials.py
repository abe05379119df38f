"""The text of secrets and tokens (ADR 0007)."""

import re

import pytest

from domain.credentials import CredentialKind, kind_of, new_credential


@pytest.mark.parametrize("kind", CredentialKind)
def test_a_new_credential_is_recognised_as_what_it_is(kind: CredentialKind) -> None:
    text = new_credential(kind)
    assert kind_of(text) is kind
    assert re.fullmatch(rf"{kind}_[0-9A-Za-z]{{49}}", text)


def test_no_two_credentials_are_alike() -> None:
    assert len({new_credential(CredentialKind.TOKEN) for _ in range(100)}) == 100


@pytest.mark.parametrize("place", [0, 3, 4, 20, 46, 47, 52])
def test_b9_one_wrong_character_is_seen_without_a_database(place: int) -> None:
    text = new_credential(CredentialKind.TOKEN)
    other = "a" if text[place] != "a" else "b"
    assert kind_of(text[:place] + other + text[place + 1 :]) is None


def test_b5_the_prefix_is_part_of_the_checksum() -> None:
    text = new_credential(CredentialKind.TOKEN)
    assert kind_of("rba" + text[3:]) is None


@pytest.mark.parametrize(
    "text", ["", "null", "rbt_", "rbt", "_", "x" * 53, "rbt_" + "é" * 49, "rbt_" + "0" * 48]
)
def test_what_has_another_form_is_no_credential(text: str) -> None:
    assert kind_of(text) is None
