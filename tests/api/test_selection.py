"""Which attributes an answer holds (RFC 7644 §3.9)."""

from copy import deepcopy
from typing import Any

import pytest

from api.selection import MAX_NAMES, read_selection, split_names
from domain.refusals import InvalidValue
from domain.schemas import ENTERPRISE_URN, USER, USER_URN

WHOLE: dict[str, Any] = {
    "schemas": [USER_URN],
    "id": "1",
    "userName": "ann",
    "name": {"givenName": "A", "familyName": "B"},
    "emails": [{"value": "a", "type": "work"}, {"value": "b"}],
    ENTERPRISE_URN: {"department": "d", "manager": {"value": "7", "displayName": "M"}},
    "groups": [{"value": "g"}],
    "meta": {"version": "x"},
}
FRAME = {"schemas": [USER_URN], "id": "1"}


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in WHOLE.items() if name not in names}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["userName"], {"userName": "ann"}),
        (["USERNAME", "id"], {"userName": "ann"}),
        ([f"{USER_URN}:userName"], {"userName": "ann"}),
        (["name.givenName"], {"name": {"givenName": "A"}}),
        (["name", "name.givenName"], {"name": {"givenName": "A", "familyName": "B"}}),
        (["name.givenName", "name"], {"name": {"givenName": "A", "familyName": "B"}}),
        (["emails.type"], {"emails": [{"type": "work"}, {}]}),
        ([ENTERPRISE_URN], {ENTERPRISE_URN: WHOLE[ENTERPRISE_URN]}),
        ([f"{ENTERPRISE_URN}:department"], {ENTERPRISE_URN: {"department": "d"}}),
        (
            [f"{ENTERPRISE_URN}:manager.value"],
            {ENTERPRISE_URN: {"manager": {"value": "7"}}},
        ),
        (["title", "unknown", "emails["], {}),
        (["meta"], {"meta": {"version": "x"}}),
    ],
)
def test_the_attributes_asked_for_are_answered_and_always_the_frame(
    names: list[str], expected: dict[str, Any]
) -> None:
    assert read_selection(USER, names, []).apply(WHOLE) == {**FRAME, **expected}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["userName"], without("userName")),
        (["groups", "meta"], without("groups", "meta")),
        (["id", "schemas"], WHOLE),
        (["unknown", "title"], WHOLE),
        (["name.givenName"], {**WHOLE, "name": {"familyName": "B"}}),
        (["emails.value"], {**WHOLE, "emails": [{"type": "work"}, {}]}),
        ([ENTERPRISE_URN], without(ENTERPRISE_URN)),
        (
            [f"{ENTERPRISE_URN}:manager.displayName"],
            {**WHOLE, ENTERPRISE_URN: {"department": "d", "manager": {"value": "7"}}},
        ),
    ],
)
def test_the_attributes_excluded_are_left_out(names: list[str], expected: dict[str, Any]) -> None:
    assert read_selection(USER, [], names).apply(WHOLE) == expected


def test_selecting_leaves_the_resource_alone() -> None:
    before = deepcopy(WHOLE)
    read_selection(USER, ["name.givenName", "emails.type"], ["emails.type"]).apply(WHOLE)
    assert before == WHOLE


def test_a_selection_knows_what_need_not_be_read() -> None:
    assert not read_selection(USER, ["userName"], []).includes("groups")
    assert read_selection(USER, ["groups.value"], []).includes("groups")
    assert not read_selection(USER, [], ["groups"]).includes("groups")
    assert read_selection(USER, [], ["groups.value"]).includes("groups")
    assert not read_selection(USER, ["unknown"], []).includes("groups")
    assert read_selection(USER, [], ["groups"]).of_derived_only
    assert not read_selection(USER, [], ["title"]).of_derived_only


def test_d8_a_limited_number_of_names_is_read() -> None:
    read_selection(USER, ["a"] * MAX_NAMES, [])
    with pytest.raises(InvalidValue, match=str(MAX_NAMES)):
        read_selection(USER, ["a"] * MAX_NAMES, ["b"])


def test_names_are_split_at_commas() -> None:
    assert split_names(" a, b,,c ") == ["a", "b", "c"]
    assert split_names(None) == split_names("") == []
