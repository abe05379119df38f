"""PATCH on documents (RFC 7644 §3.5.2), and the delta of members."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.patching import AttributeOperation, MemberDelta, patched
from domain.refusals import Refusal
from domain.schemas import ENTERPRISE_URN, USER

WORK = {"type": "work", "value": "A@Example.COM"}
HOME = {"type": "home", "value": "b@home.example", "primary": True}
ANN: dict[str, Any] = {
    "userName": "Ann",
    "name": {"givenName": "Ann", "familyName": "Example"},
    "emails": [WORK, HOME],
    "photos": [{"value": "relative/photo.png"}],
    "x509Certificates": [{"value": "QUJD"}],
    ENTERPRISE_URN: {"department": "Sales", "manager": {"value": "7"}},
}


def patch(*operations: tuple[Any, ...], document: dict[str, Any] = ANN) -> dict[str, Any]:
    return dict(patched(USER, document, [AttributeOperation(*each) for each in operations]))


@pytest.mark.parametrize(
    ("operation", "path", "expected"),
    [
        (("replace", "userName", "Anna"), "userName", "Anna"),
        (("add", "title", "Dr"), "title", "Dr"),
        (("replace", "name.givenName", "A"), "name", {"givenName": "A", "familyName": "Example"}),
        (("remove", "name.givenName"), "name", {"familyName": "Example"}),
        (("remove", "name"), "name", None),
        (("remove", "emails"), "emails", None),
        (("remove", 'emails[type eq "work"]'), "emails", [HOME]),
        (
            ("replace", 'emails[type eq "WORK"].value', "c@x"),
            "emails",
            [{**WORK, "value": "c@x"}, HOME],
        ),
        (
            ("add", 'emails[type eq "other"].value', "d@x"),
            "emails",
            [WORK, HOME, {"type": "other", "value": "d@x"}],
        ),
        (("remove", "emails", [{"value": "a@example.com"}]), "emails", [HOME]),
        (
            ("add", f"{ENTERPRISE_URN}:costCenter", "9"),
            ENTERPRISE_URN,
            {"costCenter": "9", "department": "Sales", "manager": {"value": "7"}},
        ),
        (("remove", ENTERPRISE_URN), ENTERPRISE_URN, None),
        (
            ("remove", f"{ENTERPRISE_URN}:manager"),
            ENTERPRISE_URN,
            {"department": "Sales"},
        ),
    ],
)
def test_an_operation_changes_what_it_names_and_nothing_else(
    operation: tuple[Any, ...], path: str, expected: Any
) -> None:
    after = patch(operation)
    assert after.pop(path, None) == expected
    assert after == {name: value for name, value in ANN.items() if name != path}


def test_adding_a_primary_value_leaves_one_primary() -> None:
    after = patch(("add", "emails", [{"value": "n@x", "primary": True}]))
    assert [email["value"] for email in after["emails"] if email.get("primary")] == ["n@x"]


def test_adding_an_existing_value_changes_nothing() -> None:
    assert patch(("add", "emails", [dict(HOME)])) == ANN


def test_no_operations_change_nothing() -> None:
    assert patch() == ANN


def test_either_all_operations_apply_or_none() -> None:
    copy = deepcopy(ANN)
    with pytest.raises(Refusal):
        patch(("replace", "title", "Dr"), ("remove", "userName"))
    assert copy == ANN


@pytest.mark.parametrize(
    ("operation", "keyword"),
    [
        (("remove", "userName"), "mutability"),
        (("replace", "userName", None), "mutability"),
        (("replace", "id", "x"), "mutability"),
    ],
)
def test_what_cannot_be_applied_is_refused(operation: tuple[Any, ...], keyword: str) -> None:
    with pytest.raises(Refusal) as refused:
        patch(operation)
    assert refused.value.scim_type in (keyword, "invalidValue")


ids = st.frozensets(st.sampled_from("abcde"))


@given(st.lists(st.tuples(st.sampled_from(["add", "remove", "replace"]), ids), max_size=6), ids)
def test_a_delta_does_what_its_steps_do_one_after_another(
    steps: list[tuple[str, frozenset[str]]], members: frozenset[str]
) -> None:
    delta, expected = MemberDelta(), members
    for verb, named in steps:
        if verb == "add":
            delta, expected = delta.adding(named), expected | named
        elif verb == "remove":
            delta, expected = delta.removing(named), expected - named
        else:
            delta, expected = MemberDelta.replacing(named), named
    result = delta.replace if delta.replace is not None else (members - delta.remove) | delta.add
    assert result == expected
    assert not delta.add & delta.remove
