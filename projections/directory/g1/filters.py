"""Filters as SQL conditions, with the meaning ``ScimFilter.match`` gives them (RFC 7644 §3.4.2.2).

Every value is a bound parameter; every name comes from the schema. Negations are pushed down to the
comparisons, and the deepest term of an ``and`` or ``or`` is written first: SQLite's parser keeps a
stack of 100 entries, and a parenthesis that stands first costs it only one.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from scim2_models.path import (
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ScimFilter,
    ValuePath,
)
from sqlalchemy import ColumnElement, and_, or_, true

from domain.refusals import InvalidFilter
from domain.schemas import ResourceSchema
from projections.directory.g1.attributes import Attribute, attribute, sub_attribute
from projections.directory.g1.entries import Entries, entries_of
from projections.directory.g1.operators import Condition, compared, negated, operand_key, present
from projections.directory.g1.parsing import parse_filter
from projections.directory.g1.places import Place, place_of

__all__ = ["compile_filter", "parse_filter"]


def compile_filter(schema: ResourceSchema, expression: ScimFilter[Any]) -> ColumnElement[bool]:
    """Return the condition on the table of ``schema`` that ``expression`` stands for.

    The caller binds the realm; sub-selects follow the row's own.

    Raises:
        InvalidFilter: an attribute is unknown or cannot be compared that way; the detail names it.
    """
    return _OfResource(schema).visit(expression.ast)


@dataclass(frozen=True)
class _Conditions(FilterVisitor[Condition]):
    """What the conditions on resources and on single entries have in common."""

    schema: ResourceSchema
    opposite: bool = field(default=False, kw_only=True)

    def visit_not(self, node: Not) -> Condition:
        return replace(self, opposite=not self.opposite).visit(node.expr)

    def visit_logical_expr(self, node: LogicalExpr) -> Condition:
        terms = [self.visit(term) for term in sorted(node.terms, key=_depth, reverse=True)]
        conjunction = (node.op == LogicalOperator.and_) != self.opposite
        return and_(*terms) if conjunction else or_(*terms)

    def _answer(self, condition: Condition) -> Condition:
        return negated(condition) if self.opposite else condition


class _OfResource(_Conditions):
    def visit_comparison(self, node: Comparison) -> Condition:
        if node.op == CompareOperator.ne:  # on several values too: none of them equals the operand
            return self.visit(Not(replace(node, op=CompareOperator.eq)))
        named = attribute(self.schema, node.attr_path, InvalidFilter)
        if named.head.multi_valued:
            return self._answer(self._any_compares(named, node))
        if named.target.is_complex:
            _refuse_unless_null(named, node)
            return self._answer(negated(self._present(named, at_all=True)))
        place = _known(place_of(self.schema, named), named)
        return self._answer(compared(named.name, place, node.op, node.value))

    def visit_present(self, node: Present) -> Condition:
        named = attribute(self.schema, node.attr_path, InvalidFilter)
        return self._answer(self._present(named))

    def visit_value_path(self, node: ValuePath) -> Condition:
        named = attribute(self.schema, node.attr_path, InvalidFilter)
        if not named.head.multi_valued:
            raise InvalidFilter(f"{named.name} holds no values to select with []")
        entries = entries_of(self.schema, named)
        inside = _OfEntry(self.schema, named, entries)
        condition = inside.visit(node.val_filter)
        return self._answer(entries.any(condition, inside.required_value(node.val_filter)))

    def _any_compares(self, named: Attribute, node: Comparison) -> Condition:
        entries = entries_of(self.schema, named)
        sub = named.sub or named.head.value_attribute
        if sub is None and named.head.is_complex:
            _refuse_unless_null(named, node)
            return entries.missing()
        place = _known(entries.place_of(sub), named.of(sub))
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
            return entries.any(present(_known(entries.place_of(named.sub), named)))
        if not named.target.is_complex or at_all:
            place = _known(place_of(self.schema, named), named)
            return place.value.is_not(None) if at_all else present(place)
        subs = named.target.sub_attributes.values()
        return or_(*(self._present(named.of(sub)) for sub in subs))


@dataclass(frozen=True)
class _OfEntry(_Conditions):
    """Conditions between the brackets of a value path, on one entry."""

    outer: Attribute
    entries: Entries

    def visit_comparison(self, node: Comparison) -> Condition:
        place, named = self._place(node)
        return self._answer(compared(named.name, place, node.op, node.value))

    def visit_present(self, node: Present) -> Condition:
        return self._answer(present(self._place(node)[0]))

    def required_value(self, node: FilterNode) -> str | None:
        """Return the key of the ``value`` that an entry must have to satisfy ``node``."""
        if isinstance(node, LogicalExpr) and node.op == LogicalOperator.and_:
            return next(filter(None, map(self.required_value, node.terms)), None)
        if not isinstance(node, Comparison) or node.op != CompareOperator.eq:
            return None
        place, named = self._place(node)
        if named.target is not self.outer.head.value_attribute:
            return None
        key: str | None = operand_key(named.name, place, node.op, node.value)
        return key

    def _place(self, node: Comparison | Present) -> tuple[Place, Attribute]:
        named = sub_attribute(self.outer, node.attr_path, InvalidFilter)
        return _known(self.entries.place_of(named.sub), named), named


def _known(place: Place | None, named: Attribute) -> Place:
    if place is None:
        raise InvalidFilter(f"{named.name} is derived when it is read and cannot be filtered by")
    return place


def _refuse_unless_null(named: Attribute, node: Comparison) -> None:
    if node.value is not None or node.op != CompareOperator.eq:
        subs = ", ".join(sub.name for sub in named.target.sub_attributes.values())
        raise InvalidFilter(f"{named.name} is complex; compare one of its parts: {subs}")


def _depth(node: FilterNode) -> int:
    if isinstance(node, LogicalExpr):
        return 1 + max(map(_depth, node.terms))
    return _depth(node.expr) if isinstance(node, Not) else 0
