"""The User resource and its enterprise extension (RFC 7643 §4.1 and §4.3).

Two departures from scim2-models' own classes, both for the sake of what clients send: values are
kept verbatim (:mod:`domain.schemas.verbatim`), and nothing but ``userName`` is required, not even
``manager.$ref``. ``password`` is not declared: Rollbook keeps no passwords, so what a client sends
is discarded before anything is decided (ADR 0006).
"""

from typing import Annotated

from pydantic import Field
from scim2_models import (
    CaseExact,
    ComplexAttribute,
    Extension,
    Mutability,
    Required,
    Resource,
    Uniqueness,
)
from scim2_models.urn import URN

from domain.schemas.verbatim import Binary, ExternalReference, GroupReference, UserReference

Text = str | None


class Name(ComplexAttribute):
    """The components of the user's name."""

    formatted: Text = None
    family_name: Text = None
    given_name: Text = None
    middle_name: Text = None
    honorific_prefix: Text = None
    honorific_suffix: Text = None


class Email(ComplexAttribute):
    """An e-mail address."""

    value: Text = None
    display: Text = None
    type: Text = Field(None, examples=["work", "home", "other"])
    primary: bool | None = None


class PhoneNumber(ComplexAttribute):
    """A phone number."""

    value: Text = None
    display: Text = None
    type: Text = Field(None, examples=["work", "home", "mobile", "fax", "pager", "other"])
    primary: bool | None = None


class Im(ComplexAttribute):
    """An instant messaging address."""

    value: Text = None
    display: Text = None
    type: Text = Field(
        None, examples=["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"]
    )
    primary: bool | None = None


class Photo(ComplexAttribute):
    """The address of a photo."""

    value: Annotated[ExternalReference | None, CaseExact.true] = None
    display: Text = None
    type: Text = Field(None, examples=["photo", "thumbnail"])
    primary: bool | None = None


class Address(ComplexAttribute):
    """A mailing address."""

    formatted: Text = None
    street_address: Text = None
    locality: Text = None
    region: Text = None
    postal_code: Text = None
    country: Text = None
    type: Text = Field(None, examples=["work", "home", "other"])
    primary: bool | None = None


class Entitlement(ComplexAttribute):
    """Something the user has."""

    value: Text = None
    display: Text = None
    type: Text = None
    primary: bool | None = None


class Role(ComplexAttribute):
    """Something the user is."""

    value: Text = None
    display: Text = None
    type: Text = None
    primary: bool | None = None


class X509Certificate(ComplexAttribute):
    """A certificate issued to the user."""

    value: Binary = None
    display: Text = None
    type: Text = None
    primary: bool | None = None


class GroupMembership(ComplexAttribute):
    """A group the user belongs to; derived, so readOnly in every part."""

    value: Annotated[Text, Mutability.read_only, CaseExact.true] = None
    ref: Annotated[GroupReference | None, Mutability.read_only, CaseExact.true] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    display: Annotated[Text, Mutability.read_only] = None
    type: Annotated[Text, Mutability.read_only] = Field(None, examples=["direct", "indirect"])


class Manager(ComplexAttribute):
    """The user's manager; whether that user exists is not checked (ADR 0006)."""

    value: Annotated[Text, CaseExact.true] = None
    ref: Annotated[UserReference | None, CaseExact.true] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    display_name: Text = None


class EnterpriseUser(Extension):
    """The enterprise extension of a user."""

    __schema__ = URN("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")

    employee_number: Text = None
    cost_center: Text = None
    organization: Text = None
    division: Text = None
    department: Text = None
    manager: Manager | None = None


class User(Resource[EnterpriseUser]):
    """A user account."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[Text, Uniqueness.server, Required.true] = None
    name: Name | None = None
    display_name: Text = None
    nick_name: Text = None
    profile_url: Annotated[ExternalReference | None, CaseExact.true] = None
    title: Text = None
    user_type: Text = None
    preferred_language: Text = None
    locale: Text = None
    timezone: Text = None
    active: bool | None = None
    emails: list[Email] | None = None
    phone_numbers: list[PhoneNumber] | None = None
    ims: list[Im] | None = None
    photos: list[Photo] | None = None
    addresses: list[Address] | None = None
    groups: Annotated[list[GroupMembership] | None, Mutability.read_only] = None
    entitlements: list[Entitlement] | None = None
    roles: list[Role] | None = None
    x509_certificates: list[X509Certificate] | None = None


UserResource = User
