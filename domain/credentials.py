"""The text of secrets and tokens: 256 random bits, recognisable, with a checksum (ADR 0007).

``rbs_…`` a client secret, ``rbt_…`` a long-lived token for pasting, ``rba_…`` an access token from
the token endpoint. The kinds are disjoint by prefix; the checksum lets a typing error or a probe
be refused before any database is asked (ABUSE B5, B9).
"""

import re
import secrets
import zlib
from enum import StrEnum

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BODY, _CHECK = 43, 6
"""43 digits of base 62 hold 256 bits; 6 hold a CRC-32."""


class CredentialKind(StrEnum):
    """What a credential is for."""

    SECRET = "rbs"
    TOKEN = "rbt"
    ACCESS = "rba"


_LIKE_ONE = re.compile(r"(rb[sta])_[0-9A-Za-z]{16,}")
_KINDS: dict[str, CredentialKind] = {kind.value: kind for kind in CredentialKind}


def new_credential(kind: CredentialKind) -> str:
    """Return a new credential in clear text; it is shown once and never stored."""
    body = _base62(secrets.randbits(256), _BODY)
    return f"{kind}_{body}{_checksum(f'{kind}_{body}')}"


def kind_of(text: str) -> CredentialKind | None:
    """Return the kind of a well-formed credential, else ``None``; touches no database."""
    prefix, _, rest = text.partition("_")
    if len(rest) != _BODY + _CHECK or not text.isascii() or prefix not in _KINDS:
        return None
    if _checksum(text[:-_CHECK]) != text[-_CHECK:]:
        return None
    return _KINDS[prefix]


def masked(text: str) -> str:
    """Return text in which whatever looks like a credential shows its kind and nothing more.

    For what a stranger wrote where no credential belongs, such as an id or a user agent (ABUSE L2).
    """
    return _LIKE_ONE.sub(r"\1_…", text) if "rb" in text else text


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CHECK)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
