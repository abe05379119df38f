"""Reading the text of a filter, within limits that are kept before anything is parsed (ABUSE D)."""

import re
from typing import Any

from scim2_models import InvalidFilterException
from scim2_models.path import ScimFilter

from domain.judging import judged
from domain.refusals import InvalidFilter
from domain.schemas import ResourceSchema
from projections.directory.g1.shorthand import spelled_out

MAX_BYTES = 8_192
MAX_DEPTH = 20
"""Brackets and parentheses inside one another."""
MAX_TERMS = 100

_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"?|[()\[\]]|[^\s()\[\]"]+', re.DOTALL)
"""Strings, brackets and words: no two alternatives begin alike, so nothing is read twice."""
_ESCAPES = re.compile(r"\\(?:\\|u([0-9A-Fa-f]{4}))")
_FORBIDDEN_VALUE = re.compile(r"^value .* is not valid", re.DOTALL)


def parse_filter(schema: ResourceSchema, text: str) -> ScimFilter[Any]:
    """Return the filter of ``text``, with the short spellings of clients spelled out.

    Raises:
        InvalidFilter: it is too long, too deep, has too many terms or cannot be read. The detail
            repeats nothing of the text but attribute names.
    """
    _scan(text)
    with judged():
        node = _reading(lambda: ScimFilter(text)).ast
        spelled = spelled_out(schema, node)
        bound: type[ScimFilter[Any]] = ScimFilter[schema.model]  # type: ignore[name-defined]
        return _reading(lambda: bound(spelled))
