"""What ADR 0006 and ADR 0010 promise about an answer, asked of a running server."""

from typing import Any

import pytest

from api.writing import SMALL_GROUP
from tests.conformance.resources import GROUP, assert_error, created_user, patch, unique, user
from tests.scim import Scim
from tests.serving import ServedRealm


@pytest.fixture(scope="module")
def scim(module_realm: ServedRealm) -> Scim:
    return module_realm.scim()


def created_group(scim: Scim, *members: str) -> dict[str, Any]:
    body = {
        "schemas": [GROUP],
        "displayName": unique("group"),
        "members": [{"value": member} for member in members],
    }
    answer = scim.post("/Groups", body)
    assert answer.status == 201, answer
    group: dict[str, Any] = answer.json
    return group


def member_ids(scim: Scim, group: dict[str, Any]) -> list[str]:
    read = scim.get(f"/Groups/{group['id']}").json
    return [member["value"] for member in read.get("members", [])]


def test_a_user_is_active_unless_the_client_says_otherwise(scim: Scim) -> None:
    assert created_user(scim)["active"] is True
    assert created_user(scim, active=False)["active"] is False


def test_a_put_without_active_does_not_enable_a_leaver(scim: Scim) -> None:
    leaver = created_user(scim, active=False, title="Clerk")
    body = user(userName=leaver["userName"])
    answer = scim.put(f"/Users/{leaver['id']}", body)
    assert answer.json["active"] is False
    assert "title" not in answer.json
    enabled = scim.put(f"/Users/{leaver['id']}", {**body, "active": True})
    assert enabled.json["active"] is True


def test_a_put_without_members_does_not_empty_a_group(scim: Scim) -> None:
    member = created_user(scim)["id"]
    group = created_group(scim, member)
    body = {"schemas": [GROUP], "displayName": unique("renamed")}
    assert scim.put(f"/Groups/{group['id']}", body).status == 200
    assert member_ids(scim, group) == [member]


@pytest.mark.parametrize("nobody", [[], None])
def test_a_put_that_names_no_members_empties_a_group(scim: Scim, nobody: Any) -> None:
    group = created_group(scim, created_user(scim)["id"])
    body = {"schemas": [GROUP], "displayName": group["displayName"], "members": nobody}
    assert scim.put(f"/Groups/{group['id']}", body).status == 200
    assert member_ids(scim, group) == []


def test_members_the_realm_does_not_have_are_skipped(scim: Scim) -> None:
    member, group = created_user(scim)["id"], created_group(scim)
    added = [{"value": "no-such-user"}, {"value": member}]
    answer = scim.patch(
        f"/Groups/{group['id']}", patch({"op": "add", "path": "members", "value": added})
    )
    assert answer.status == 200
    assert [found["value"] for found in answer.json["members"]] == [member]


def test_removing_from_members_removes_what_is_named(scim: Scim) -> None:
    ids = sorted(created_user(scim)["id"] for _ in range(3))
    group = created_group(scim, *ids)
    path = f"/Groups/{group['id']}"
    scim.patch(path, patch({"op": "remove", "path": "members", "value": []}))
    assert member_ids(scim, group) == ids
    scim.patch(path, patch({"op": "remove", "path": "members", "value": [{"value": ids[0]}]}))
    assert member_ids(scim, group) == ids[1:]
    scim.patch(path, patch({"op": "remove", "path": "members"}))
    assert member_ids(scim, group) == []


def test_a_patch_of_a_large_group_is_answered_without_it(scim: Scim) -> None:
    group = created_group(scim, *(created_user(scim)["id"] for _ in range(SMALL_GROUP)))
    path = f"/Groups/{group['id']}"
    small = scim.patch(path, patch({"op": "replace", "path": "externalId", "value": "x"}))
    assert (small.status, len(small.json["members"])) == (200, SMALL_GROUP)
    one_more = [{"value": created_user(scim)["id"]}]
    large = scim.patch(path, patch({"op": "add", "path": "members", "value": one_more}))
    assert (large.status, large.json) == (204, None)
    excluding = f"{path}?excludedAttributes=members"
    answer = scim.patch(excluding, patch({"op": "replace", "path": "externalId", "value": "y"}))
    assert (answer.status, answer.json["externalId"]) == (200, "y")


