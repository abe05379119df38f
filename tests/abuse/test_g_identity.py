"""Who somebody is cannot be written by somebody else (ABUSE G1 to G8, G12, G18)."""

import unicodedata
from typing import Any
from uuid import uuid4

import pytest

from tests.abuse.evidence import Evidence
from tests.abuse.resources import (
    ENTERPRISE,
    add_member,
    assert_refused,
    created,
    group,
    patch,
    replace,
    unique,
    user,
)
from tests.scim import Scim

RIGHTS = ("realms", "clients", "credentials", "key_checks")
"""The tables that say who may do what."""

FORGED: dict[str, Any] = {
    "id": str(uuid4()),
    "meta": {"created": "2001-01-01T00:00:00Z", "version": 'W/"9-x"', "location": "http://evil"},
    "groups": [{"value": str(uuid4())}],
    "tenant": "other",
    "createdBy": "admin",
    "isAdmin": True,
    "scopes": ["scim.write", "audit.read"],
    "urn:example:console:2.0:User": {"role": "admin"},
}


def test_g1_what_only_the_service_provider_says_is_ignored(scim: Scim, evidence: Evidence) -> None:
    before = {name: digest for name, digest in evidence.contents().items() if name in RIGHTS}
    roles = [{"value": "admin"}]
    made = created(scim, user(**FORGED, roles=roles))
    put = scim.put(f"/Users/{made['id']}", user(**FORGED, roles=roles, title="x")).json
    for seen in (made, put):
        assert seen["id"] == made["id"] != FORGED["id"]
        assert seen["meta"]["created"] == made["meta"]["created"] > "2002"
        assert "evil" not in repr(seen["meta"])
        unknown = [name for name in FORGED if name not in ("id", "meta", "schemas")]
        assert not [name for name in unknown if name in seen]
        assert seen["roles"] == roles, "a role is data of the client and no right here"
    mine = [r for r in evidence.events() if r.stream_id == made["id"]]
    for recorded in mine:
        assert {"tenant", "createdBy", "isAdmin", "scopes"} <= {w.path for w in recorded.warnings}
    after = evidence.contents()
    assert before == {name: after[name] for name in RIGHTS}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", str(uuid4())),
        ("meta.created", "2001-01-01T00:00:00Z"),
        ("meta", {"version": "x"}),
        ("groups", [{"value": "x"}]),
        ('groups[value eq "x"].display', "x"),
        ("urn:ietf:params:scim:schemas:core:2.0:User:id", "x"),
        ("ID", "x"),
    ],
)
@pytest.mark.parametrize("op", ["add", "replace", "remove"])
def test_g2_a_patch_of_what_is_read_only_is_refused(
    scim: Scim, evidence: Evidence, op: str, path: str, value: Any
) -> None:
    made = created(scim, user())
    with evidence.nothing_happens():
        answer = scim.patch(
            f"/Users/{made['id']}",
            patch(
                {"op": "replace", "path": "title", "value": "half"},
                {"op": op, "path": path, "value": value},
            ),
        )
        assert_refused(answer, 400, "mutability")


def test_g2_a_read_only_attribute_inside_a_value_has_no_effect(
    scim: Scim, evidence: Evidence
) -> None:
    made = created(scim, user())
    for value in ({"groups": FORGED["groups"]}, {"meta": FORGED["meta"]}):
        with evidence.nothing_happens():
            answer = scim.patch(f"/Users/{made['id']}", patch({"op": "replace", "value": value}))
            assert (answer.status, answer.json) == (200, made)
    with evidence.nothing_happens():
        other = patch({"op": "replace", "value": {"id": FORGED["id"], "title": "x"}})
        assert_refused(scim.patch(f"/Users/{made['id']}", other), 400, "mutability")


def test_g3_a_put_acts_on_the_path_and_not_on_the_body(scim: Scim) -> None:
    first, second = created(scim, user()), created(scim, user())
    answer = scim.put(f"/Users/{first['id']}", {**second, "userName": unique("put")})
    assert (answer.status, answer.json["id"]) == (200, first["id"])
    assert scim.get(f"/Users/{second['id']}").json == second


