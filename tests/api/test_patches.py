"""The operations of a PATCH in normal form (RFC 7644 §3.5.2)."""

from typing import Any

import pytest

from api.errors import Answer
from api.patches import Limits, PatchBody, read_patch
from domain.patching import AttributeOperation, MemberDelta
from domain.refusals import (
    AttributeReadOnly,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    NoTarget,
    Refusal,
)
from domain.schemas import ENTERPRISE_URN, GROUP, USER, ResourceSchema

ADD, REMOVE = "add", "remove"


def read(*operations: Any, schema: ResourceSchema = USER) -> PatchBody:
    return read_patch(schema, "own", {"Operations": list(operations)}, Limits(3, 5))


def members(*operations: Any) -> MemberDelta:
    return read(*operations, schema=GROUP).members


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "Add", "path": "TITLE", "value": "x"}, [("add", "title", "x")]),
        ({"op": "replace", "path": "title", "value": ""}, [("remove", "title")]),
        ({"op": "replace", "path": "title", "value": None}, [("remove", "title")]),
        ({"op": "replace", "path": "active", "value": "False"}, [("replace", "active", False)]),
        ({"op": "add", "path": "emails", "value": []}, []),
        ({"op": "replace", "path": "emails", "value": []}, [("remove", "emails")]),
        (
            {"op": "replace", "value": {"name": {"givenName": "x", "familyName": None}}},
            [("replace", "name.givenName", "x"), ("remove", "name.familyName")],
        ),
        (
            {"op": "remove", "path": 'Emails[Type eq "work"].Value'},
            [("remove", 'emails[type eq "work"].value')],
        ),
        (
            {"op": "add", "path": f"{ENTERPRISE_URN}:manager", "value": "7"},
            [
                ("remove", f"{ENTERPRISE_URN}:manager"),
                ("add", f"{ENTERPRISE_URN}:manager", {"value": "7"}),
            ],
        ),
        ({"op": "remove", "path": ENTERPRISE_URN}, [("remove", ENTERPRISE_URN)]),
        ({"op": "replace", "value": {"id": "own", "schemas": []}}, []),
        ({"op": "replace", "value": {"unknown": 1, "name.x.y": 2, "]": 3}}, []),
    ],
)
def test_an_operation_has_one_normal_form(
    operation: dict[str, Any], expected: list[tuple[Any, ...]]
) -> None:
    assert read(operation).operations == [AttributeOperation(*each) for each in expected]


@pytest.mark.parametrize(
    ("operation", "refusal"),
    [
        ("x", InvalidSyntax),
        ({}, InvalidSyntax),
        ({"op": "move", "path": "title"}, InvalidSyntax),
        ({"op": None}, InvalidSyntax),
        ({"op": "add", "path": 7}, InvalidPath),
        ({"op": "add", "path": "emails[", "value": "x"}, InvalidPath),
        ({"op": "add", "path": "emails[type eq]", "value": "x"}, InvalidPath),
        ({"op": "add", "path": 'title[value eq "x"]', "value": "x"}, InvalidPath),
        ({"op": "add", "path": "x" * 1_025, "value": "x"}, InvalidPath),
        ({"op": "add", "path": "a..b", "value": "x"}, InvalidPath),
        ({"op": "remove"}, NoTarget),
        ({"op": "remove", "path": " "}, NoTarget),
        ({"op": "add", "value": "x"}, InvalidValue),
        ({"op": "add", "path": "active", "value": "x"}, InvalidValue),
        ({"op": "replace", "path": "id", "value": "x"}, AttributeReadOnly),
        ({"op": "replace", "value": {"id": "x"}}, AttributeReadOnly),
        ({"op": "remove", "path": "groups"}, AttributeReadOnly),
        ({"op": "replace", "path": "meta", "value": {}}, AttributeReadOnly),
    ],
)
def test_what_cannot_be_read_is_refused(operation: Any, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        read(operation)


@pytest.mark.parametrize("body", [{}, {"Operations": {}}, {"Operations": None}])
def test_a_patch_needs_operations(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidSyntax, match="Operations"):
        read_patch(USER, "own", body, Limits(3, 5))


def test_an_empty_list_of_operations_asks_for_nothing() -> None:
    assert read() == PatchBody([], MemberDelta(), [])


def test_e7_more_operations_than_allowed_are_refused_before_they_are_read() -> None:
    with pytest.raises(Answer) as refused:
        read("x", "x", "x", "x")
    assert refused.value.status == 413


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([{"op": "add", "path": "members", "value": [{"value": "a"}]}], MemberDelta().adding("a")),
        (
            [{"op": "Remove", "path": "members", "value": [{"value": "a"}]}],
            MemberDelta().removing("a"),
        ),
        ([{"op": "remove", "path": 'members[value eq "a"]'}], MemberDelta().removing("a")),
        (
            [{"op": "remove", "path": 'members[value eq "a" or value eq "b"]'}],
            MemberDelta().removing("ab"),
        ),
        ([{"op": "remove", "path": "members"}], MemberDelta.replacing([])),
        ([{"op": "remove", "path": "members", "value": []}], MemberDelta()),
        ([{"op": "replace", "path": "members", "value": []}], MemberDelta.replacing([])),
        ([{"op": "replace", "value": {"members": ["a"]}}], MemberDelta.replacing("a")),
        (
            [
                {"op": "add", "path": "members", "value": "a"},
                {"op": "remove", "path": "members", "value": "a"},
            ],
            MemberDelta().removing("a"),
        ),
    ],
)
def test_members_become_a_delta(operations: list[Any], expected: MemberDelta) -> None:
    assert members(*operations) == expected


@pytest.mark.parametrize(
    ("operation", "refusal"),
    [
        ({"op": "remove", "path": 'members[display eq "a"]'}, NoTarget),
        ({"op": "remove", "path": 'members[value eq "a" and value eq "b"]'}, NoTarget),
        ({"op": "remove", "path": 'members[not (value eq "a")]'}, NoTarget),
        ({"op": "add", "path": 'members[value eq "a"]', "value": "b"}, InvalidPath),
        ({"op": "replace", "path": "members.value", "value": "b"}, InvalidPath),
        ({"op": "add", "path": "members", "value": [7]}, InvalidValue),
        ({"op": "add", "path": "members", "value": ["a"] * 6}, InvalidValue),
    ],
)
def test_a_wish_about_members_that_cannot_be_read_is_refused(
    operation: dict[str, Any], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal, match="members"):
        members(operation)
