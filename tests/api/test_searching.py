"""What a query asks for (RFC 7644 §3.4.2, §3.4.3)."""

from typing import Any

import pytest

from api.searching import DEFAULT_COUNT, search_of_body, search_of_query
from domain.refusals import InvalidValue
from projections.directory import Page, Query


@pytest.mark.parametrize(
    ("parameters", "page"),
    [
        ({}, Page(0, DEFAULT_COUNT)),
        ({"startIndex": "1", "count": "5"}, Page(0, 5)),
        ({"STARTINDEX": "3", "Count": "0"}, Page(2, 0)),
        ({"startIndex": "-5", "count": "-1"}, Page(0, 0)),
        ({"startIndex": "0"}, Page(0, DEFAULT_COUNT)),
        ({"startIndex": "+7"}, Page(6, DEFAULT_COUNT)),
        ({"startIndex": "", "count": ""}, Page(0, DEFAULT_COUNT)),
        ({"count": "1000000000"}, Page(0, 1_000)),
        ({"startIndex": "9" * 31}, Page(2**40 - 1, DEFAULT_COUNT)),
        ({"count": "-" + "9" * 31}, Page(0, 0)),
    ],
)
def test_d12_page_numbers_are_brought_into_their_limits(
    parameters: dict[str, str], page: Page
) -> None:
    assert search_of_query(parameters, 1_000).page == page


@pytest.mark.parametrize("value", ["abc", "1.5", "1e3", "--1", "\u0661", "0x1", "1 2", "-"])
@pytest.mark.parametrize("name", ["startIndex", "count"])
def test_d12_what_is_no_number_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidValue, match=name.lower()):
        search_of_query({name: value}, 1_000)


def test_a_query_and_a_body_that_say_the_same_mean_the_same() -> None:
    query = {
        "filter": "title pr",
        "sortBy": "title",
        "sortOrder": "Descending",
        "startIndex": "2",
        "count": "3",
        "attributes": "userName, title",
        "excludedAttributes": "meta",
        "aadOptscim062020": "",
    }
    body: dict[str, Any] = {
        **query,
        "startIndex": 2,
        "count": 3,
        "attributes": ["userName", "title"],
        "excludedAttributes": ["meta"],
    }
    asked = search_of_query(query, 10)
    assert asked == search_of_body(body, 10)
    assert asked.query == Query("title pr", "title", descending=True)
    assert asked.attributes == ("userName", "title")
    assert asked.excluded == ("meta",)


@pytest.mark.parametrize(
    "body",
    [
        {"filter": 7},
        {"sortBy": ["x"]},
        {"sortOrder": {}},
        {"sortOrder": "up"},
        {"attributes": "x"},
        {"attributes": [7]},
        {"excludedAttributes": {"a": 1}},
        {"count": True},
        {"count": 1.5},
        {"startIndex": []},
    ],
)
def test_a_body_of_other_types_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        search_of_body(body, 10)


def test_an_empty_filter_is_none() -> None:
    assert search_of_query({"filter": "", "sortBy": ""}, 10).query == Query()
