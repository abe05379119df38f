"""RFC 7644 §3.3 to §3.6 and §3.9: creating, reading, replacing, modifying, deleting, projecting."""

import pytest

from tests.conformance.resources import (
    ENTERPRISE,
    GROUP,
    USER,
    assert_error,
    created_user,
    patch,
    replace,
    unique,
    user,
)
from tests.scim import SCIM_JSON, Scim


def test_rfc7644_3_3_the_location_of_a_new_resource_leads_to_it(scim: Scim) -> None:
    answer = scim.post("/Users", user())
    assert answer.status == 201
    assert answer.headers["content-type"].startswith(SCIM_JSON)
    assert answer.headers["location"] == answer.json["meta"]["location"]
    path = answer.headers["location"].removeprefix(scim.base)
    assert scim.get(path).json == answer.json


def test_rfc7644_3_3_application_json_is_accepted_too(scim: Scim) -> None:
    assert scim.post("/Users", user(), headers={"Content-Type": "application/json"}).status == 201


def test_rfc7644_3_5_1_a_put_clears_what_it_leaves_out(scim: Scim) -> None:
    made = created_user(scim, displayName="Before", title="Engineer")
    body = {"schemas": [USER], "userName": made["userName"], "displayName": "After"}
    answer = scim.put(f"/Users/{made['id']}", body)
    assert answer.status == 200
    read = scim.get(f"/Users/{made['id']}").json
    assert read["displayName"] == "After"
    assert "title" not in read
    assert read["id"] == made["id"]


def test_rfc7644_3_5_1_a_put_does_not_create(scim: Scim) -> None:
    assert_error(scim.put("/Users/no-such-user", user()), 404)


def test_rfc7644_3_5_2_a_patch_is_done_as_a_whole_or_not_at_all(scim: Scim) -> None:
    made = created_user(scim, displayName="Whole")
    answer = scim.patch(
        f"/Users/{made['id']}",
        patch(
            {"op": "replace", "path": "displayName", "value": "Half"},
            {"op": "replace", "path": "id", "value": "another"},
        ),
    )
    assert_error(answer, 400, "mutability")
    assert scim.get(f"/Users/{made['id']}").json == made


def test_rfc7644_3_5_2_a_patch_without_operations_is_invalid_syntax(scim: Scim) -> None:
    made = created_user(scim)
    body = {"schemas": patch()["schemas"]}
    assert_error(scim.patch(f"/Users/{made['id']}", body), 400, "invalidSyntax")


def test_rfc7644_3_5_2_a_patch_of_an_unknown_resource_is_404(scim: Scim) -> None:
    assert_error(scim.patch("/Users/no-such-user", replace("displayName", "x")), 404)


def test_rfc7644_3_5_2_2_a_remove_without_a_path_has_no_target(scim: Scim) -> None:
    made = created_user(scim)
    assert_error(scim.patch(f"/Users/{made['id']}", patch({"op": "remove"})), 400, "noTarget")


def test_rfc7644_3_6_a_deleted_resource_is_gone(scim: Scim) -> None:
    path = f"/Users/{created_user(scim)['id']}"
    answer = scim.delete(path)
    assert (answer.status, answer.json) == (204, None)
    assert_error(scim.get(path), 404)
    assert_error(scim.delete(path), 404)


@pytest.mark.parametrize(
    ("attributes", "keys"),
    [
        ("userName", {"userName"}),
        ("USERNAME", {"userName"}),
        (f"{USER}:userName", {"userName"}),
        ("userName,displayName", {"userName", "displayName"}),
        ("name.givenName", {"name"}),
        (f"{ENTERPRISE}:department", {ENTERPRISE}),
        ("emails.value", {"emails"}),
        ("noSuchAttribute,title", {"title"}),
    ],
)
def test_rfc7644_3_9_attributes_are_returned_with_id_and_no_others(
    scim: Scim, attributes: str, keys: set[str]
) -> None:
    made = _full_user(scim)
    for said in (
        scim.get(f"/Users/{made['id']}", query={"attributes": attributes}).json,
        scim.get(
            "/Users", query={"filter": f'id eq "{made["id"]}"', "attributes": attributes}
        ).json["Resources"][0],
    ):
        assert said["id"] == made["id"]
        assert said.keys() - {"id", "schemas"} == keys
        assert said.get("name", {"givenName": "Given"}) == {"givenName": "Given"}
        assert said.get("emails", [{"value": "w@x.example"}]) == [{"value": "w@x.example"}]
        assert said.get(ENTERPRISE, {"department": "D"}) == {"department": "D"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_rfc7644_3_9_attributes_shape_the_answer_of_a_write(scim: Scim, method: str) -> None:
    made = _full_user(scim)
    path, body = f"/Users/{made['id']}", user(title="Engineer")
    if method == "POST":
        path = "/Users"
    elif method == "PATCH":
        body = replace("title", "Engineer")
    said = scim.send(method, path, body, query={"attributes": "title"}).json
    assert said.keys() - {"id", "schemas"} == {"title"}


def test_rfc7644_3_9_excluded_attributes_are_left_out_but_never_the_id(scim: Scim) -> None:
    made = _full_user(scim)
    excluded = f"id,NAME,emails.type,{ENTERPRISE}:department"
    said = scim.get(f"/Users/{made['id']}", query={"excludedAttributes": excluded}).json
    assert said["id"] == made["id"]
    assert "name" not in said
    assert said["emails"] == [{"value": "w@x.example"}]
    assert said[ENTERPRISE] == {"division": "V"}
    assert said["userName"] == made["userName"]


def test_rfc7644_3_9_excluded_members_are_absent_and_not_empty(scim: Scim) -> None:
    member = {"value": created_user(scim)["id"]}
    body = {"schemas": [GROUP], "displayName": unique("group"), "members": [member]}
    path = f"/Groups/{scim.post('/Groups', body).json['id']}"
    assert "members" not in scim.get(path, query={"excludedAttributes": "members"}).json
    assert [m["value"] for m in scim.get(path).json["members"]] == [member["value"]]


def _full_user(scim: Scim) -> dict[str, object]:
    return created_user(
        scim,
        schemas=[USER, ENTERPRISE],
        displayName="Full",
        title="Title",
        name={"givenName": "Given", "familyName": "Family"},
        emails=[{"type": "work", "value": "w@x.example"}],
        **{ENTERPRISE: {"department": "D", "division": "V"}},
    )