def test_g4_an_external_id_is_never_taken_for_an_id(scim: Scim) -> None:
    victim = created(scim, user())
    thief = created(scim, user(externalId=victim["id"]))
    numbered = created(scim, user(externalId="1"))
    assert thief["id"] != victim["id"]
    assert scim.get(f"/Users/{victim['id']}").json == victim
    assert_refused(scim.get("/Users/1"), 404)
    assert_refused(scim.delete("/Users/1"), 404)
    found = scim.get("/Users", query={"filter": f'id eq "{victim["id"]}"'}).json["Resources"]
    assert [resource["id"] for resource in found] == [victim["id"]]
    joined = created(scim, group("1", victim["id"]))
    assert [member["value"] for member in joined["members"]] == [victim["id"]]
    assert scim.delete(f"/Users/{victim['id']}").status == 204
    for kept in (thief, numbered):
        assert scim.get(f"/Users/{kept['id']}").status == 200


def test_g5_two_users_of_one_external_id_are_kept_apart(scim: Scim, evidence: Evidence) -> None:
    shared = unique("shared")
    first, second = (created(scim, user(externalId=shared)) for _ in range(2))
    assert first["id"] != second["id"]
    found = scim.get("/Users", query={"filter": f'externalId eq "{shared}"'}).json
    assert {resource["id"] for resource in found["Resources"]} == {first["id"], second["id"]}
    warned = {r.stream_id: [w.code for w in r.warnings] for r in evidence.events()}
    assert warned[first["id"]] == []
    assert warned[second["id"]] == ["shared-external-id"]


SAME_NAME = {
    "case": ("Anna", "aNNA"),
    "accented case": ("Ärger", "äRGER"),
    "decomposed": ("café", unicodedata.normalize("NFD", "café")),
    "full width": ("Anna", "Ａｎｎａ"),  # noqa: RUF001  # that it looks alike is the attack
    "sharp s": ("straße", "STRASSE"),
    "capital sharp s": ("straße", "STRAẞE"),
    "Kelvin sign": ("Kelvin", "\N{KELVIN SIGN}elvin"),
    "ligature": ("office", "oﬃce"),
    "long s": ("sum", "\N{LATIN SMALL LETTER LONG S}um"),
    "final sigma": ("ΟΔΟΣ", "οδος"),
    "Angstrom sign": ("Ångström", "\N{ANGSTROM SIGN}ngström"),
    "circled digit": ("user1", "user①"),
}


@pytest.mark.parametrize("spelling", SAME_NAME)
def test_g6_two_spellings_are_one_user_name(scim: Scim, evidence: Evidence, spelling: str) -> None:
    tail = unique(".g6")
    first, second = (name + tail for name in SAME_NAME[spelling])
    made, other = created(scim, user(userName=first)), created(scim, user())
    with evidence.nothing_happens():
        assert_refused(scim.post("/Users", user(userName=second)), 409, "uniqueness")
        renaming = replace("userName", second)
        assert_refused(scim.patch(f"/Users/{other['id']}", renaming), 409, "uniqueness")
        assert_refused(scim.put(f"/Users/{other['id']}", user(userName=second)), 409, "uniqueness")
    found = scim.get("/Users", query={"filter": f'userName eq "{second}"'}).json
    assert [resource["id"] for resource in found["Resources"]] == [made["id"]]
    assert made["userName"] == first, "it is shown as it was written"


@pytest.mark.parametrize(
    "name",
    ["{}\u200b", "\u200d{}", "{}\ufeff", "\u202e{}", "a\x07{}", "{}\n", " {}", "{} ", "\u3000{}",
     "{}\xa0", "{}\u2028", "{}\xad", "{}\x7f", "\t{}"],
)  # fmt: skip
def test_g6_a_name_with_what_nobody_sees_is_refused(
    scim: Scim, evidence: Evidence, name: str
) -> None:
    made = created(scim, user())
    hidden = name.format(made["userName"])
    with evidence.nothing_happens():
        assert_refused(scim.post("/Users", user(userName=hidden)), 400, "invalidValue")
        renaming = replace("userName", hidden)
        assert_refused(scim.patch(f"/Users/{made['id']}", renaming), 400, "invalidValue")


def test_g6_a_trailing_dot_makes_another_name(scim: Scim) -> None:
    made = created(scim, user())
    assert created(scim, user(userName=made["userName"] + "."))["id"] != made["id"]


