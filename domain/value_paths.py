"""Value paths that describe what they select: ``emails[type eq "work"].value`` (RFC 7644 §3.5.2).

The commonest operation of Microsoft Entra. A filter of equalities says what the selected value
looks like, so where nothing matches there is something to create (fixture
``entra-add-second-address-type``). The semantics are scim2-models' under our policy; a property
test holds the two together.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from scim2_models import SCIMException, ScimFilter
from scim2_models.path import (
    CompareOperator,
    Comparison,
    FilterNode,
    LogicalExpr,
    LogicalOperator,
)

from domain import comparison
from domain.judging import check_value
from domain.schemas import AttributeDefinition, ResourceSchema

_VALUE_PATH = re.compile(r"(\w+)\[(.*)\]\.(\w+)", re.DOTALL)
_CACHED = 1_024


@dataclass(frozen=True)
class ValuePath:
    """A sub-attribute of those values of a multi-valued attribute that look as described."""

    attribute: AttributeDefinition
    described: Mapping[str, Any]
    sub_attribute: AttributeDefinition

    def written(self, values: Sequence[Any], value: Any) -> list[Any]:
        """Return the values with ``value`` written at the path; ``None`` clears it.

        Raises:
            InvalidValue: ``value`` does not fit the sub-attribute.
        """
        name = self.sub_attribute.name
        if value is None:
            cleared = [{k: v for k, v in i.items() if k != name} for i in values if self.selects(i)]
            rest = iter(cleared)
            kept = [next(rest) if self.selects(item) else item for item in values]
            return [item for item in kept if item]
        check_value(self.sub_attribute, value, f"{self.attribute.name}.{name}")
        result = [{**item, name: value} if self.selects(item) else item for item in values]
        if not any(self.selects(item) for item in values):
            result.append({**self.described, name: value})
        return result

    def selects(self, item: Mapping[str, Any]) -> bool:
        """Whether a value looks as described."""
        return all(
            name in item and self._key(name, item[name]) == self._key(name, wanted)
            for name, wanted in self.described.items()
        )

    def _key(self, name: str, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        exact = self.attribute.sub_attributes[name.lower()].case_exact
        return comparison.exact(value) if exact else comparison.folded(value)


def _parsed(path: str) -> tuple[str, FilterNode, str] | None:
    match = _VALUE_PATH.fullmatch(path)
    if match is None:
        return None
    try:
        return match[1], ScimFilter(match[2]).ast, match[3]
    except SCIMException:
        return None


@lru_cache(_CACHED)
def value_path(schema: ResourceSchema, path: str) -> ValuePath | None:
    """Return the value path that ``path`` is, ``None`` when it is no such path.

    One that filters by a Boolean, twice by one name or by what it writes, or that writes a Boolean
    (marking one value ``primary`` unmarks others) is left to the library.
    """
    parsed = _parsed(path)
    if parsed is None:
        return None
    name, node, sub_name = parsed
    attribute = schema.attributes.get(name.lower())
    if attribute is None or not attribute.multi_valued or attribute.read_only:
        return None
    equalities = list(_equalities(node, attribute))
    described = {name: value for name, value in equalities if name is not None}
    sub_attribute = attribute.sub_attributes.get(sub_name.lower())
    if sub_attribute is None or sub_attribute.name in described:
        return None
    if sub_attribute.type == "boolean" or len(described) < len(equalities):
        return None
    return ValuePath(attribute, described, sub_attribute)


def _equalities(
    node: FilterNode, attribute: AttributeDefinition
) -> Iterator[tuple[str | None, Any]]:
    """Return what each term says is equal to what; the name ``None`` where a term says else."""
    match node:
        case LogicalExpr(LogicalOperator.and_, terms):
            for term in terms:
                yield from _equalities(term, attribute)
        case Comparison(path, CompareOperator.eq, str(value)) if not path.sub_attr and not path.uri:
            sub = attribute.sub_attributes.get(path.attr.lower())
            known = sub is not None and sub.type not in ("boolean", "binary")
            yield (sub.name if sub is not None and known else None), value
        case _:
            yield None, None
