"""Filters and orders on generation 1: indexes, limits, and what hostile clients try."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from domain.refusals import InvalidFilter, InvalidPath
from domain.schemas import ENTERPRISE_URN, GROUP, USER, ResourceSchema
from projections.directory import Page, Query
from projections.directory.g1.filters import compile_filter, parse_filter
from projections.directory.g1.queries import find
from projections.directory.g1.sorting import order_by
from tests.engines import Engine, only_on
from tests.projections.directory_of_rows import REALM, Directory, directory_on, row

ADA: dict[str, Any] = {
    "userName": "ada@example.org",
    "externalId": "A-1",
    "active": True,
    "emails": [
        {"value": "ada@example.org", "type": "work", "primary": True},
        {"value": "ada@home.example", "type": "home"},
    ],
    "roles": [{"value": "admin", "primary": "True"}],
    ENTERPRISE_URN: {"department": "R&D", "manager": {"value": "id-of-bob"}},
}
BOB: dict[str, Any] = {
    "userName": "bob_50%\\x",
    "title": "O'Hara",
    "emails": [{"value": "ada@example.org", "type": "home"}],
}


@pytest.fixture(scope="module")
def directory(engine: Engine) -> Iterator[Directory]:
    with directory_on(engine) as made:
        made.fill(
            [
                row(USER, "ada", ADA, at=1_000_000),
                row(USER, "bob", BOB, at=2_000_000),
                row(GROUP, "staff", {"displayName": "Staff", "externalId": "G-1"}),
                row(GROUP, "all", {"displayName": "All"}),
            ],
            [("staff", "ada", "User"), ("all", "staff", "Group")],
        )
        yield made


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('userName eq "ADA@example.org"', ["ada"]),
        ('UserName  EQ  "ada@EXAMPLE.org"', ["ada"]),
        ('externalId eq "a-1"', []),
        ('emails[type eq "work"].value eq "ada@example.org"', ["ada"]),
        ('emails.type eq "work" and emails.value eq "ada@example.org"', ["ada"]),
        ('emails eq "ada@example.org"', ["ada", "bob"]),
        ('roles[primary eq "True"].value eq "admin"', ["ada"]),
        ('roles eq "admin"', ["ada"]),
        ('roles eq "somebody"', []),
        ('roles.value eq "ADMIN"', ["ada"]),
        ('roles.value eq "somebody"', []),
        ('not (roles eq "somebody")', ["ada", "bob"]),
        ('manager eq "id-of-bob"', ["ada"]),
        ('id eq "ada" and manager eq "id-of-bob"', ["ada"]),
        ('id eq "ada" and manager eq "somebody"', []),
        ('department eq "r&d"', ["ada"]),
        ("manager pr", ["ada"]),
        ('userName sw "ADA@example.org"', ["ada"]),
        ('userName sw ""', ["ada", "bob"]),
        (f'{ENTERPRISE_URN}:manager.value sw "id"', ["ada"]),
        ('groups eq "staff"', ["ada"]),
        ("not (groups pr)", ["bob"]),
        ('active eq "True"', ["ada"]),
        ("active ne true", ["bob"]),
        ('title ne "x"', ["ada", "bob"]),
        ('not (title co "zz")', ["ada", "bob"]),
        ('schemas co "enterprise"', ["ada"]),
        ('meta.resourceType eq "User"', ["ada", "bob"]),
        ('meta.resourceType gt "\\\\"', []),  # by code point "U" stands before, by locale after
        ('groups.type gt "{"', []),
    ],
)
def test_a_filter_on_users_finds(directory: Directory, text: str, found: list[str]) -> None:
    assert directory.by_sql(USER, text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('members eq "ada"', ["staff"]),
        ('members.value eq "ADA"', []),
        ('id eq "staff" and members eq "ada"', ["staff"]),
        ('members[value eq "staff" and type eq "group"]', ["all"]),
        ('members[value eq "staff" and type eq "User"]', []),
        ('members.type eq "User"', ["staff"]),
        ('not (members.value sw "a")', ["all"]),
        ('displayName eq "STAFF"', ["staff"]),
        ('members.type gt "{"', []),
    ],
)
def test_a_filter_on_groups_finds(directory: Directory, text: str, found: list[str]) -> None:
    assert directory.by_sql(GROUP, text) == found


def test_an_instant_without_an_offset_is_utc(directory: Directory) -> None:
    assert directory.by_sql(USER, 'meta.created eq "1970-01-01T00:00:01"') == ["ada"]
    assert directory.by_sql(USER, 'meta.created gt "1970-01-01T01:00:01+01:00"') == ["bob"]


MATCHED_BY = [
    (USER, 'userName eq "x"', "users_g1_user_name"),
    (USER, 'userName sw "x"', "users_g1_user_name"),
    (USER, 'externalId eq "x"', "users_g1_external_id"),
    (USER, 'emails[type eq "work"].value eq "x"', "user_emails_g1_value"),
    (USER, 'emails eq "x"', "user_emails_g1_value"),
    (USER, 'groups eq "x"', "members_pk"),
    (GROUP, 'members eq "x"', "members_by_member"),
    (GROUP, 'members[value eq "x"]', "members_by_member"),
    (GROUP, 'displayName eq "x"', "groups_g1_display_name"),
]


@pytest.fixture(scope="module")
def crowd(engine: Engine) -> Iterator[Directory]:
    """So many resources that PostgreSQL finds an index worth its while."""
    users = [f"u{number:04}" for number in range(1_000)]
    teams = [f"g{number:04}" for number in range(300)]
    with directory_on(engine) as made:
        made.fill(
            [
                *(row(USER, id_, {**ADA, "userName": id_, "externalId": id_}) for id_ in users),
                *(row(GROUP, id_, {"displayName": id_}) for id_ in teams),
            ],
            [(team, user, "User") for team in teams for user in users[:10]],
        )
        made.connection.execute(text("ANALYZE"))
        yield made


@only_on("postgresql", "it explains itself in its own words")
@pytest.mark.parametrize(("schema", "filter_text", "index"), MATCHED_BY)
def test_what_clients_match_by_is_looked_up_in_an_index_of_postgresql(
    crowd: Directory, schema: ResourceSchema, filter_text: str, index: str
) -> None:
    plan = crowd.plan(schema, filter_text)
    assert index in plan
    assert "Seq Scan" not in plan
    assert "realm" in plan[plan.index(index) :].splitlines()[1]


@only_on("sqlite", "it explains itself in its own words")
@pytest.mark.parametrize(
    ("schema", "text", "index"),
    [
        (USER, 'userName eq "x"', "users_g1_user_name (realm=? AND user_name_key=?)"),
        (USER, 'userName sw "x"', "users_g1_user_name (realm=? AND user_name_key>?"),
        (USER, 'externalId eq "x"', "users_g1_external_id (realm=? AND external_id_key=?)"),
        (USER, 'emails[type eq "work"].value eq "x"', "user_emails_g1_value (realm=? AND value"),
        (USER, 'emails eq "x"', "user_emails_g1_value (realm=? AND value_key=?)"),
        (USER, 'groups eq "x"', "SEARCH members USING PRIMARY KEY (realm=? AND group_id=?)"),
        (GROUP, 'members eq "x"', "members_by_member (realm=? AND member_id=?)"),
        (GROUP, 'members[value eq "x"]', "members_by_member (realm=? AND member_id=?)"),
        (GROUP, 'displayName eq "x"', "groups_g1_display_name (realm=? AND display_name_key=?)"),
    ],
)
def test_what_clients_match_by_is_looked_up_in_an_index(
    directory: Directory, schema: ResourceSchema, text: str, index: str
) -> None:
    plan = directory.plan(schema, text)
    assert index in plan
    assert "SCAN" not in plan.replace("SCAN entry VIRTUAL TABLE", "")
    if "_value" in index or "member" in index:
        assert "_1 (realm=? AND id=?)" in plan


@pytest.mark.parametrize(
    ("schema", "text", "name"),
    [
        (USER, 'password sw "a"', "password"),
        (USER, 'shoeSize eq "9"', "shoeSize"),
        (USER, "emails.size pr", "size"),
        (USER, 'emails[size eq "9"]', "size"),
        (USER, 'name eq "Ada"', "name"),
        (USER, 'addresses eq "x"', "addresses"),
        (USER, 'name[familyName eq "x"]', "name"),
        (USER, 'groups.display eq "Staff"', "groups.display"),
        (USER, 'meta.location co "x"', "meta.location"),
        (USER, 'meta.version eq "x"', "meta.version"),
        (USER, 'meta.created co "2020"', "meta.created"),
        (USER, 'meta.created gt "yesterday"', "meta.created"),
        (USER, "userName eq 5", "userName"),
        (USER, "userName co 5", "userName"),
        (USER, "active gt true", "active"),
        (USER, 'active eq "perhaps"', "active"),
        (USER, "schemas[value eq 5]", "schemas"),
        (USER, 'urn:x:y:userName eq "a"', "userName"),
        (USER, "user_name pr", "user_name"),
        (USER, "EnterpriseUser pr", "EnterpriseUser"),
        (USER, "__class__ pr", "character 1"),
        (USER, "model_fields pr", "model_fields"),
        (GROUP, 'members.display eq "Ada"', "members.display"),
        (GROUP, 'members[$ref eq "x"]', "members.$ref"),
        (GROUP, 'department eq "x"', "department"),
    ],
)
def test_d10_what_cannot_be_filtered_by_is_refused_by_name(
    schema: ResourceSchema, text: str, name: str
) -> None:
    with pytest.raises(InvalidFilter) as refused:
        compile_filter(schema, parse_filter(schema, text))
    assert name in refused.value.detail


@pytest.mark.parametrize(
    "text",
    [
        "(" * 20_000,
        "(" * 8_000,
        "not (" * 500,
        "emails[" * 500,
        "(" * 21 + "id pr" + ")" * 21,
        'title eq "((((((((((((((((((((((" and ' + "(" * 21 + "id pr" + ")" * 21,
    ],
)
def test_d1_deep_nesting_is_refused_while_scanning(text: str) -> None:
    with pytest.raises(InvalidFilter) as refused:
        parse_filter(USER, text)
    assert "((" not in refused.value.detail


def test_d1_brackets_inside_quotes_do_not_count(directory: Directory) -> None:
    assert directory.by_sql(USER, f'title eq "{"(" * 500}"') == []


WRAPPERS: list[Callable[[str], str]] = [
    lambda inner: f"(id pr and {inner})",
    lambda inner: f"({inner} or title pr)",
    lambda inner: f"not ({inner})",
    lambda inner: f"({inner})",
    lambda inner: f'(emails[type eq "work" or value co "x"] and {inner})',
]


@pytest.mark.parametrize("first", range(len(WRAPPERS)))
@pytest.mark.parametrize("step", range(len(WRAPPERS)))
def test_d2_a_depth_of_exactly_twenty_works(directory: Directory, first: int, step: int) -> None:
    text = 'emails[value sw "ada"]'
    for level in range(19):
        text = WRAPPERS[(first + level * step) % len(WRAPPERS)](text)
    assert_answered(directory, text)


@pytest.mark.parametrize(
    ("opening", "times"),
    [("not (id pr and ", 15), ("title pr or id pr and (", 15), ("not (title pr or id pr and (", 9)],
)
def test_d2_the_deepest_mixes_scim2_models_reads_work(
    directory: Directory, opening: str, times: int
) -> None:
    assert_answered(directory, opening * times + "id pr" + ")" * (times * opening.count("(")))


def assert_answered(directory: Directory, text: str) -> None:
    expected = directory.by_model(USER, text)
    assert directory.by_sql(USER, text) == expected
    query = Query(filter=text, sort_by="emails")
    total, _ = find(directory.connection, USER, REALM, query, Page(0, 10))
    assert total == len(expected)


def test_d3_a_hundred_terms_are_answered_and_more_are_refused(directory: Directory) -> None:
    terms = [f'emails[type eq "t{n}"]' for n in range(99)]
    assert directory.by_sql(USER, " or ".join([*terms, 'id eq "ada"'])) == ["ada"]
    with pytest.raises(InvalidFilter, match="101 terms"):
        parse_filter(USER, " or ".join([*terms, "id pr", "id pr"]))
    with pytest.raises(InvalidFilter):
        parse_filter(USER, " or ".join(["id pr"] * 5_000))


def test_d4_a_filter_of_8192_bytes_is_read_and_a_longer_one_refused(directory: Directory) -> None:
    longest = f'title eq "{"é" * 4090}"'
    longest += " " * (8_192 - len(longest.encode()))
    assert directory.by_sql(USER, longest) == []
    with pytest.raises(InvalidFilter, match="8193 bytes"):
        parse_filter(USER, longest + " ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "userName",
        "userName eq",
        "userName eq admin",
        'userName == "admin"',
        "(" * 20 + "id pr" + ")" * 19 + "]",
        'userName eq "unterminated',
        'userName eq "\\"',
        'userName eq "\\x41"',
        'userName eq "\\ud800"',
        'userName eq "\\u0000"',
        'userName eq "a\x00b"',
        'userName eq "\ud800"',
        "userName eq 1e999",
        "userName eq " + "9" * 5_000,
        "\u202euserName pr",
        "\\",
        'emails.value[type eq "work"]',
        'emails[type[value eq "x"]]',
    ],
)
def test_d5_d9_what_cannot_be_read_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidFilter) as refused:
        parse_filter(USER, text)
    assert len(refused.value.detail) < 160
    assert "admin" not in refused.value.detail
    assert "99999" not in refused.value.detail


def test_a_refused_operand_is_not_repeated() -> None:
    with pytest.raises(InvalidFilter) as refused:
        parse_filter(USER, 'active eq "hunter2 is not valid for x"')
    assert "hunter2" not in refused.value.detail
    assert "active" in refused.value.detail


@pytest.mark.parametrize("needle", ["%", "_", "\\", "50%", "b_50%\\x", "50%\\x"])
def test_d7_wildcards_are_letters_like_others(directory: Directory, needle: str) -> None:
    escaped = needle.replace("\\", "\\\\")
    assert directory.by_sql(USER, f'userName co "{escaped}"') == ["bob"]
    assert directory.by_sql(USER, f'userName eq "{escaped}"') == []


@pytest.mark.parametrize(
    "attack",
    [
        "a' OR 1=1--",
        "'; DROP TABLE users_g1; --",
        "x')",
        "$.emails",
        "->>'$'",
        "\\' OR ''='",
        "UNION SELECT 1",
        ":realm",
        "?",
    ],
)
@pytest.mark.parametrize("operator", ["eq", "co", "sw", "ew"])
@pytest.mark.parametrize(
    "attribute", ["userName", "title", "emails.value", "emails[type eq", "department", "groups"]
)
def test_f1_f3_hostile_operands_are_bound_and_match_nothing(
    directory: Directory, attribute: str, operator: str, attack: str
) -> None:
    quoted = '"' + attack.replace("\\", "\\\\") + '"'
    if attribute.endswith("eq"):
        text = f"{attribute} {quoted}].value {operator} {quoted}"
    else:
        text = f"{attribute} {operator} {quoted}"
    condition = compile_filter(USER, parse_filter(USER, text))
    assert attack not in str(condition.compile(directory.connection)).replace("?", "") or (
        attack == "?"
    )
    assert directory.by_sql(USER, text) == []


def test_an_apostrophe_is_found_where_it_is(directory: Directory) -> None:
    assert directory.by_sql(USER, 'title co "\'"') == ["bob"]


@pytest.mark.parametrize(
    "sort_by",
    [
        *("password", "1;drop", "userName; DROP", "", ".", ":", "userName desc", "name", "meta"),
        *("addresses", "members", "groups.display", "meta.location", "emails[0]", "__class__"),
        *("urn:x:y:userName", "userName.value", 'emails[type eq "work"].value', "user_name"),
    ],
)
def test_d8_f2_what_is_no_sortable_attribute_is_an_invalid_path(sort_by: str) -> None:
    with pytest.raises(InvalidPath):
        order_by(USER, sort_by, descending=False)


def test_missing_values_come_last_when_ascending_and_first_when_descending(
    directory: Directory,
) -> None:
    assert directory.sorted_by_sql(USER, "title", descending=False) == ["bob", "ada"]
    assert directory.sorted_by_sql(USER, "externalId", descending=True) == ["bob", "ada"]
    assert directory.sorted_by_sql(USER, "department", descending=False) == ["ada", "bob"]


def test_groups_are_sorted_by_their_first_member(directory: Directory) -> None:
    for descending in (False, True):
        found = directory.sorted_by_sql(GROUP, "members", descending=descending)
        assert found == directory.sorted_by_model(GROUP, "members", descending=descending)


def test_the_other_realm_is_never_looked_into(directory: Directory) -> None:
    # The other realm holds the same addresses under the same ids of users.
    plan = directory.plan(USER, 'emails eq "ada@example.org"')
    assert re.search(r"user_emails_g1_value( .*\n.*Index Cond: \()? ?\(.*realm", plan), plan
    assert directory.by_sql(USER, 'emails eq "ada@example.org"') == ["ada", "bob"]
