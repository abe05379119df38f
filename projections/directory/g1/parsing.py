"""Reading the text of a filter, within limits that are kept before anything is parsed (ABUSE D)."""

import json
import re
from typing import Any

from scim2_models import InvalidFilterException
from scim2_models.path import ScimFilter

from domain.refusals import InvalidFilter
from domain.schemas import ResourceSchema, policy
from projections.directory.g1.shorthand import spelled_out

MAX_BYTES = 8_192
MAX_DEPTH = 20
"""Brackets and parentheses inside one another; scim2-models counts expressions, and stops at 32."""
MAX_TERMS = 100

_PLAIN = re.compile(r'([A-Za-z]+) eq "([^"\\\x00-\x1f\ud800-\udfff]{0,1000})"')
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"?|[()\[\]]|[^\s()\[\]"]+', re.DOTALL)
"""Strings, brackets and words: no two alternatives begin alike, so nothing is read twice."""
_COLUMN = re.compile(r"invalid syntax at column (\d+)")
_OPERAND = re.compile(r"^value .* is not valid", re.DOTALL)
_LONGEST_DETAIL = 200


def plain_equality(text: str) -> tuple[str, str] | None:
    """Return the name and the value of ``name eq "value"``; ``None`` of any other filter.

    Clients ask for a user by its name before each write. What is spelled like that means the same
    to the grammar, which takes ten times as long to say so.
    """
    found = _PLAIN.fullmatch(text)
    return None if found is None else (found[1], found[2])


def parse_filter(schema: ResourceSchema, text: str) -> ScimFilter[Any]:
    """Return the filter of ``text``, with the short spellings of clients spelled out.

    Raises:
        InvalidFilter: it is too long, too deep, has too many terms or cannot be read. The detail
            repeats nothing of the text but attribute names.
    """
    _scan(text)
    try:
        with policy:
            node = spelled_out(schema, ScimFilter(text).ast)
            return ScimFilter[schema.model](node)  # type: ignore[name-defined]
    except InvalidFilterException as error:
        raise InvalidFilter(_explained(error.detail)) from None


def _scan(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidFilter("the filter is no valid Unicode text") from None
    if size > MAX_BYTES:
        raise InvalidFilter(f"the filter has {size} bytes; {MAX_BYTES} are allowed")
    depth, terms = 0, 1
    for found in _TOKENS.finditer(text):
        mark = found[0]
        if mark in "([":
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidFilter(f"the filter nests deeper than {MAX_DEPTH} brackets")
        elif mark in ")]":
            depth -= 1
        elif mark.startswith('"'):
            _check_string(mark, found.start() + 1)
        else:
            terms += mark.lower() in {"and", "or"}
    if terms > MAX_TERMS:
        raise InvalidFilter(f"the filter has {terms} terms; {MAX_TERMS} are allowed")


def _check_string(quoted: str, column: int) -> None:
    try:
        value = json.loads(quoted)
        value.encode()
    except (ValueError, RecursionError):
        raise InvalidFilter(f"the text in quotes at character {column} cannot be read") from None
    if "\0" in value:
        raise InvalidFilter(f"the text in quotes at character {column} holds U+0000")


def _explained(detail: str) -> str:
    """Return scim2-models' finding without the client's own words, and with an example."""
    found = _COLUMN.fullmatch(detail)
    if found or detail == "invalid syntax":
        where = f" at character {found[1]}" if found else ""
        return f'the filter cannot be read{where}; it should look like: userName eq "a@example.org"'
    if detail.startswith("number out of range"):
        return "a number in the filter is out of range"
    return _OPERAND.sub("the value is not valid", detail)[:_LONGEST_DETAIL]