def test_g7_a_new_address_is_data_and_gives_no_right(scim: Scim, evidence: Evidence) -> None:
    victim = created(scim, user(emails=[{"value": unique("victim"), "primary": True}]))
    thief = created(scim, user())
    before = {name: digest for name, digest in evidence.contents().items() if name in RIGHTS}
    answer = scim.patch(
        f"/Users/{thief['id']}",
        patch(
            {"op": "replace", "path": "emails", "value": victim["emails"]},
            {"op": "replace", "path": "userName", "value": unique("thief")},
            {"op": "add", "value": {"emailVerified": True, "emails.verified": True}},
        ),
    )
    assert answer.status == 200
    assert answer.json["id"] == thief["id"]
    assert answer.json["emails"] == victim["emails"], "no word of being verified"
    assert scim.get(f"/Users/{victim['id']}").json == victim
    assert evidence.topics(thief["id"])[1:] == ["user.renamed", "user.attributes-changed"]
    after = evidence.contents()
    assert before == {name: after[name] for name in RIGHTS}


def test_g8_creating_a_user_that_exists_never_adopts_it(scim: Scim, evidence: Evidence) -> None:
    made = created(scim, user(externalId=unique("ext"), title="old", active=False))
    with evidence.nothing_happens():
        for again in (
            {**made, "title": "new", "active": True},
            user(userName=made["userName"].upper(), externalId=made["externalId"], title="new"),
            user(userName=made["userName"], id=made["id"]),
        ):
            assert_refused(scim.post("/Users", again), 409, "uniqueness")
    assert scim.get(f"/Users/{made['id']}").json == made


def test_g12_a_user_made_again_begins_anew(scim: Scim, evidence: Evidence) -> None:
    old = created(scim, user(externalId=unique("ext")))
    team = created(scim, group(old["id"]))
    assert scim.delete(f"/Users/{old['id']}").status == 204
    new = created(scim, user(userName=old["userName"], externalId=old["externalId"]))
    assert new["id"] != old["id"]
    assert "groups" not in new
    assert "members" not in scim.get(f"/Groups/{team['id']}").json
    assert evidence.topics(old["id"]) == ["user.created", "user.deleted"]
    assert evidence.topics(new["id"]) == ["user.created"]
    assert_refused(scim.get(f"/Users/{old['id']}"), 404)
    assert_refused(scim.patch(f"/Users/{old['id']}", replace("title", "x")), 404)


def test_g14_a_group_is_never_a_member_of_itself(scim: Scim, evidence: Evidence) -> None:
    team = created(scim, group())
    with evidence.nothing_happens():
        itself = scim.patch(f"/Groups/{team['id']}", add_member(team["id"]))
        assert_refused(itself, 400, "invalidValue")
        put = scim.put(f"/Groups/{team['id']}", group(team["id"]))
        assert_refused(put, 400, "invalidValue")


def test_g14_groups_that_hold_each_other_are_read_and_deleted_without_end(
    scim: Scim, evidence: Evidence
) -> None:
    first = created(scim, group())
    second = created(scim, group(first["id"]))
    assert scim.patch(f"/Groups/{first['id']}", add_member(second["id"])).status == 200
    assert scim.get(f"/Groups/{first['id']}").json["members"][0]["value"] == second["id"]
    assert scim.delete(f"/Groups/{first['id']}").status == 204
    assert "members" not in scim.get(f"/Groups/{second['id']}").json
    evidence.assert_consistent()


def test_g18_a_reference_is_made_by_the_service_provider(scim: Scim) -> None:
    member = created(scim, user())
    forged = {"value": member["id"], "$ref": "https://evil.example/x", "type": "Admin"}
    team = created(scim, group(members=[{**forged, "display": "root"}]))
    [shown] = scim.get(f"/Groups/{team['id']}").json["members"]
    assert shown["$ref"] == member["meta"]["location"]
    assert shown["type"] == "User"
    assert "evil" not in repr(scim.get(f"/Users/{member['id']}").json["groups"])


@pytest.mark.parametrize("sub", ["value", "$ref", "type"])
def test_g18_a_part_of_a_member_cannot_be_changed(scim: Scim, evidence: Evidence, sub: str) -> None:
    member = created(scim, user(**{ENTERPRISE: {"department": "x"}}))
    team = created(scim, group(member["id"]))
    with evidence.nothing_happens():
        for path in (f'members[value eq "{member["id"]}"].{sub}', f"members.{sub}"):
            answer = scim.patch(f"/Groups/{team['id']}", replace(path, "forged"))
            assert answer.status == 400, answer
            assert answer.json["scimType"] in ("mutability", "invalidPath")
