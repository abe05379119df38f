"""One realm learns nothing of another and does nothing to it (ABUSE C1 to C5, C13)."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from projections.directory.g1.tables import groups, users
from tests.abuse.evidence import Evidence
from tests.abuse.resources import (
    ENTERPRISE,
    SEARCH,
    add_member,
    assert_refused,
    created,
    group,
    patch,
    replace,
    told,
    unique,
    user,
)
from tests.scim import Answer, Scim
from tests.serving import RunningServer, ServedRealm

REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "/Users", None),
    ("GET", "/Users/{id}", None),
    ("POST", "/Users", {"userName": "intruder"}),
    ("PUT", "/Users/{id}", {"userName": "intruder"}),
    ("PATCH", "/Users/{id}", replace("title", "intruder")),
    ("DELETE", "/Users/{id}", None),
    ("GET", "/Groups/{id}", None),
    ("POST", "/Groups", {"displayName": "intruder"}),
    ("PATCH", "/Groups/{id}", replace("displayName", "intruder")),
    ("DELETE", "/Groups/{id}", None),
    ("POST", "/.search", {"schemas": [SEARCH]}),
    ("GET", "", None),
    ("GET", "/Schemas", None),
    ("GET", "/ServiceProviderConfig", None),
]


@pytest.fixture(scope="module")
def canary(neighbour: Scim) -> dict[str, Any]:
    """A user of the other realm whose every value can be recognised."""
    word = unique("canary")
    return created(neighbour, user(userName=word, displayName=word, externalId=word, title=word))


@pytest.fixture(scope="module")
def canary_group(neighbour: Scim, canary: dict[str, Any]) -> dict[str, Any]:
    return created(neighbour, group(canary["id"], displayName=unique("canary-group")))


@pytest.mark.parametrize("sent", REQUESTS, ids=lambda sent: " ".join(sent[:2]))
def test_c1_a_token_of_one_realm_is_no_token_in_another_or_in_none(
    server: RunningServer,
    scim: Scim,
    canary: dict[str, Any],
    evidence: Evidence,
    sent: tuple[str, str, Any],
) -> None:
    (method, path, body), answers = sent, []
    target = path.replace("{id}", canary["id"])
    with evidence.nothing_happens():
        for slug in ("other", "no-such-realm"):
            base = f"{server.url}/realms/{slug}/scim/v2"
            for token in (scim.token, "rbt_not-a-token"):
                answer = Scim(base, token).send(method, target, body)
                assert_refused(answer, 401)
                assert 'error="invalid_token"' in answer.headers["www-authenticate"]
                # The length counts the name of the realm in the challenge, which is masked.
                answers.append(told(answer, slug))
    assert len(set(answers)) == 1, answers


@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
def test_c2_another_realms_user_looks_like_no_user(
    scim: Scim,
    canary: dict[str, Any],
    canary_group: dict[str, Any],
    evidence: Evidence,
    endpoint: str,
) -> None:
    body = {"userName": unique("intruder"), "displayName": unique("intruder")}
    nobody = str(uuid4())
    foreign = [canary["id"], canary_group["id"], Evidence(evidence.url, "other").realm]
    requests: list[tuple[str, Any]] = [
        ("GET", None),
        ("PUT", body),
        ("PATCH", replace("displayName", "intruder")),
        ("PATCH", patch()),
        ("PATCH", add_member(str(uuid4()))),
        ("DELETE", None),
    ]
    with evidence.nothing_happens():
        for method, content in requests:
            unknown = scim.send(method, f"{endpoint}/{nobody}", content)
            assert_refused(unknown, 404)
            for id_ in foreign:
                for headers in ({}, {"If-Match": "*"}, {"If-Match": canary["meta"]["version"]}):
                    same = scim.send(method, f"{endpoint}/{nobody}", content, headers=headers)
                    seen = scim.send(method, f"{endpoint}/{id_}", content, headers=headers)
                    assert told(seen, id_) == told(same, nobody), (method, headers)


def test_c3_a_name_taken_in_one_realm_is_free_in_another(scim: Scim, neighbour: Scim) -> None:
    person, team = user(externalId=unique("ext")), group(externalId=unique("ext"))
    for client in (scim, neighbour):
        created(client, person)
        created(client, team)
    assert_refused(scim.post("/Users", person), 409, "uniqueness")


def _warned(evidence: Evidence, id_: str) -> list[tuple[str, str]]:
    mine = [r for r in evidence.events() if r.stream_id == id_]
    return [(w.code, w.path) for r in mine for w in r.warnings]


def test_c4_a_foreign_member_is_skipped_as_an_unknown_one_is(
    scim: Scim, canary: dict[str, Any], evidence: Evidence
) -> None:
    known, nobody = created(scim, user())["id"], str(uuid4())
    seen = []
    for stranger in (canary["id"], nobody):
        by_post = created(scim, group(known, stranger))
        by_patch, by_put = created(scim, group()), created(scim, group())
        answers = [
            scim.patch(f"/Groups/{by_patch['id']}", add_member(known, stranger)),
            scim.put(f"/Groups/{by_put['id']}", {**group(known, stranger)}),
            scim.patch(f"/Groups/{by_put['id']}", add_member(stranger)),
        ]
        assert [answer.status for answer in answers] == [200, 200, 200]
        for made in (by_post, by_patch, by_put):
            assert evidence.members(made["id"]) == {known}
            shown = scim.get(f"/Groups/{made['id']}").json["members"]
            assert [member["value"] for member in shown] == [known]
            assert ("unknown-member", "members") in _warned(evidence, made["id"])
        seen.append([evidence.topics(made["id"]) for made in (by_post, by_patch, by_put)])
    assert seen[0] == seen[1], "a foreign id is told from an unknown one"


def test_c4_a_manager_is_kept_as_it_comes_and_never_looked_up(
    scim: Scim, canary: dict[str, Any]
) -> None:
    for stranger in (canary["id"], str(uuid4())):
        made = created(scim, user(**{ENTERPRISE: {"manager": {"value": stranger}}}))
        assert made[ENTERPRISE]["manager"] == {"value": stranger}
        changed = scim.patch(f"/Users/{made['id']}", replace(f"{ENTERPRISE}:manager", stranger))
        assert changed.json[ENTERPRISE]["manager"] == {"value": stranger}


def _everything(scim: Scim, query: dict[str, Any]) -> list[Answer]:
    """The same query in every way there is to ask it."""
    body = {"schemas": [SEARCH], **query}
    return [
        *(scim.get(path, query=query) for path in ("", "/Users", "/Groups")),
        *(scim.post(path, body) for path in ("/.search", "/Users/.search", "/Groups/.search")),
    ]


def test_c5_no_filter_reaches_into_another_realm(
    scim: Scim, canary: dict[str, Any], canary_group: dict[str, Any]
) -> None:
    created(scim, group(created(scim, user())["id"]))
    id_, word, team = canary["id"], canary["userName"], canary_group["id"]
    for text in (
        f'id eq "{id_}"',
        f'id eq "{team}"',
        f'userName eq "{word}"',
        f'externalId eq "{word}"',
        f'displayName co "{word}"',
        f'title eq "{word}"',
        f'members.value eq "{id_}"',
        f'members[value eq "{id_}"]',
        f'groups.value eq "{team}"',
        f'groups[value eq "{team}"]',
    ):
        answered = [
            answer for answer in _everything(scim, {"filter": text}) if answer.status == 200
        ]
        assert answered, text
        for answer in answered:
            assert answer.json["totalResults"] == 0, (text, answer)
            assert answer.json["Resources"] == []


def test_c5_totals_and_pages_count_the_own_realm_only(
    scim: Scim, canary: dict[str, Any], canary_group: dict[str, Any], evidence: Evidence
) -> None:
    created(scim, group(created(scim, user())["id"]))
    own = {
        endpoint: {
            row[0]
            for row in evidence.select(select(table.c.id).where(table.c.realm == evidence.realm))
        }
        for endpoint, table in {"/Users": users, "/Groups": groups}.items()
    }
    own[""] = own["/Users"] | own["/Groups"]
    secrets = [canary["userName"], canary_group["id"], canary_group["displayName"]]
    for endpoint, ids in own.items():
        for query in ({"sortBy": "displayName"}, {"filter": 'id pr and not (id eq "x")'}):
            found = scim.get(endpoint, query={**query, "count": 1000})
            assert found.json["totalResults"] == len(ids) <= 1000
            assert {resource["id"] for resource in found.json["Resources"]} == ids
            assert not [secret for secret in secrets if secret in repr(found)]


def test_c13_the_path_says_what_is_written_and_no_body_does(
    scim: Scim, neighbour: Scim, evidence: Evidence
) -> None:
    mine, bystander = created(scim, user()), created(scim, user())
    theirs, foreign = Evidence(evidence.url, "other"), created(neighbour, user())
    for victim in (foreign, bystander):
        hints = {
            "id": victim["id"],
            "meta": victim["meta"],
            "realm": theirs.realm,
            "tenant": "other",
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:example:tenant:other"],
        }
        sent = {**user(), **hints, "title": "written"}
        answer = scim.put(f"/Users/{mine['id']}", sent)
        assert (answer.status, answer.json["id"]) == (200, mine["id"])
        made = scim.post("/Users", {**hints, "userName": unique("made")})
        assert made.status == 201
        assert made.json["id"] != victim["id"]
        assert evidence.topics(victim["id"]) == ["user.created"], "the victim was written"
    assert scim.get(f"/Users/{bystander['id']}").json == bystander
    assert neighbour.get(f"/Users/{foreign['id']}").json == foreign


def test_c13_no_parameter_or_header_chooses_another_realm(
    scim: Scim, abused_realm: ServedRealm, canary: dict[str, Any], evidence: Evidence
) -> None:
    headers = {"X-Realm": "other", "X-Tenant-Id": "other", "X-Original-URL": "/realms/other/scim"}
    query = {"realm": "other", "tenant": "other", "id": canary["id"]}
    made = scim.post("/Users", user(), headers=headers, query=query)
    assert made.status == 201
    owner = evidence.select(select(users.c.realm).where(users.c.id == made.json["id"]))
    assert owner == [(evidence.realm,)]
    assert made.headers["location"].startswith(abused_realm.base)
