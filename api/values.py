"""Bringing values into normal form: canonical names, JSON types of the schema, nothing unknown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from api import quirks
from domain.cause import Warned
from domain.judging import MAX_VALUES
from domain.refusals import InvalidValue
from domain.schemas import AttributeDefinition

_SHOWN = 128
_DISCARDED = "password"


@dataclass
class Reading:
    """The reading of one request: what was tolerated in it."""

    warnings: list[Warned] = field(default_factory=list)

    def ignore(self, path: str) -> None:
        """Note an attribute that is not declared; a leaver's PATCH must not fail for a typo."""
        code = "discarded-password" if path.lower() == _DISCARDED else "unknown-attribute"
        self.warn(code, path)

    def warn(self, code: str, path: str) -> None:
        """Note something tolerated, once."""
        # A selection in a path holds values, and what is recorded in the clear holds none.
        warned = Warned(code, path.partition("[")[0][:_SHOWN])
        if warned not in self.warnings:
            self.warnings.append(warned)

    def value(self, definition: AttributeDefinition, value: Any, path: str) -> Any:
        """Return a value in normal form, ``None`` when it means "unassigned".

        Raises:
            InvalidValue: it cannot be a value of the attribute; the detail names ``path``.
        """
        if quirks.unassigned(value):
            return None
        if definition.multi_valued:
            return self._many(definition, value, path)
        return self.one(definition, value, path)

    def _many(self, definition: AttributeDefinition, value: Any, path: str) -> list[Any] | None:
        items = value if isinstance(value, list) else [value]
        if len(items) > MAX_VALUES:
            raise InvalidValue(f"{path} has more than {MAX_VALUES} values")
        values = [self.one(definition, item, path) for item in items]
        return [item for item in values if item is not None] or None

    def one(self, definition: AttributeDefinition, value: Any, path: str) -> Any:
        """Return one value of the attribute in normal form, ``None`` when unassigned."""
        if quirks.unassigned(value):
            return None
        if definition.is_complex:
            return self._complex(definition, value, path)
        value = quirks.wrapped_scalar(value)
        if quirks.unassigned(value):
            return None
        if definition.type == "boolean":
            read = quirks.string_boolean(value)
            if not isinstance(read, bool):
                raise InvalidValue(f"{path} must be true or false")
            if read is not value:
                self.warn("coerced-boolean", path)
            return read
        if not isinstance(value, str):
            raise InvalidValue(f"{path} must be a string")
        return value

    def _complex(self, definition: AttributeDefinition, value: Any, path: str) -> Any:
        if definition.name == "roles":
            value = quirks.json_in_string(value)
        if definition.value_attribute is not None:
            value = quirks.bare_reference(value)
        if not isinstance(value, Mapping):
            raise InvalidValue(f"{path} must be an object")
        read: dict[str, Any] = {}
        for name, item in value.items():
            sub = definition.sub_attributes.get(name.lower())
            if sub is None:
                self.ignore(f"{path}.{name}")
                continue
            canonical = self.value(sub, item, f"{path}.{sub.name}")
            if canonical is not None:
                read[sub.name] = canonical
        return read or None
