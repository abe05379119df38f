"""What conditions on resources and on single entries share, and the ones on entries.

Negations are pushed down to the comparisons, and the deepest term of an ``and`` or ``or`` is
written first: SQLite's parser keeps a stack of 100 entries, and a parenthesis that stands first
costs it only one.
"""

from dataclasses import dataclass, field, replace

from scim2_models.path import (
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
)
from sqlalchemy import and_, or_

from domain.refusals import InvalidFilter
from domain.schemas import ResourceSchema
from projections.directory.g1.attributes import Attribute, sub_attribute
from projections.directory.g1.entries import Entries
from projections.directory.g1.operators import Condition, compared, negated, operand_key, present
from projections.directory.g1.places import Place


@dataclass(frozen=True)
class Conditions(FilterVisitor[Condition]):
    """The nodes that combine others; ``opposite`` inside an odd number of negations."""

    schema: ResourceSchema
    opposite: bool = field(default=False, kw_only=True)

    def visit_not(self, node: Not) -> Condition:
        """Negate what is inside by asking for its opposite."""
        return replace(self, opposite=not self.opposite).visit(node.expr)

    def visit_logical_expr(self, node: LogicalExpr) -> Condition:
        """Join the terms; of the opposites, by the other operator (De Morgan)."""
        terms = [self.visit(term) for term in sorted(node.terms, key=_depth, reverse=True)]
        conjunction = (node.op == LogicalOperator.and_) != self.opposite
        return and_(*terms) if conjunction else or_(*terms)

    def answer(self, condition: Condition) -> Condition:
        """Return a comparison's condition, or its opposite where the filter negates it."""
        return negated(condition) if self.opposite else condition


@dataclass(frozen=True)
class OfEntry(Conditions):
    """Conditions between the brackets of a value path, on one entry."""

    outer: Attribute
    entries: Entries

    def visit_comparison(self, node: Comparison) -> Condition:
        """Compare a sub-attribute of the entry."""
        place, named = self._place(node)
        return self.answer(compared(named.name, place, node.op, node.value))

    def visit_present(self, node: Present) -> Condition:
        """Ask whether the entry has the sub-attribute."""
        return self.answer(present(self._place(node)[0]))

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
        return known(self.entries.place_of(named.sub), named), named


def known(place: Place | None, named: Attribute) -> Place:
    """Return the place, which an attribute that is derived does not have.

    Raises:
        InvalidFilter: there is none.
    """
    if place is None:
        raise InvalidFilter(f"{named.name} is derived when it is read and cannot be filtered by")
    return place


def _depth(node: FilterNode) -> int:
    if isinstance(node, LogicalExpr):
        return 1 + max(map(_depth, node.terms))
    return _depth(node.expr) if isinstance(node, Not) else 0
