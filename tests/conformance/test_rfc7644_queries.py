"""RFC 7644 §3.4: filters, sorting, paging and `.search`, over one directory of five users."""

from typing import Any

import pytest

from tests.conformance.resources import (
    LIST,
    SEARCH,
    USER,
    assert_error,
    created_user,
    user_names,
)
from tests.scim import Scim
from tests.serving import ServedRealm

# userName, displayName, title, active, value of the work e-mail
DIRECTORY = [
    ("anna", "delta", "Engineer", True, "anna@north.example"),
    ("bert", "Charlie", "Engineer", False, "bert@north.example"),
    ("carl", "bravo", "Clerk", True, "carl@south.example"),
    ("dora", "Alpha", None, True, "dora@south.example"),
    ("emil", "Écho", None, False, "emil@south.example"),
]
NAMES = [row[0] for row in DIRECTORY]


@pytest.fixture(scope="module")
def scim(module_realm: ServedRealm) -> Scim:
    client = module_realm.scim()
    for name, display, title, active, mail in DIRECTORY:
        emails = [{"type": "work", "value": mail}, {"type": "home", "value": f"{name}@home"}]
        created_user(
            client, userName=name, displayName=display, title=title, active=active, emails=emails
        )
    return client


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('userName eq "anna"', "anna"),
        ('USERNAME EQ "Anna"', "anna"),
        (f'{USER}:userName eq "anna"', "anna"),
        ('userName ne "anna"', "bert carl dora emil"),
        ('emails.value co "north"', "anna bert"),
        ('displayName sw "ch"', "bert"),
        ('displayName ew "O"', "carl emil"),
        ('displayName eq "éCHO"', "emil"),
        ('displayName co "%"', ""),
        ("title pr", "anna bert carl"),
        ("not (title pr)", "dora emil"),
        ("active eq true", "anna carl dora"),
        ("active eq false and title pr", "bert"),
        ('userName gt "carl"', "dora emil"),
        ('userName ge "carl"', "carl dora emil"),
        ('userName lt "bert"', "anna"),
        ('userName le "bert"', "anna bert"),
        ('meta.created gt "2020-01-01T00:00:00Z"', "anna bert carl dora emil"),
        ('meta.lastModified lt "2020-01-01T00:00:00Z"', ""),
        ('userName eq "emil" or title pr and active eq false', "bert emil"),
        ('(userName eq "emil" or title pr) and active eq false', "bert emil"),
        ('(userName eq "dora" or title pr) and active eq true', "anna carl dora"),
        ('userName eq "dora" or title pr and active eq false', "bert dora"),
        ('emails[type eq "work" and value co "south"]', "carl dora emil"),
        ('emails[type eq "home" and value co "south"]', ""),
        ('not (emails[value ew "north.example"])', "carl dora emil"),
    ],
)
def test_rfc7644_3_4_2_2_a_filter_finds_exactly(scim: Scim, text: str, names: str) -> None:
    answer = scim.get("/Users", query={"filter": text})
    assert sorted(user_names(answer)) == names.split()
    assert answer.json["totalResults"] == len(names.split())


@pytest.mark.parametrize(
    "text",
    [
        "userName eq",
        'userName equals "anna"',
        'userName eq "anna',
        '(userName eq "anna"',
        'userName eq "anna" and',
        'password sw "a"',
        "active gt true",
        'noSuchAttribute eq "x"',
    ],
)
def test_rfc7644_3_4_2_2_a_filter_that_cannot_be_answered_is_refused(scim: Scim, text: str) -> None:
    assert_error(scim.get("/Users", query={"filter": text}), 400, "invalidFilter")


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"sortBy": "userName"}, "anna bert carl dora emil"),
        ({"sortBy": "userName", "sortOrder": "descending"}, "emil dora carl bert anna"),
        ({"sortBy": "displayName", "filter": 'userName lt "e"'}, "dora carl bert anna"),
        ({"sortBy": "TITLE", "filter": "title pr", "count": 1}, "carl"),
        ({"sortBy": "userName", "startIndex": 2, "count": 2}, "bert carl"),
    ],
)
def test_rfc7644_3_4_2_3_results_are_sorted(
    scim: Scim, parameters: dict[str, Any], names: str
) -> None:
    assert user_names(scim.get("/Users", query=parameters)) == names.split()


