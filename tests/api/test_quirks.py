"""Each peculiarity of a client on its own; whole conversations are in tests/clients."""

from typing import Any

import pytest

from api import quirks
from domain.refusals import InvalidValue
from domain.schemas import ENTERPRISE_URN, GROUP, USER, USER_URN


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("True", True),
        ("true", True),
        (" TRUE ", True),
        ("False", False),
        ("false", False),
        (1, True),
        (0, False),
        (True, True),
        (False, False),
        ("yes", "yes"),
        ("", ""),
        (2, 2),
        (-1, -1),
        (None, None),
        (1.0, 1.0),
        ("1", "1"),
    ],
)
def test_g10_booleans_in_every_spelling_and_nothing_else(value: Any, read: Any) -> None:
    result = quirks.string_boolean(value)
    assert result == read
    assert type(result) is type(read)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (["x"], "x"),
        ([{"$ref": None, "value": "x"}], "x"),
        ([{"value": None}], None),
        ([], []),
        (["x", "y"], ["x", "y"]),
        ({"value": "x"}, {"value": "x"}),
        ([{"a": 1}], {"a": 1}),
    ],
)
def test_a_wrapped_scalar_is_unwrapped(value: Any, read: Any) -> None:
    assert quirks.wrapped_scalar(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("7", {"value": "7"}),
        (["7"], {"value": "7"}),
        ([{"value": "7"}], {"value": "7"}),
        ({"value": "7"}, {"value": "7"}),
        (7, 7),
    ],
)
def test_a_bare_id_is_a_reference(value: Any, read: Any) -> None:
    assert quirks.bare_reference(value) == read


def test_a_role_may_be_json_in_a_string() -> None:
    text = '{"id":"1","value":"admin","displayName":"Admin"}'
    assert quirks.json_in_string(text) == {"value": "admin", "display": "Admin"}
    assert quirks.json_in_string({"value": text, "primary": True}) == {
        "value": "admin",
        "display": "Admin",
        "primary": True,
    }


@pytest.mark.parametrize(
    "value", ["admin", "{", '{"a": 1}', '{"value": 7}', {"value": "x"}, 7, None]
)
def test_what_is_no_such_json_is_left_alone(value: Any) -> None:
    assert quirks.json_in_string(value) == value


@pytest.mark.parametrize("value", [None, "", [], {}])
def test_four_spellings_mean_none(value: Any) -> None:
    assert quirks.unassigned(value)


@pytest.mark.parametrize("value", [False, 0, " ", [None], [""], {"a": None}])
def test_nothing_else_means_none(value: Any) -> None:
    assert not quirks.unassigned(value)


@pytest.mark.parametrize("name", ["department", "DEPARTMENT", "manager"])
def test_an_attribute_of_an_extension_is_found_without_its_urn(name: str) -> None:
    urn, found = quirks.bare_extension_attribute(name, USER)
    assert urn == ENTERPRISE_URN
    assert found is not None
    assert found.name == name.lower()
    assert quirks.bare_extension_attribute(name, GROUP) == (None, None)


def test_a_dot_after_a_known_urn_is_read_as_a_colon() -> None:
    assert quirks.dotted_extension(f"{ENTERPRISE_URN}.manager.value", USER) == (
        f"{ENTERPRISE_URN}:manager.value"
    )
    for path in ("urn:x:2.0:User.a", f"{USER_URN}:name.givenName", "name.givenName"):
        assert quirks.dotted_extension(path, USER) == path


def test_known_schemas_are_known_in_any_case() -> None:
    assert quirks.known_schema(USER_URN.upper(), USER)
    assert quirks.known_schema(ENTERPRISE_URN, USER)
    assert not quirks.known_schema(ENTERPRISE_URN, GROUP)
    assert not any(
        quirks.known_schema(urn, USER)
        for urn in ("urn:scim:schemas:core:1.0", "urn:scim:schemas:core:2.0")
    )


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ([{"value": "a"}, {"value": "b", "$ref": None, "display": "B"}], ["a", "b"]),
        (["a", {"Value": "b"}], ["a", "b"]),
        ({"value": "a"}, ["a"]),
        ("a", ["a"]),
        ([{"value": ""}, ""], []),
        ([], []),
    ],
)
def test_members_are_named_in_many_ways(value: Any, ids: list[str]) -> None:
    assert quirks.member_ids(value) == ids


@pytest.mark.parametrize("value", [[7], [None], [{}], [{"$ref": "x"}], [["a"]], [{"value": 7}]])
def test_what_names_nobody_is_refused(value: Any) -> None:
    with pytest.raises(InvalidValue, match="members"):
        quirks.member_ids(value)


def test_only_its_own_id_is_a_repetition() -> None:
    assert quirks.own_id("a", "a")
    assert not quirks.own_id("A", "a")
    assert not quirks.own_id(None, "a")
