"""Cursors of pages: opaque, and good for the realm and the query they were made for alone."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import orjson

from domain.refusals import Refusal
from projections.credentials import HashKey

_SEAL = 32
_LONGEST = 512


class InvalidCursor(Refusal):
    """The cursor was not made here, or for another realm or query (RFC 9865 §2.1)."""

    scim_type = "invalidCursor"

    def __init__(self) -> None:
        super().__init__(
            "the cursor is malformed or belongs to another realm or query; "
            "begin again without one, and change nothing else on the way"
        )


def seal(key: HashKey, realm: str, query: str, place: Sequence[Any]) -> str:
    """Return a cursor for a place in the answers to a query; ``query`` names the endpoint too."""
    packed = urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")
    return f"{packed}.{_seal(key, realm, query, packed)}"


def open_cursor(key: HashKey, realm: str, query: str, cursor: str) -> list[Any]:
    """Return the place of a cursor. Raises :class:`InvalidCursor`."""
    packed, _, seal = cursor[:_LONGEST].partition(".")
    expected = _seal(key, realm, query, packed)
    if not hmac.compare_digest(seal.encode(), expected.encode()):
        raise InvalidCursor
    place: list[Any] = orjson.loads(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    return place


def _seal(key: HashKey, realm: str, query: str, packed: str) -> str:
    return key.digest(f"rollbook cursor\n{realm}\n{query}\n{packed}")[:_SEAL]
