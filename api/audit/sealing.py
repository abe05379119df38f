"""Cursors that a client can carry and not read into: bound to a realm and to a query."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import orjson

from domain.refusals import InvalidValue
from projections.credentials import HashKey

_SEAL = 32
_LONGEST = 512


def sealed(key: HashKey, realm: str, query: str, place: Sequence[Any]) -> str:
    """Return a cursor for a place in what a query finds in a realm."""
    packed = urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")
    return f"{packed}.{_seal(key, realm, query, packed)}"


def unsealed(key: HashKey, realm: str, query: str, cursor: str) -> list[Any]:
    """Return the place of a cursor.

    Raises:
        InvalidValue: it is not one that this service made for this realm and query.
    """
    packed, _, seal = cursor[:_LONGEST].partition(".")
    expected = _seal(key, realm, query, packed)
    if not hmac.compare_digest(seal.encode(), expected.encode()):
        raise InvalidValue("cursor is not one of this query: repeat the query that gave it")
    place: list[Any] = orjson.loads(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    return place


def _seal(key: HashKey, realm: str, query: str, packed: str) -> str:
    return key.digest(f"rollbook cursor\n{realm}\n{query}\n{packed}")[:_SEAL]
