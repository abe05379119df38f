"""The player is a judge, so it is tried itself: it must see what is wrong and only that."""

from typing import Any

import pytest

from tests.clients.player import MISSING, OPERATORS, encoded, substituted, value_at
from tests.scim import Answer

ANSWER = Answer(
    200,
    {"content-type": "application/scim+json"},
    {
        "emails": [{"type": "home", "value": "h"}, {"type": "work", "value": "w"}],
        "urn:x:2.0": {"department": None},
    },
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.emails[0].value", "h"),
        ("$.emails[?type=='work'].value", "w"),
        ("$['urn:x:2.0'].department", None),
        ("header:Content-Type", "application/scim+json"),
    ],
)
def test_a_path_leads_to_its_value(path: str, value: Any) -> None:
    assert value_at(path, ANSWER) == value


@pytest.mark.parametrize(
    "path", ["$.emails[7]", "$.emails[?type=='fax'].value", "$.a.b", "header:X"]
)
def test_a_path_that_leads_nowhere_is_missing_and_not_null(path: str) -> None:
    assert value_at(path, ANSWER) is MISSING


def test_an_empty_body_has_no_values() -> None:
    assert value_at("$.id", Answer(204, {}, None)) is MISSING


@pytest.mark.parametrize(
    ("operator", "wanted", "good", "bad"),
    [
        ("equals", 1, 1, 2),
        ("equals", None, None, MISSING),
        ("not_equals", 1, 2, MISSING),
        ("contains", "a", ["a"], MISSING),
        ("in", [1, 2], 2, 3),
        ("absent", True, MISSING, None),
        ("present", True, None, MISSING),
        ("falsy", True, [], False),
        ("matches", "^ab", "abc", None),
        ("type", "integer", 1, True),
        ("type", "integer", 1, "1"),
        ("type", "boolean", True, "True"),
        ("length", 0, MISSING, [1]),
    ],
)
def test_an_operator_tells_good_from_bad(operator: str, wanted: Any, good: Any, bad: Any) -> None:
    assert OPERATORS[operator](good, wanted)
    assert not OPERATORS[operator](bad, wanted)


def test_a_string_that_is_one_variable_keeps_its_type() -> None:
    assert substituted({"n": "{{n}}", "s": "a{{n}}"}, {"n": 3}) == {"n": 3, "s": "a3"}


def test_an_ampersand_inside_a_filter_is_encoded() -> None:
    assert encoded('filter=a eq "b&c"&count=1') == "filter=a%20eq%20%22b%26c%22&count=1"
