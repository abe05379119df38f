"""The entries of multi-valued attributes as rows of the statement."""

from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
)

from domain.schemas import AttributeDefinition, ResourceSchema
from projections.directory.g1.attributes import Attribute
from projections.directory.g1.memberships import Memberships
from projections.directory.g1.operators import Condition, present
from projections.directory.g1.places import Place, key_place
from projections.directory.g1.projection import TABLES
from projections.directory.g1.tables import user_emails
from projections.engines.spelling import element_text, is_among, json_elements, json_text

MEMBERSHIPS = frozenset({"members", "groups"})
"""Attributes that hold memberships, whoever declares them."""


class Entries(Protocol):
    """The entries of one multi-valued attribute of the resource in the outer statement."""

    def place_of(self, sub: AttributeDefinition | None) -> Place | None:
        """Return where a sub-attribute of an entry stands, or a simple entry itself (``None``).

        The answer is ``None`` when it stands nowhere: it is derived at the read.
        """
        ...

    def any(self, condition: Condition | None, value: str | None = None) -> Condition:
        """Return whether an entry meets ``condition``, and has the key ``value`` as its ``value``.

        ``value`` may only be given when ``condition`` asks for it anyway, or is ``None``: it is
        there to be looked up in an index.
        """
        ...

    def missing(self) -> Condition:
        """Return whether the resource does not have the attribute at all."""
        ...

    def present(self) -> Condition:
        """Return whether an entry is there that says something."""
        ...

    def first(self, value: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return ``value`` of the primary entry, else of the first."""
        ...


def entries_of(schema: ResourceSchema, attribute: Attribute) -> Entries:
    """Return the entries of a multi-valued attribute; one object an attribute, for ever."""
    known = (schema.name, *attribute.keys)
    if known not in _ENTRIES:
        _ENTRIES[known] = _entries(schema, attribute)
    return _ENTRIES[known]


_ENTRIES: dict[tuple[str, ...], Entries] = {}


def _entries(schema: ResourceSchema, attribute: Attribute) -> Entries:
    if attribute.head.name in MEMBERSHIPS:
        return Memberships(schema)
    if attribute.head.name == "emails":
        return _Emails(schema, attribute)
    return _JsonEntries(schema, attribute)


class _JsonEntries:
    def __init__(self, schema: ResourceSchema, attribute: Attribute) -> None:
        self.table, self.head = TABLES[schema.name], attribute.head
        self.path = attribute.keys
        self.rows = json_elements(self.table.c["keys"], *self.path)

    def place_of(self, sub: AttributeDefinition | None) -> Place | None:
        if sub is None:
            return key_place(element_text(self.rows), self.head)
        return key_place(json_text(self.rows.c.value, sub.name), sub)

    def any(self, condition: Condition | None, value: str | None = None) -> Condition:
        if condition is None and value is not None:  # no index: compared like anything else
            condition = json_text(self.rows.c.value, "value") == value
        asked = self._query(literal(1)).where(true() if condition is None else condition)
        return exists(asked.correlate(self.table))

    def missing(self) -> Condition:
        return json_text(self.table.c["keys"], *self.path).is_(None)

    def present(self) -> Condition:
        subs = self.head.sub_attributes.values() or (None,)
        places = [place for sub in subs if (place := self.place_of(sub))]
        return self.any(or_(*(present(place) for place in places)))

    def first(self, value: ColumnElement[Any]) -> ColumnElement[Any]:
        rows = self._query(value)
        if self.head.is_complex:
            is_primary = json_text(self.rows.c.value, "primary") == "true"
            rows = rows.order_by(func.coalesce(is_primary, false()).desc())
        return rows.order_by(self.rows.c.key).limit(1).correlate(self.table).scalar_subquery()

    def _query(self, value: ColumnElement[Any]) -> Select[Any]:
        return select(value).select_from(self.rows)


class _Emails(_JsonEntries):
    """E-mail addresses, whose ``value`` has an index."""

    def any(self, condition: Condition | None, value: str | None = None) -> Condition:
        if not value:  # an address without a value is indexed as ""
            return super().any(condition)
        holders = (
            select(user_emails.c.user_id)
            .where(user_emails.c.realm == self.table.c.realm, user_emails.c.value_key == value)
            .correlate(self.table)
        )
        indexed = is_among(self.table.c.id, holders)
        return indexed if condition is None else and_(indexed, super().any(condition))
