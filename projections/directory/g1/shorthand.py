"""Short spellings in filters that clients use beyond the RFC, and what they stand for."""

from dataclasses import replace

from scim2_models.path import (
    AttrPath,
    Comparison,
    FilterNode,
    FilterVisitor,
    Present,
    ValuePath,
)
from scim2_models.path import LogicalExpr as Logical
from scim2_models.path import Not as Negation

from domain.schemas import AttributeDefinition, ResourceSchema


def spelled_out(schema: ResourceSchema, node: FilterNode) -> FilterNode:
    """Return the filter with bare names spelled out.

    - ``department eq "x"`` names the extension's attribute, as long as the resource type itself
      has none of that name.
    - ``manager eq "x"`` compares ``manager.value``: a singular complex attribute stands for its
      ``value``, as a multi-valued one does (RFC 7644 §3.4.2.2).

    Entra checks references with ``id eq "…" and manager eq "…"`` (fixture
    ``entra-filter-id-and-manager``;
    https://learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups).
    """
    return _SpelledOut(schema).visit(node)


def qualified(schema: ResourceSchema, path: AttrPath) -> AttrPath:
    """Return the path with the URN of its extension, when it needs one and has none."""
    name = path.attr.lower()
    if path.uri is None and name not in schema.attributes:
        for urn, attributes in schema.extensions.items():
            if name in attributes:
                return replace(path, uri=urn)
    return path


class _SpelledOut(FilterVisitor[FilterNode]):
    def __init__(self, schema: ResourceSchema) -> None:
        self.schema = schema

    def visit_comparison(self, node: Comparison) -> FilterNode:
        path = qualified(self.schema, node.attr_path)
        head = self._definition(path)
        if head and head.is_complex and not head.multi_valued and head.value_attribute:
            path = replace(path, sub_attr=path.sub_attr or head.value_attribute.name)
        return replace(node, attr_path=path)

    def visit_present(self, node: Present) -> FilterNode:
        return replace(node, attr_path=qualified(self.schema, node.attr_path))

    def visit_value_path(self, node: ValuePath) -> FilterNode:
        return replace(node, attr_path=qualified(self.schema, node.attr_path))

    def visit_not(self, node: Negation) -> FilterNode:
        return Negation(self.visit(node.expr))

    def visit_logical_expr(self, node: Logical) -> FilterNode:
        return Logical(node.op, tuple(self.visit(term) for term in node.terms))

    def _definition(self, path: AttrPath) -> AttributeDefinition | None:
        urn = self.schema.extension_urns.get((path.uri or "").lower())
        declared = self.schema.extensions[urn] if urn else self.schema.attributes
        return declared.get(path.attr.lower())
