"""Cursors of pages: opaque, and good for the realm and the query they were made for alone."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

from domain.refusals import Refusal
from projections.credentials import HashKey

_SIGNATURE = 16
_POSITION = 8


class InvalidCursor(Refusal):
    """The cursor was not made here, or for another realm or query (RFC 9865 §2.1)."""

    scim_type = "invalidCursor"

    def __init__(self) -> None:
        super().__init__(
            "the cursor is malformed or belongs to another realm or query; "
            "begin again without one, and change nothing else on the way"
        )


def seal(key: HashKey, realm: str, query: str, position: int) -> str:
    """Return the cursor of a position in the answers to a query."""
    place = position.to_bytes(_POSITION, "big")
    signed = place + _signature(key, realm, query, place)
    return urlsafe_b64encode(signed).rstrip(b"=").decode()


def open_cursor(key: HashKey, realm: str, query: str, cursor: str) -> int:
    """Return the position of a cursor. Raises :class:`InvalidCursor`."""
    try:
        signed = urlsafe_b64decode(cursor.encode("ascii") + b"==")
    except ValueError:
        raise InvalidCursor from None
    place, signature = signed[:_POSITION], signed[_POSITION:]
    if not hmac.compare_digest(signature, _signature(key, realm, query, place)):
        raise InvalidCursor
    return int.from_bytes(place, "big")


def _signature(key: HashKey, realm: str, query: str, place: bytes) -> bytes:
    text = f"rollbook cursor\n{realm}\n{place.hex()}\n{query}"
    return bytes.fromhex(key.digest(text))[:_SIGNATURE]
