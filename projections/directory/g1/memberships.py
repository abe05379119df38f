"""Memberships as the entries of ``members`` and ``groups``: the member rows, not the document."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Table, case, exists, literal, select

from domain.comparison import folded
from domain.schemas import GROUP, USER, AttributeDefinition, ResourceSchema
from projections.directory.g1.operators import Condition
from projections.directory.g1.places import Place, key_place
from projections.directory.g1.projection import TABLES
from projections.engines.spelling import by_code_point, is_among
from projections.tables import members


class Memberships:
    """``members`` of a group, or ``groups`` of a user (the direct ones)."""

    def __init__(self, schema: ResourceSchema) -> None:
        self.table: Table = TABLES[schema.name]
        types = {USER.name: folded(USER.name), GROUP.name: folded(GROUP.name)}
        if schema is GROUP:
            self.owner, self.value = members.c.group_id, members.c.member_id
            kind = case(types, value=members.c.member_type)
            self.type: ColumnElement[Any] = by_code_point(kind)
        else:
            self.owner, self.value = members.c.member_id, members.c.group_id
            self.type = by_code_point(literal("direct"))

    def place_of(self, sub: AttributeDefinition | None) -> Place | None:
        """Return where ``value`` or ``type`` stands; the others are derived at the read."""
        stored = {"value": self.value, "type": self.type}
        if sub is None or sub.name not in stored:
            return None
        return key_place(stored[sub.name], sub)

    def any(self, condition: Condition | None, value: str | None = None) -> Condition:
        """Return whether a membership meets ``condition``, and is one with ``value``."""
        if value is None:
            return exists(self._query(literal(1), condition))
        found = self._query(self.owner, condition, of_all=True).where(self.value == value)
        return is_among(self.table.c.id, found)

    def missing(self) -> Condition:
        """Return whether there is no membership: an empty list is not rendered."""
        return ~self.any(None)

    def present(self) -> Condition:
        """Return whether there is a membership."""
        return self.any(None)

    def first(self, value: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return ``value`` of the first membership, in the order of ids."""
        return self._query(value, None).order_by(self.value).limit(1).scalar_subquery()

    def _query(
        self, value: ColumnElement[Any], condition: Condition | None, *, of_all: bool = False
    ) -> Select[Any]:
        rows = select(value).where(members.c.realm == self.table.c.realm)
        if not of_all:
            rows = rows.where(self.owner == self.table.c.id)
        if condition is not None:
            rows = rows.where(condition)
        return rows.correlate(self.table)
