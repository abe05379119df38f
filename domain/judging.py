"""Judging documents by their schema; what scim2-models finds wrong becomes a refusal.

What is kept is the client's own JSON, not a model's rendering of it (ADR 0006).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError
from scim2_models import Error, SCIMException, ScimPolicy

from domain.document import Document
from domain.refusals import (
    AttributeReadOnly,
    InvalidFilter,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    NoTarget,
    Refusal,
    TooMany,
)
from domain.schemas import AttributeDefinition, ResourceSchema, policy
from domain.schemas.verbatim import is_base64

MAX_VALUES = 1_000
"""Values a multi-valued attribute may have (ADR 0010)."""
_BY_KEYWORD: dict[str | None, type[Refusal]] = {
    refusal.scim_type: refusal
    for refusal in (
        AttributeReadOnly,
        InvalidFilter,
        InvalidPath,
        InvalidSyntax,
        InvalidValue,
        NoTarget,
        TooMany,
    )
}


@contextmanager
def judged(under: ScimPolicy = policy) -> Iterator[None]:
    """Turn what scim2-models finds wrong inside the block into a :class:`Refusal`."""
    try:
        with under:
            yield
    except ValidationError as error:
        found = Error.from_validation_errors(error)[0]
        raise _refusal(found.scim_type, found.detail or str(error)) from None
    except SCIMException as error:
        raise _refusal(error.scim_type, error.detail) from None


def _refusal(keyword: str | None, detail: str) -> Refusal:
    return _BY_KEYWORD.get(keyword, InvalidValue)(_one_line(detail))


def _one_line(detail: str) -> str:
    """Return a detail an administrator can read; pydantic's own reports take several lines."""
    heading, *report = detail.splitlines()
    if len(report) < 2 or "validation error" not in heading:  # noqa: PLR2004  # path and message
        return detail.removeprefix("Value error, ")
    message = report[1].strip().partition(" [type=")[0].removeprefix("Value error, ")
    return f"{report[0].strip()}: {message}"


def schemas_of(schema: ResourceSchema, document: Document) -> list[str]:
    """Return the schema URNs a document uses, the core one first."""
    return [schema.urn, *(urn for urn in schema.extensions if urn in document)]


def payload(schema: ResourceSchema, document: Document) -> dict[str, Any]:
    """Return the document with its ``schemas``, as a client would send it."""
    return {"schemas": schemas_of(schema, document), **document}


def check_document(schema: ResourceSchema, document: Document) -> None:
    """Check a document that a client wants to create, or to put in the place of another.

    The table says what the model would (a property test holds the two together) at a twentieth of
    its cost: types, one primary value at most, base64. Required attributes are the aggregates' own.

    Raises:
        InvalidValue: the first thing that does not fit; the detail names the attribute.
    """
    for name, value in document.items():
        if name in schema.extensions:
            for inner, item in value.items():
                _check(schema.extensions[name].get(inner.lower()), item, f"{name}:{inner}")
        else:
            _check(schema.attributes.get(name.lower()), value, name)


def _check(definition: AttributeDefinition | None, value: Any, path: str) -> None:
    if definition is None:
        raise InvalidValue(f"{path} is not an attribute of the schema")
    if not definition.multi_valued:
        check_value(definition, value, path)
        return
    if not isinstance(value, list):
        raise InvalidValue(f"{path} must be an array")
    check_count(path, value)
    for item in value:
        check_value(definition, item, path)
    if sum(isinstance(item, dict) and item.get("primary") is True for item in value) > 1:
        raise InvalidValue(f"{path}: only one value can be primary (RFC 7643 §2.4)")


def check_count(path: str, value: Any) -> None:
    """Check that an attribute has not too many values. Raises :class:`InvalidValue`."""
    if isinstance(value, list) and len(value) > MAX_VALUES:
        raise InvalidValue(f"{path} would have more than {MAX_VALUES} values")


def check_value(definition: AttributeDefinition, value: Any, path: str) -> None:
    """Check one value of an attribute. Raises :class:`InvalidValue`, naming ``path``."""
    if definition.is_complex:
        if not isinstance(value, dict):
            raise InvalidValue(f"{path} must be an object")
        for name, item in value.items():
            _check(definition.sub_attributes.get(name.lower()), item, f"{path}.{name}")
    elif definition.type == "boolean":
        if not isinstance(value, bool):
            raise InvalidValue(f"{path} must be true or false")
    elif not isinstance(value, str):
        raise InvalidValue(f"{path} must be a string")
    elif definition.type == "binary" and not is_base64(value):
        raise InvalidValue(f"{path} must be base64 (RFC 7643 §2.3.6)")
