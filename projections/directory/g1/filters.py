"""Filters as SQL conditions, with the meaning ``ScimFilter.match`` gives them (RFC 7644 §3.4.2.2).

Every value is a bound parameter; every name comes from the schema.
"""

from dataclasses import replace
from typing import Any

from scim2_models.path import (
    CompareOperator,
    Comparison,
    FilterNode,
    LogicalExpr,
    Not,
    Present,
    ScimFilter,
    ValuePath,
)
from sqlalchemy import ColumnElement, or_, true

from domain.refusals import InvalidFilter
from domain.schemas import ResourceSchema
from projections.directory.g1.attributes import Attribute, attribute
from projections.directory.g1.conditions import Conditions, OfEntry, known
from projections.directory.g1.entries import MEMBERSHIPS, entries_of
from projections.directory.g1.operators import Condition, compared, negated, operand_key, present
from projections.directory.g1.parsing import parse_filter, plain_equality
from projections.directory.g1.places import place_of

__all__ = ["asks_memberships", "compile_filter", "parse_filter", "plain_equality"]


def compile_filter(schema: ResourceSchema, expression: ScimFilter[Any]) -> ColumnElement[bool]:
    """Return the condition on the table of ``schema`` that ``expression`` stands for.

    The caller binds the realm; sub-selects follow the row's own.

    Raises:
        InvalidFilter: an attribute is unknown or cannot be compared that way; the detail names it.
    """
    return _OfResource(schema).visit(expression.ast)


def asks_memberships(schema: ResourceSchema, filter_text: str) -> bool:
    """Whether a filter asks for ``members`` or ``groups``. Raises as :func:`compile_filter`."""
    expression = parse_filter(schema, filter_text)
    compile_filter(schema, expression)
    return _asks_memberships(expression.ast)


def _asks_memberships(node: FilterNode) -> bool:
    match node:
        case LogicalExpr():
            return any(map(_asks_memberships, node.terms))
        case Not():
            return _asks_memberships(node.expr)
        case Comparison() | Present() | ValuePath():
            return node.attr_path.attr.lower() in MEMBERSHIPS
    return False


class _OfResource(Conditions):
    def visit_comparison(self, node: Comparison) -> Condition:
        if node.op == CompareOperator.ne:  # on several values too: none of them equals the operand
            return self.visit(Not(replace(node, op=CompareOperator.eq)))
        named = attribute(self.schema, node.attr_path, InvalidFilter)
        if named.head.multi_valued:
            return self.answer(self._any_compares(named, node))
        if named.target.is_complex:
            _refuse_unless_null(named, node)
            return self.answer(negated(self._present(named, at_all=True)))
        place = known(place_of(self.schema, named), named)
        return self.answer(compared(named.name, place, node.op, node.value))

    def visit_present(self, node: Present) -> Condition:
        named = attribute(self.schema, node.attr_path, InvalidFilter)
        return self.answer(self._present(named))

    def visit_value_path(self, node: ValuePath) -> Condition:
        named = attribute(self.schema, node.attr_path, InvalidFilter)
        if not named.head.multi_valued:
            raise InvalidFilter(f"{named.name} holds no values to select with []")
        entries = entries_of(self.schema, named)
        inside = OfEntry(self.schema, named, entries)
        condition = inside.visit(node.val_filter)
        return self.answer(entries.any(condition, inside.required_value(node.val_filter)))

    def _any_compares(self, named: Attribute, node: Comparison) -> Condition:
        entries = entries_of(self.schema, named)
        sub = named.sub or named.head.value_attribute
        if sub is None and named.head.is_complex:
            _refuse_unless_null(named, node)
            return entries.missing()
        place = known(entries.place_of(sub), named.of(sub))
        condition = compared(named.of(sub).name, place, node.op, node.value)
        if node.value is None:
            missing = node.op == CompareOperator.eq
            return or_(entries.any(condition), entries.missing()) if missing else condition
        if sub and sub is named.head.value_attribute and node.op == CompareOperator.eq:
            key = operand_key(named.name, place, node.op, node.value)
            return entries.any(None, key) if key else entries.any(condition)
        return entries.any(condition)

    def _present(self, named: Attribute, *, at_all: bool = False) -> Condition:
        """Whether the attribute says something, or (``at_all``) stands there in any form."""
        if named.head.name == "meta" and named.sub is None:
            return true()
        if named.head.multi_valued:
            entries = entries_of(self.schema, named)
            if named.sub is None:
                return entries.present()
            return entries.any(present(known(entries.place_of(named.sub), named)))
        if not named.target.is_complex or at_all:
            place = known(place_of(self.schema, named), named)
            return place.value.is_not(None) if at_all else present(place)
        subs = named.target.sub_attributes.values()
        return or_(*(self._present(named.of(sub)) for sub in subs))


def _refuse_unless_null(named: Attribute, node: Comparison) -> None:
    if node.value is not None or node.op != CompareOperator.eq:
        subs = ", ".join(sub.name for sub in named.target.sub_attributes.values())
        raise InvalidFilter(f"{named.name} is complex; compare one of its parts: {subs}")
