"""Reading a request body: one JSON object, within the limits of ADR 0010.

Two programs that read the same bytes differently are how checks are walked around: duplicate
names (compared without case, as SCIM compares attribute names), NaN and lone surrogates are
refused, not guessed at.
"""

import json
import math
import re
from typing import Any, NoReturn

from starlette.requests import Request

from api.errors import Answer
from domain.refusals import InvalidSyntax, InvalidValue

MAX_DEPTH = 32
MAX_STRING = 8_192
DRAINED = 8 * 1_048_576
MEDIA_TYPES = ("application/scim+json", "application/json")
_UNPRINTABLE = re.compile("[\x00\ud800-\udfff]")


async def read_object(request: Request, max_bytes: int) -> dict[str, Any]:
    """Return the JSON object of a request.

    Raises:
        Answer: 413 beyond ``max_bytes``, 415 for another media type or a content coding.
        InvalidSyntax: it is not one JSON object this service provider reads.
        InvalidValue: a string is longer than allowed.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise Answer(415, f"send {MEDIA_TYPES[0]}, not {media_type or 'a body without a type'}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Answer(415, "send the body without Content-Encoding")
    return parse_object(await _bounded(request, max_bytes))


async def _bounded(request: Request, max_bytes: int) -> bytes:
    """Return the body; of one that is too large only so much is read as its answer needs.

    A connection closed on a client that is still sending is reset, and the answer with it: what
    comes is thrown away first, up to :data:`DRAINED` bytes.
    """
    declared = request.headers.get("content-length", "0")
    too_large = not declared.isdigit() or int(declared) > max_bytes
    received, thrown_away = bytearray(), 0
    async for chunk in request.stream():
        if too_large:
            thrown_away += len(chunk)
            if thrown_away > DRAINED:
                break
            continue
        received += chunk
        if len(received) > max_bytes:
            too_large = True
            received.clear()
    if not too_large:
        return bytes(received)
    raise Answer(
        413, f"the request body is larger than {max_bytes} bytes", headers={"Connection": "close"}
    )


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that ``body`` spells. Raises as :func:`read_object`."""
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise InvalidSyntax("the body is not UTF-8") from None
    except RecursionError:
        raise InvalidSyntax(f"the body is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise InvalidSyntax(f"the body is not JSON: {_position(error)}") from None
    if not isinstance(value, dict):
        raise InvalidSyntax("the body must be one JSON object")
    _check(value, "", 1, escapes="\\u" in text)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len({name.casefold() for name in found}) != len(pairs):
        names = [name.casefold() for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise InvalidSyntax(f'"{double[:64]}" stands twice in one object')
    return found


def _refuse_constant(_name: str) -> NoReturn:
    raise InvalidSyntax("NaN and Infinity are not JSON")


def _integer(digits: str) -> int:
    if len(digits) > 32:  # noqa: PLR2004  # beyond any number SCIM has a use for
        raise InvalidSyntax("a number is too long")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise InvalidSyntax("a number is too large")
    return number


def _position(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return "it cannot be read"


def _check(value: Any, path: str, depth: int, *, escapes: bool) -> None:
    """Check sizes and characters below ``value``; ``path`` names the attribute in errors."""
    if depth > MAX_DEPTH:
        raise InvalidSyntax(f"the body is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for name, item in value.items():
            if escapes and _UNPRINTABLE.search(name):
                raise InvalidSyntax("an attribute name holds NUL or a lone surrogate")
            if not isinstance(item, bool | int | None):
                _check(item, f"{path}.{name}" if path else name, depth + 1, escapes=escapes)
    elif isinstance(value, list):
        for item in value:
            if not isinstance(item, bool | int | None):
                _check(item, path, depth + 1, escapes=escapes)
    elif isinstance(value, str):
        if len(value) > MAX_STRING:
            raise InvalidValue(f"{path[:256]} is longer than {MAX_STRING} characters")
        if escapes and _UNPRINTABLE.search(value):
            raise InvalidValue(f"{path[:256]} holds NUL or a lone surrogate")
