"""SQL answers every filter as scim2-models answers it in memory, resource by resource."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from scim2_models.path import AttrPath, CompareOperator, Comparison, ScimFilter

from domain import comparison
from domain.schemas import ENTERPRISE_URN, GROUP, USER, ResourceSchema
from projections.directory.g1 import conditions
from projections.directory.g1.parsing import parse_filter, plain_equality
from tests.engines import Engine
from tests.projections.directory_of_rows import Directory, directory_on, row

TEXTS = [
    *("a", "A", "ab", "ABC", "Straße", "STRASSE", "straẞe", "ss", "K", "\u212a", "k"),
    *("\uff21\uff22", "\u00c4", "A\u0308", "\u00e4", "a\u0308", "é", "e\u0301", "🙂", "x🙂y", "%"),
    *("_", "\\", 'q"q', "a'b", "\U0010ffff", "\ud7ff", "\ue000", "\ufb01", "fi", "\u0130"),
    *("i\u0307", "\u03c2", "\u03c3", "\u03a3"),
    *("work", "Work", "home", "a b", "$.x", "1", "true", "null", "user", "direct"),
]
IDS = [f"id-{number}" for number in range(6)]
GROUP_IDS = [f"group-{number}" for number in range(3)]
NAMES = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]
INSTANTS = ["1970-01-01T00:00:01Z", "1970-01-01T01:00:00.5+01:00", "2001-09-09T01:46:40.000001Z"]
MICROSECONDS = [0, 1_000_000, 500_000, 1_000_000_000_000_001]
URN = ENTERPRISE_URN

FEW = ["a", "A", "ab", "Straße", "work"]
"""Drawn half of the time, so that documents and filters meet often."""

texts = st.one_of(st.sampled_from(FEW), st.sampled_from(TEXTS))
maybe_empty = st.one_of(st.sampled_from(FEW), st.sampled_from([*TEXTS, ""]))
entries: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.fixed_dictionaries(
        {}, optional={"value": maybe_empty, "type": texts, "display": maybe_empty}
    ),
    max_size=3,
)


@st.composite
def with_one_primary(draw: st.DrawFn) -> list[dict[str, Any]]:
    values = draw(entries)
    if values:
        primary = draw(st.integers(0, len(values) - 1))
        spelling: Any = draw(st.sampled_from([True, "True", False, "false", None]))
        values[primary] = {**values[primary], "primary": spelling}
    return values


user_documents = st.fixed_dictionaries(
    {"userName": texts},
    optional={
        "externalId": maybe_empty,
        "displayName": maybe_empty,
        "active": st.booleans(),
        "title": maybe_empty,
        "profileUrl": texts,
        "name": st.fixed_dictionaries({}, optional={"familyName": texts, "givenName": maybe_empty}),
        "emails": with_one_primary(),
        "roles": with_one_primary(),
        "addresses": st.lists(
            st.fixed_dictionaries({}, optional={"streetAddress": texts, "type": texts}), max_size=2
        ),
        URN: st.fixed_dictionaries(
            {},
            optional={
                "department": texts,
                "manager": st.fixed_dictionaries({}, optional={"value": texts, "$ref": texts}),
            },
        ),
    },
)
group_documents = st.fixed_dictionaries({"displayName": texts}, optional={"externalId": texts})

ON_USERS = [
    *("id", "externalId", "userName", "displayName", "title", "profileUrl", "name.familyName"),
    *("name.givenName", "emails", "emails.value", "emails.type", "roles", "roles.display"),
    *("addresses.streetAddress", "groups", "groups.value", "groups.type", "meta.resourceType"),
    *("schemas", f"{URN}:department", "department", f"{URN}:manager.$ref", "manager"),
    *("urn:ietf:params:scim:schemas:core:2.0:User:userName", "USERNAME"),
]
ON_GROUPS = [
    *("id", "externalId", "displayName", "members", "members.value", "members.type"),
    *("meta.resourceType", "schemas"),
]
BOOLEANS = ["active", "emails.primary", "roles.primary"]
COMPLEX = ["name", "emails", "addresses", "roles", "groups", "meta", f"{URN}:manager"]
PARTS = {
    "emails": ["value", "type", "display"],
    "roles": ["value", "type"],
    "addresses": ["streetAddress", "type"],
    "groups": ["value", "type"],
    "members": ["value", "type"],
    "schemas": ["value"],
}

operands = st.one_of(
    st.sampled_from(FEW), st.sampled_from([*TEXTS, "", *IDS, *GROUP_IDS, "User", "Group"])
)


def _text_terms(names: list[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds(
            lambda name, op, value: f"{name} {op} {ScimFilter.quote(value)}",
            st.sampled_from(names),
            st.sampled_from(NAMES),
            st.one_of(operands, operands, operands, st.none()),
        ),
        st.builds("{} pr".format, st.sampled_from(names)),
    )


def _boolean_terms(names: list[str]) -> st.SearchStrategy[str]:
    operand = st.sampled_from(["true", "false", '"True"', '"false"', "null"])
    operator = st.sampled_from(["eq", "ne"])
    return st.builds("{} {} {}".format, st.sampled_from(names), operator, operand)


def _combined(terms: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.recursive(
        terms,
        lambda inner: st.one_of(
            st.builds("not ({})".format, inner),
            st.builds("({}) and ({})".format, inner, inner),
            st.builds("({}) or ({})".format, inner, inner),
        ),
        max_leaves=4,
    )


def _selections(heads: list[str]) -> st.SearchStrategy[str]:
    def inside(head: str) -> st.SearchStrategy[str]:
        terms = _text_terms(PARTS[head])
        if head in {"emails", "roles"}:
            terms = st.one_of(terms, _boolean_terms(["primary"]))
        return st.builds(lambda inner: f"{head}[{inner}]", _combined(terms))

    return st.one_of(*(inside(head) for head in heads))


_instants = st.builds(
    "{} {} {}".format,
    st.sampled_from(["meta.created", "meta.lastModified"]),
    st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"]),
    st.sampled_from([*(f'"{instant}"' for instant in INSTANTS), "null"]),
)
_whole = st.builds(
    "{} {}".format,
    st.sampled_from(COMPLEX),
    st.sampled_from(["pr", "eq null", "ne null"]),
)
_entra = st.builds(
    lambda kind, op, value: f'emails[type eq "{kind}"].value {op} {ScimFilter.quote(value)}',
    st.sampled_from(["work", "HOME"]),
    st.sampled_from(["eq", "ne", "sw"]),
    operands,
)
user_filters = _combined(
    st.one_of(
        _text_terms(ON_USERS),
        _boolean_terms(BOOLEANS),
        _instants,
        _whole,
        _entra,
        _selections(["emails", "roles", "addresses", "groups", "schemas"]),
    )
)
group_filters = _combined(
    st.one_of(_text_terms(ON_GROUPS), _instants, _selections(["members", "schemas"]))
)
ticks = st.lists(st.sampled_from(MICROSECONDS), min_size=6, max_size=6)
belonging = st.sets(st.tuples(st.sampled_from(GROUP_IDS), st.sampled_from([*IDS, "group-9"])))
quick = settings(
    max_examples=150,
    phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes; add it to hunt a failure
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)


@pytest.fixture(scope="module")
def directory(engine: Engine) -> Iterator[Directory]:
    with directory_on(engine) as made:
        yield made


def fill(
    directory: Directory,
    users: list[dict[str, Any]],
    groups: list[dict[str, Any]],
    at: list[int],
    pairs: set[tuple[str, str]],
) -> None:
    directory.fill(
        [
            *(row(USER, IDS[n], document, at[n]) for n, document in enumerate(users)),
            *(row(GROUP, GROUP_IDS[n], document, at[n]) for n, document in enumerate(groups)),
        ],
        sorted((g, m, "Group" if m.startswith("group") else "User") for g, m in pairs),
    )


def assert_agree(directory: Directory, schema: ResourceSchema, filters: list[str]) -> None:
    for text in filters:
        assert directory.by_sql(schema, text) == directory.by_model(schema, text), text


@quick
@given(
    users=st.lists(user_documents, min_size=1, max_size=5),
    filters=st.lists(user_filters, min_size=8, max_size=8),
    at=ticks,
    pairs=belonging,
)
@example(
    users=[{"userName": "STRASSE"}, {"userName": "\u212a"}],
    filters=['userName eq "straße"', 'userName eq "k"', 'not (title co "x")'],
    at=[0] * 6,
    pairs=set(),
)
def test_a_filter_on_users_finds_what_it_finds_in_memory(
    directory: Directory,
    users: list[dict[str, Any]],
    filters: list[str],
    at: list[int],
    pairs: set[tuple[str, str]],
) -> None:
    fill(directory, users, [], at, pairs)
    assert_agree(directory, USER, filters)


@settings(quick, max_examples=80)
@given(
    groups=st.lists(group_documents, min_size=1, max_size=3),
    filters=st.lists(group_filters, min_size=8, max_size=8),
    at=ticks,
    pairs=belonging,
)
def test_a_filter_on_groups_finds_what_it_finds_in_memory(
    directory: Directory,
    groups: list[dict[str, Any]],
    filters: list[str],
    at: list[int],
    pairs: set[tuple[str, str]],
) -> None:
    fill(directory, [], groups, at, pairs)
    assert_agree(directory, GROUP, filters)


SORTABLE = [
    *("id", "userName", "externalId", "displayName", "active", "title", "name.familyName"),
    *("emails", "emails.type", "emails.primary", "roles.display", "addresses.streetAddress"),
    *("groups", "groups.value", "meta.created", "meta.lastModified", "meta.resourceType"),
    *("schemas", f"{URN}:department", f"{URN}:manager.value"),
]


@settings(quick, max_examples=80)
@given(
    users=st.lists(user_documents, min_size=2, max_size=6),
    orders=st.lists(st.tuples(st.sampled_from(SORTABLE), st.booleans()), min_size=6, max_size=6),
    at=ticks,
    pairs=belonging,
)
def test_users_are_sorted_as_they_are_in_memory(
    directory: Directory,
    users: list[dict[str, Any]],
    orders: list[tuple[str, bool]],
    at: list[int],
    pairs: set[tuple[str, str]],
) -> None:
    fill(directory, users, [], at, pairs)
    for sort_by, descending in orders:
        found = directory.sorted_by_sql(USER, sort_by, descending=descending)
        assert found == directory.sorted_by_model(USER, sort_by, descending=descending), sort_by


def test_a_twin_that_folds_case_by_lower_is_found_out(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "folded", str.lower)
    fill(directory, [{"userName": "Straße"}], [], [0] * 6, set())
    monkeypatch.undo()
    with pytest.raises(AssertionError):
        assert_agree(directory, USER, ['userName eq "STRASSE"'])


def test_a_twin_that_forgets_null_in_negations_is_found_out(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "negated", lambda condition: ~condition)
    fill(directory, [{"userName": "a"}], [], [0] * 6, set())
    with pytest.raises(AssertionError):
        assert_agree(directory, USER, ['not (title eq "x")'])


_QUOTED = st.text(st.characters(codec=None, exclude_categories=()), max_size=8)
_SPELLED = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["userName", "USERNAME", "externalId", "displayName", "title", "manager"]),
    st.sampled_from([" eq ", " eq ", " eq ", " EQ ", "  eq ", " eq", " co ", " pr and x eq "]),
    st.builds('"{}"'.format, _QUOTED),
    st.sampled_from(["", "", "", " ", ")", ' and id eq "x"']),
)


@given(text=st.one_of(_SPELLED, _SPELLED.map(lambda text: text.replace('"', "", 1))))
@example(text='userName eq "a\\u0041"')
@example(text='userName eq "a\x7f"')
@example(text='userName eq ""')
@example(text='userName eq "\x1f"')
@example(text='userName eq "\ud800"')
@example(text=f'userName eq "{"x" * 1_001}"')
def test_what_is_read_without_the_grammar_means_the_same_to_it(text: str) -> None:
    found = plain_equality(text)
    if found is not None:
        spelled = parse_filter(USER, text).ast
        if found[0] != "manager":  # short for manager.value: no name that is looked up
            assert spelled == Comparison(AttrPath(found[0]), CompareOperator.eq, found[1])


def test_what_clients_send_most_is_read_without_the_grammar() -> None:
    assert plain_equality('userName eq "Ada@example.org"') == ("userName", "Ada@example.org")
    assert plain_equality('externalId eq "\u00e9 (1)"') == ("externalId", "\u00e9 (1)")
    assert plain_equality('userName eq "a" and active eq true') is None
