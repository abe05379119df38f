"""Documents and the paths of their changes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.document import Change, by_path, changed, changes_between

URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

simple = st.text(max_size=3)
complex_ = st.dictionaries(st.sampled_from(["givenName", "familyName"]), simple, min_size=1)
several = st.lists(st.dictionaries(st.just("value"), simple, min_size=1), min_size=1, max_size=2)
extension = st.fixed_dictionaries(
    {},
    optional={
        "department": simple,
        "manager": st.dictionaries(st.just("value"), simple, min_size=1),
    },
).filter(bool)
documents: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"userName": simple},
    optional={"title": simple, "name": complex_, "emails": several, URN: extension},
)


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        ({"title": "x"}, {"title": "x"}),
        ({"name": {"givenName": "x"}}, {"name.givenName": "x"}),
        ({"emails": [{"value": "x"}]}, {"emails": [{"value": "x"}]}),
        ({URN: {"department": "x"}}, {f"{URN}:department": "x"}),
        ({URN: {"manager": {"$ref": "x"}}}, {f"{URN}:manager.$ref": "x"}),
    ],
)
def test_a_change_is_named_by_its_schema_path(
    document: dict[str, Any], paths: dict[str, Any]
) -> None:
    assert by_path(document) == paths
    assert changed({}, {path: Change(None, value) for path, value in paths.items()}) == document


@given(documents, documents)
def test_the_changes_between_two_documents_turn_one_into_the_other(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    assert changed(old, changes_between(old, new)) == new


@given(documents)
def test_a_document_does_not_differ_from_itself(document: dict[str, Any]) -> None:
    assert changes_between(document, document) == {}


@given(documents, documents)
def test_changing_leaves_the_document_before_alone(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    copy = changed(old, {})
    changed(old, changes_between(old, new))
    assert old == copy


def test_a_container_disappears_with_its_last_value() -> None:
    document = {URN: {"manager": {"value": "1"}}, "userName": "a"}
    assert changed(document, {f"{URN}:manager.value": Change("1", None)}) == {"userName": "a"}
