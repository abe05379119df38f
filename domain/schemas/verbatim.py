"""Attribute types that check a value and keep its spelling.

scim2-models normalises some values when it reads them: it lower-cases the domain of an e-mail
address, parses references and re-encodes binary values. A client that compares what it reads
with what it sent would then patch the resource again in every cycle (ADR 0006, fixture
``create-mail-domain-verbatim``). These types judge the structure and leave the value alone.
"""

import base64
import binascii
from typing import Annotated, Any

from pydantic import AfterValidator, GetCoreSchemaHandler
from pydantic_core import core_schema
from scim2_models import CaseExact, Reference


class VerbatimReference(Reference[Any]):
    """A reference kept as it came: relative, or to something that does not exist (yet)."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls,
        source_type: type[Any],
        handler: GetCoreSchemaHandler,  # pydantic's
    ) -> core_schema.CoreSchema:
        """Accept any string."""

        def read(value: object) -> VerbatimReference:
            if not isinstance(value, str):
                raise ValueError("a reference is a string")
            return cls(value)

        return core_schema.no_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )


class ExternalReference(VerbatimReference):
    """A reference to something outside the directory."""

    __reference_types__ = ("external",)


class UserReference(VerbatimReference):
    """A reference to a user."""

    __reference_types__ = ("User",)


class GroupReference(VerbatimReference):
    """A reference to a group."""

    __reference_types__ = ("Group",)


class MemberReference(VerbatimReference):
    """A reference to a member of a group."""

    __reference_types__ = ("User", "Group")


def is_base64(value: str) -> bool:
    """Whether text is base64 (RFC 7643 §2.3.6)."""
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _checked(value: str | None) -> str | None:
    if value is not None and not is_base64(value):
        raise ValueError("a binary value is base64 text (RFC 7643 §2.3.6)")
    return value


Binary = Annotated[str | None, CaseExact.true, AfterValidator(_checked)]
"""Base64 text, checked and kept as it came (RFC 7643 §2.3.6)."""
