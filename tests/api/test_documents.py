"""The resource of a POST or PUT in normal form (RFC 7644 §3.3, §3.5.1)."""

from typing import Any

import pytest

from api.documents import read_resource
from domain.cause import Warned
from domain.patching import MemberDelta
from domain.refusals import InvalidSyntax, InvalidValue
from domain.schemas import ENTERPRISE_URN, GROUP, USER, USER_URN


def read(body: dict[str, Any]) -> dict[str, Any]:
    return dict(read_resource(USER, body, 10).document)


@pytest.mark.parametrize(
    ("body", "document"),
    [
        ({"USERNAME": "a"}, {"userName": "a"}),
        ({"name": {"GivenName": "a", "familyName": None}}, {"name": {"givenName": "a"}}),
        ({"name.givenName": "a"}, {"name": {"givenName": "a"}}),
        (
            {"name": {"familyName": "b"}, "name.givenName": "a"},
            {"name": {"familyName": "b", "givenName": "a"}},
        ),
        ({f"{USER_URN}:title": "a"}, {"title": "a"}),
        ({ENTERPRISE_URN.upper(): {"Department": "a"}}, {ENTERPRISE_URN: {"department": "a"}}),
        ({"department": "a"}, {ENTERPRISE_URN: {"department": "a"}}),
        ({"manager": "7"}, {ENTERPRISE_URN: {"manager": {"value": "7"}}}),
        ({ENTERPRISE_URN: {}}, {}),
        ({"title": "", "nickName": None, "emails": [], "name": {}}, {}),
        ({"emails": [{"value": "a"}, {}, None, ""]}, {"emails": [{"value": "a"}]}),
        ({"emails": "a@x"}, {"emails": [{"value": "a@x"}]}),
        ({"emails": {"value": "A@X.Example"}}, {"emails": [{"value": "A@X.Example"}]}),
        ({"active": "False"}, {"active": False}),
        ({"title": ["a"]}, {"title": "a"}),
        (
            {"emails": [{"value": "a", "primary": "True"}]},
            {"emails": [{"value": "a", "primary": True}]},
        ),
        ({"profileUrl": "../x"}, {"profileUrl": "../x"}),
    ],
)
def test_many_spellings_have_one_normal_form(
    body: dict[str, Any], document: dict[str, Any]
) -> None:
    assert read(body) == document


def test_g1_what_a_client_may_not_write_is_left_out() -> None:
    body = {
        "id": "1",
        "meta": {"created": "x"},
        "groups": [{"value": "g"}],
        "userName": "a",
        "schemas": [USER_URN],
    }
    result = read_resource(USER, body, 10)
    assert result.document == {"userName": "a"}
    assert result.warnings == []


@pytest.mark.parametrize(
    ("body", "warned"),
    [
        ({"x": 1}, Warned("unknown-attribute", "x")),
        ({"__class__": {}}, Warned("unknown-attribute", "__class__")),
        ({"name": {"x": 1}}, Warned("unknown-attribute", "name.x")),
        ({"urn:x:y": {"z": 1}}, Warned("unknown-attribute", "urn:x:y")),
        ({"]": 1}, Warned("unknown-attribute", "]")),
        ({"password": "s3cret"}, Warned("discarded-password", "password")),
        ({"schemas": ["urn:x"]}, Warned("unknown-schema", "urn:x")),
        ({"active": "true"}, Warned("coerced-boolean", "active")),
        ({"x" * 500: 1}, Warned("unknown-attribute", "x" * 128)),
    ],
)
def test_what_is_tolerated_is_warned_of_once(body: dict[str, Any], warned: Warned) -> None:
    assert read_resource(USER, {**body}, 10).warnings == [warned]


def test_g9_a_password_is_in_neither_document_nor_warnings() -> None:
    result = read_resource(USER, {"userName": "a", "password": "s3cret"}, 10)
    assert "s3cret" not in repr(result)


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"schemas": USER_URN}, InvalidSyntax),
        ({"schemas": [7]}, InvalidSyntax),
        ({"active": "maybe"}, InvalidValue),
        ({"active": 2}, InvalidValue),
        ({"title": 7}, InvalidValue),
        ({"title": ["a", "b"]}, InvalidValue),
        ({"name": "a"}, InvalidValue),
        ({ENTERPRISE_URN: "a"}, InvalidValue),
        ({"emails": [7]}, InvalidValue),
        ({"emails": ["a"] * 1_001}, InvalidValue),
    ],
)
def test_what_cannot_be_read_is_refused(body: dict[str, Any], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        read(body)


@pytest.mark.parametrize(
    ("body", "members"),
    [
        ({}, MemberDelta()),
        ({"members": []}, MemberDelta.replacing([])),
        ({"members": None}, MemberDelta.replacing([])),
        ({"Members": [{"value": "a"}, "b"]}, MemberDelta.replacing(["a", "b"])),
    ],
)
def test_members_stand_apart_from_the_document(body: dict[str, Any], members: MemberDelta) -> None:
    result = read_resource(GROUP, {"displayName": "x", **body}, 10)
    assert (result.document, result.members) == ({"displayName": "x"}, members)


def test_a_request_names_a_limited_number_of_members() -> None:
    with pytest.raises(InvalidValue, match="at most 10"):
        read_resource(GROUP, {"members": ["a"] * 11}, 10)
