"""What a query asks for: filter, sorting, page and attributes (RFC 7644 §3.4.2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from api.selection import Selection, read_selection, split_names
from domain.refusals import InvalidValue
from domain.schemas import ResourceSchema
from projections.directory import Page, Query

DEFAULT_COUNT = 100
_BEYOND = 2**40
"""No directory is larger; a greater startIndex asks for nothing (ABUSE D12)."""


@dataclass(frozen=True, slots=True)
class Search:
    """A query in normal form; ``start_index`` from 1, as it is echoed."""

    query: Query
    start_index: int
    count: int
    attributes: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def page(self) -> Page:
        """The wanted page."""
        return Page(offset=self.start_index - 1, count=self.count)

    def selection(self, schema: ResourceSchema) -> Selection:
        """Return the attributes wanted of resources of a type."""
        return read_selection(schema, self.attributes, self.excluded)


def search_of_query(parameters: Mapping[str, str], max_page: int) -> Search:
    """Return the search that query parameters spell; unknown ones are ignored.

    Entra's Tenant URL may carry ``?aadOptscim062020`` (fixture ``entra-flag-leaks-into-query``).

    Raises:
        InvalidValue: ``startIndex`` or ``count`` is no number, or ``sortOrder`` no order.
    """
    named = {name.lower(): value for name, value in parameters.items()}
    return _search(
        named,
        split_names(named.get("attributes")),
        split_names(named.get("excludedattributes")),
        max_page,
    )


def search_of_body(body: Mapping[str, Any], max_page: int) -> Search:
    """Return the search that a SearchRequest spells (RFC 7644 §3.4.3). Raises as above."""
    named = {name.lower(): value for name, value in body.items()}
    for name in ("filter", "sortby", "sortorder"):
        if not isinstance(named.get(name), str | None):
            raise InvalidValue(f"{name} must be a string")
    attributes, excluded = named.get("attributes") or [], named.get("excludedattributes") or []
    for names in (attributes, excluded):
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InvalidValue("attributes and excludedAttributes are arrays of names")
    return _search(named, attributes, excluded, max_page)


def _search(
    named: Mapping[str, Any], attributes: Iterable[str], excluded: Iterable[str], max_page: int
) -> Search:
    order = str(named.get("sortorder") or "ascending").lower()
    if order not in ("ascending", "descending"):
        raise InvalidValue("sortOrder is ascending or descending")
    query = Query(
        filter=named.get("filter") or None,
        sort_by=named.get("sortby") or None,
        descending=order == "descending",
    )
    return Search(
        query,
        start_index=min(max(_number(named, "startindex", 1), 1), _BEYOND),
        count=min(max(_number(named, "count", DEFAULT_COUNT), 0), max_page),
        attributes=tuple(attributes),
        excluded=tuple(excluded),
    )


def _number(named: Mapping[str, Any], name: str, default: int) -> int:
    value = named.get(name)
    if value in (None, ""):
        return default
    if isinstance(value, str):
        digits = value.strip().removeprefix("-").removeprefix("+")
        if not (digits.isascii() and digits.isdigit()):
            raise InvalidValue(f"{name} must be a whole number")
        return (-1 if value.strip().startswith("-") else 1) * min(int(digits[:20]), _BEYOND)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise InvalidValue(f"{name} must be a whole number")
