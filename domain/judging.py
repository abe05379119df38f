"""Judging documents by their schema: scim2-models decides, its verdicts become refusals.

The models say whether a document fits (types, required attributes, one primary value); what is
kept is the client's own JSON, not the model's rendering of it (ADR 0006).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError
from scim2_models import Context, Error, SCIMException, ScimPolicy

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
from domain.schemas import ResourceSchema, ascii_policy, policy

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

    Raises:
        Refusal: the first thing that does not fit; the detail names the attribute.
    """
    with judged(ascii_policy):  # nothing is compared here
        schema.model.model_validate(
            payload(schema, document), scim_ctx=Context.RESOURCE_CREATION_REQUEST
        )