def test_rfc7644_3_4_2_3_resources_without_the_value_come_last_when_ascending(scim: Scim) -> None:
    names = user_names(scim.get("/Users", query={"sortBy": "title"}))
    assert names[0] == "carl"
    assert set(names[3:]) == {"dora", "emil"}
    falling = user_names(scim.get("/Users", query={"sortBy": "title", "sortOrder": "descending"}))
    assert set(falling[:2]) == {"dora", "emil"}


@pytest.mark.parametrize("count", [0, -1])
def test_rfc7644_3_4_2_4_count_zero_returns_only_the_total(scim: Scim, count: int) -> None:
    answer = scim.get("/Users", query={"count": count})
    assert answer.status == 200
    assert answer.json["schemas"] == [LIST]
    assert answer.json["totalResults"] == len(NAMES)
    assert answer.json.get("itemsPerPage", 0) == 0
    assert answer.json["Resources"] == []


@pytest.mark.parametrize("start", [0, -5])
def test_rfc7644_3_4_2_4_a_start_below_one_is_one(scim: Scim, start: int) -> None:
    answer = scim.get("/Users", query={"startIndex": start, "count": 2})
    assert answer.json["startIndex"] == 1
    assert answer.json["itemsPerPage"] == len(answer.json["Resources"]) == 2


@pytest.mark.parametrize("start", [6, 1000, 10**30])
def test_rfc7644_3_4_2_4_a_page_past_the_end_is_empty(scim: Scim, start: int) -> None:
    answer = scim.get("/Users", query={"startIndex": start, "count": 2})
    assert answer.status == 200
    assert answer.json["totalResults"] == len(NAMES)
    assert answer.json["Resources"] == []


def test_rfc7644_3_4_2_4_pages_cover_all_once_and_echo_their_start(scim: Scim) -> None:
    seen: list[str] = []
    for start in (1, 3, 5):
        answer = scim.get("/Users", query={"startIndex": start, "count": 2})
        assert answer.json["startIndex"] == start
        assert answer.json["totalResults"] == len(NAMES)
        assert answer.json["itemsPerPage"] == len(answer.json["Resources"])
        seen += user_names(answer)
    assert sorted(seen) == NAMES


def test_rfc7644_3_4_2_4_a_count_above_the_limit_is_no_error(scim: Scim) -> None:
    answer = scim.get("/Users", query={"count": 10**9})
    assert sorted(user_names(answer)) == NAMES
    assert answer.json["itemsPerPage"] == len(NAMES)


@pytest.mark.parametrize("query", [{"count": "abc"}, {"startIndex": "1.5"}])
def test_rfc7644_3_4_2_4_a_page_that_is_no_number_is_refused(
    scim: Scim, query: dict[str, str]
) -> None:
    assert_error(scim.get("/Users", query=query), 400, "invalidValue")


def test_rfc7644_3_4_3_search_answers_as_the_same_get(scim: Scim) -> None:
    query = {"filter": "title pr", "sortBy": "userName", "startIndex": 2, "count": 1}
    answer = scim.post("/Users/.search", {"schemas": [SEARCH], **query})
    assert answer.status == 200
    assert answer.json == scim.get("/Users", query=query).json
    assert user_names(answer) == ["bert"]


def test_rfc7644_3_4_3_search_takes_attributes_as_arrays(scim: Scim) -> None:
    body = {"schemas": [SEARCH], "filter": 'userName eq "anna"', "attributes": ["title"]}
    [found] = scim.post("/Users/.search", body).json["Resources"]
    assert found.keys() - {"id", "schemas"} == {"title"}
    body = {"schemas": [SEARCH], "excludedAttributes": ["title"], "filter": "title pr"}
    for resource in scim.post("/Users/.search", body).json["Resources"]:
        assert "title" not in resource


def test_rfc7644_3_4_3_search_refuses_a_bad_filter(scim: Scim) -> None:
    body = {"schemas": [SEARCH], "filter": "userName eq"}
    assert_error(scim.post("/Users/.search", body), 400, "invalidFilter")
