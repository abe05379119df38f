"""Parameters of a query string, outside of SCIM's own."""

from typing import Any

from domain.refusals import InvalidValue

MAX_NUMBER = 2**31 - 1


def one(query: Any, name: str) -> str | None:
    """Return a parameter that may stand there once. Raises :class:`InvalidValue`."""
    found = query.getlist(name)
    if len(found) > 1:
        raise InvalidValue(f"{name} stands there {len(found)} times; give it once")
    return str(found[0]) if found else None


def whole_number(text: str, name: str, least: int = 1) -> int:
    """Return a number. Raises :class:`InvalidValue`, calling it ``name``."""
    if not (text.isascii() and text.isdigit()) or not least <= int(text[:12]) <= MAX_NUMBER:
        raise InvalidValue(f"{name} is a whole number from {least} on")
    return int(text)
