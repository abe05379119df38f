"""Every spelling of one wish gives the same events, or the same refusal (ABUSE G17)."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.patches import Limits, read_patch
from domain.commands import PatchUser
from domain.handlers.users import patch_user
from domain.refusals import AttributeReadOnly, Refusal
from domain.schemas import ENTERPRISE_URN, USER, USER_URN
from domain.user import User
from tests.domain.scenario import CAUSE, REALM, stream
from tests.fakes import MemoryLog

ANN = stream(1)
LIMITS = Limits(500, 10_000)
SAYS = {
    "userName": "ann",
    "active": True,
    "title": "x",
    "name": {"givenName": "A", "familyName": "B"},
    "emails": [{"type": "work", "value": "a@x"}, {"type": "home", "value": "b@x"}],
    ENTERPRISE_URN: {"department": "d", "manager": {"value": "7"}},
}
Operation = dict[str, Any]
Outcome = tuple[str, Any]


def outcome(*operations: Operation) -> Outcome:
    """Return what a PATCH of Ann comes to: the events, or the class of the refusal."""
    log = MemoryLog()
    log.seed(REALM, ANN, User.Created(SAYS))
    try:
        body = read_patch(USER, ANN, {"Operations": list(operations)}, LIMITS)
        patch_user(PatchUser(CAUSE, ANN, body.operations), log)
    except Refusal as refusal:
        return "refused", type(refusal)
    return "events", [recorded.event for recorded in log.events[1:]]


def swapped(text: str) -> str:
    """Return the text with its case swapped, values in quotes left alone."""
    parts = text.split('"')
    return '"'.join(part if i % 2 else part.swapcase() for i, part in enumerate(parts))


def op(verb: str, path: str | None, value: Any = None) -> Operation:
    operation: Operation = {"op": verb}
    if path is not None:
        operation["path"] = path
    if value is not None:
        operation["value"] = value
    return operation


def nested(path: str, value: Any) -> Any:
    """Return the object that says the path by nesting, as RFC 7644 has it without ``path``."""
    urn, colon, rest = path.rpartition(":")
    head, _, sub = rest.partition(".")
    inner = {head: {sub: value} if sub else value}
    return {urn: inner} if colon else inner


BY_PATH: list[Callable[[str, str, Any], Operation]] = [
    op,
    lambda verb, path, value: op(verb.title(), path, value),
    lambda verb, path, value: op(verb.upper(), swapped(path), value),
    lambda verb, path, value: op(verb, f" {path} ", value),
    lambda verb, path, value: {"OP": verb, "Path": path, "VALUE": value},
    lambda verb, path, value: op(
        verb, path if path.startswith("urn:") else f"{USER_URN}:{path}", value
    ),
    lambda verb, path, value: op(
        verb, path if path.startswith("urn:") else f"{USER_URN.upper()}:{path}", value
    ),
]
WITHOUT_PATH: list[Callable[[str, str, Any], Operation]] = [
    lambda verb, path, value: op(verb, None, {path: value}),
    lambda verb, path, value: op(verb, "", {path: value}),
    lambda verb, path, value: op(verb.title(), None, {swapped(path): value}),
    lambda verb, path, value: op(verb, None, nested(path, value)),
]
EXTENSION: list[Callable[[str, str, Any], Operation]] = [
    lambda verb, path, value: op(verb, path.rpartition(":")[2], value),
    lambda verb, path, value: op(verb, path.replace(":User:", ":User."), value),
    lambda verb, path, value: op(verb, ENTERPRISE_URN, nested(path, value)[ENTERPRISE_URN]),
]

text = st.sampled_from(["x", "d", "A", "7", "new", "\u00e4", "", "a@x"])
values: dict[str, st.SearchStrategy[Any]] = {
    "userName": st.sampled_from(["ann", "ANN", "bob", " bob", "b\u200bob", ""]) | st.just(7),
    "title": text | st.none() | st.just({"a": 1}),
    "active": st.sampled_from([True, False, "True", "false", "FALSE", 0, 1, "maybe", 2]),
    "name.givenName": text | st.just(7),
    "emails": st.sampled_from(
        [[], [{"value": "n@x"}], {"value": "n@x", "type": "other"}, [{"value": 7}], "n@x"]
    ),
    f"{ENTERPRISE_URN}:department": text | st.just(["x"]) | st.just(["x", "y"]),
    f"{ENTERPRISE_URN}:manager.value": text,
    f"{ENTERPRISE_URN}:manager": st.sampled_from(["8", {"value": "8"}, [{"value": "8"}], ""]),
    "id": st.just("another"),
    "nothing": text,
}
wishes = st.sampled_from(sorted(values)).flatmap(
    lambda path: st.tuples(st.sampled_from(["add", "replace"]), st.just(path), values[path])
)


def spellings(verb: str, path: str, value: Any) -> list[Operation]:
    ways = [*BY_PATH, *(EXTENSION if path.startswith(ENTERPRISE_URN) else [])]
    if verb != "remove":
        ways += WITHOUT_PATH
    return [way(verb, path, value) for way in ways]


@settings(max_examples=250, deadline=None)
@given(wishes)
def test_g17_every_spelling_of_one_wish_has_one_outcome(wish: tuple[str, str, Any]) -> None:
    expected = outcome(op(*wish))
    for spelling in spellings(*wish):
        assert outcome(spelling) == expected, spelling


@pytest.mark.parametrize(
    "path",
    [
        "title",
        "userName",
        "name",
        "name.familyName",
        "emails",
        'emails[type eq "work"]',
        'emails[type eq "work"].value',
        'emails[value eq "none"]',
        f"{ENTERPRISE_URN}:department",
        f"{ENTERPRISE_URN}:manager",
        "id",
        "meta.created",
        "groups",
        "nothing",
    ],
)
def test_g17_every_spelling_of_a_removal_has_one_outcome(path: str) -> None:
    expected = outcome(op("remove", path))
    ways = [*BY_PATH, *(EXTENSION[:2] if path.startswith(ENTERPRISE_URN) else [])]
    for way in ways:
        assert outcome(way("remove", path, None)) == expected, way("remove", path, None)


@pytest.mark.parametrize("value", ["n@x", "a@x", ""])
@pytest.mark.parametrize("kind", ["work", "home", "other"])
@pytest.mark.parametrize("verb", ["add", "replace"])
def test_g17_a_value_path_means_the_same_however_it_is_spelled(
    verb: str, kind: str, value: str
) -> None:
    path = f'emails[type eq "{kind}"].value'
    expected = outcome(op(verb, path, value))
    for way in [*BY_PATH, *WITHOUT_PATH[:3]]:
        assert outcome(way(verb, path, value)) == expected, way(verb, path, value)
    by_object = op(verb, f'emails[type eq "{kind}"]', {"value": value})
    if value:
        assert outcome(by_object) == expected


def test_several_wishes_in_one_object_are_the_wishes_one_by_one() -> None:
    together = op("replace", None, {"title": "y", "active": False, "name.givenName": "Z"})
    one_by_one = [
        op("replace", "title", "y"),
        op("replace", "active", False),
        op("replace", "name.givenName", "Z"),
    ]
    assert outcome(together) == outcome(*one_by_one)


@pytest.mark.parametrize("path", ["groups", "meta.created"])
def test_g2_what_is_read_only_is_refused_by_path_and_passed_over_in_a_whole_resource(
    path: str,
) -> None:
    # The one difference on purpose: clients send resources back whole, as they read them.
    assert outcome(op("replace", path, "x")) == ("refused", AttributeReadOnly)
    assert outcome(op("replace", None, nested(path, "x"))) == ("events", [])


@pytest.mark.parametrize("kind", [True, False])
def test_adding_nothing_changes_nothing_however_it_is_spelled(kind: bool) -> None:
    empty: Any = {} if kind else []
    for path in ("name", "emails"):
        for way in (*BY_PATH, *WITHOUT_PATH):
            assert outcome(way("add", path, empty)) == ("events", []), (path, empty)


def test_a_removal_whose_value_selects_nothing_removes_nothing() -> None:
    for value in ([{"value": "none"}], [{"unknown": "a@x"}]):
        assert outcome(op("remove", "emails", value))[1] == [], value