def test_a_password_is_discarded_and_an_unknown_attribute_ignored(scim: Scim) -> None:
    made = created_user(scim, password="hidden", shoeSize=43)
    assert "password" not in made
    assert "shoeSize" not in made
    operations = patch(
        {"op": "replace", "path": "shoeSize", "value": 44},
        {"op": "Replace", "path": "active", "value": "False"},
    )
    answer = scim.patch(f"/Users/{made['id']}", operations)
    assert (answer.status, answer.json["active"]) == (200, False)


def test_a_manager_is_not_looked_up(scim: Scim) -> None:
    urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    made = created_user(scim, **{urn: {"manager": {"value": "nobody-yet"}}})
    assert made[urn]["manager"] == {"value": "nobody-yet"}


@pytest.mark.parametrize("name", [" ada", "ada ", "a\u200bda", "a\nda", "\u202eada", "a\u2028da"])
def test_a_user_name_that_looks_like_another_is_refused(scim: Scim, name: str) -> None:
    assert_error(scim.post("/Users", user(userName=name)), 400, "invalidValue")


def test_a_shared_external_id_is_accepted(scim: Scim) -> None:
    shared = unique("external")
    created_user(scim, externalId=shared)
    created_user(scim, externalId=shared)
    found = scim.get("/Users", query={"filter": f'externalId eq "{shared}"'})
    assert found.json["totalResults"] == 2


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "scim_type"),
    [
        ("/Users?filter=" + "x" * 16_384, None, {}, 414, None),
        ("/Users/%2e%2e/Groups", None, {}, 404, None),
        ("/Users/a;b", None, {}, 404, None),
        ("/Users", b"{}", {"Content-Type": "text/plain"}, 415, None),
        ("/Users", b"{}", {"Content-Encoding": "gzip"}, 415, None),
        ("/Users", b'{"a":' * 33 + b"1" + b"}" * 33, {}, 400, "invalidSyntax"),
        ("/Users", b'{"userName":"a","USERNAME":"b"}', {}, 400, "invalidSyntax"),
        ("/Users", b'{"userName":NaN}', {}, 400, "invalidSyntax"),
        ("/Users", b'{"userName":"\xff"}', {}, 400, "invalidSyntax"),
        ("/Users", b'{"userName":"a\\u0000"}', {}, 400, "invalidValue"),
        ("/Users", b'{"userName":"a\\ud800"}', {}, 400, "invalidValue"),
        ("/Users", b'{"userName":"' + b"a" * 8_193 + b'"}', {}, 400, "invalidValue"),
        ("/Users", b'{"userName":"a","emails":[' + b"1," * 1_000 + b"1]}", {}, 400, "invalidValue"),
        ("/Users?attributes=" + "a," * 101, None, {}, 400, "invalidValue"),
        ("/Users?filter=" + "(" * 21 + "id%20pr" + ")" * 21, None, {}, 400, "invalidFilter"),
    ],
)
def test_the_edge_answers_as_adr_0010_says(
    scim: Scim,
    *,
    path: str,
    body: bytes | None,
    headers: dict[str, str],
    status: int,
    scim_type: str | None,
) -> None:
    method = "GET" if body is None else "POST"
    sent = {"Content-Type": "application/scim+json", **headers} if body else headers
    assert_error(scim.send(method, path, body, headers=sent), status, scim_type)


def test_more_operations_than_allowed_are_refused(scim: Scim) -> None:
    made = created_user(scim)
    operation = {"op": "replace", "path": "title", "value": "x"}
    assert_error(scim.patch(f"/Users/{made['id']}", patch(*[operation] * 501)), 413)
