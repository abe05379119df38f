"""RFC 7643 (resources and their attributes) where neither conformance tool looks."""

from datetime import UTC, datetime, timedelta

from tests.conformance.resources import ENTERPRISE, USER, created_user, replace, unique, user
from tests.scim import Scim


def test_rfc7643_2_1_attribute_names_of_a_body_are_case_insensitive(scim: Scim) -> None:
    name = f"{unique('case')}@conformance.example"
    body = {"schemas": [USER], "USERNAME": name, "DisplayName": "Any Case"}
    answer = scim.post("/Users", body)
    assert answer.status == 201, answer
    read = scim.get(f"/Users/{answer.json['id']}").json
    assert (read["userName"], read["displayName"]) == (name, "Any Case")


def test_rfc7643_2_5_null_and_an_empty_array_are_unassigned(scim: Scim) -> None:
    made = created_user(scim, displayName=None, title=None, emails=[])
    read = scim.get(f"/Users/{made['id']}").json
    assert read.keys().isdisjoint({"displayName", "title"})
    assert not read.get("emails")


def test_rfc7643_3_1_an_id_and_meta_of_the_client_are_ignored(scim: Scim) -> None:
    made = created_user(
        scim, id="mine", meta={"created": "2001-01-01T00:00:00Z", "resourceType": "Group"}
    )
    assert made["id"] != "mine"
    assert made["meta"]["resourceType"] == "User"
    assert not made["meta"]["created"].startswith("2001")


def test_rfc7643_3_1_meta_holds_type_times_place_and_version(scim: Scim) -> None:
    made = created_user(scim)
    meta = made["meta"]
    assert meta["resourceType"] == "User"
    assert meta["location"] == f"{scim.base}/Users/{made['id']}"
    assert meta["created"] == meta["lastModified"]
    created = datetime.fromisoformat(meta["created"])
    assert created.utcoffset() == timedelta(0)
    assert created > datetime(2020, 1, 1, tzinfo=UTC)
    assert meta["version"].startswith('W/"')


def test_rfc7643_3_1_last_modified_rises_with_a_change_and_created_stays(scim: Scim) -> None:
    made = created_user(scim)
    scim.patch(f"/Users/{made['id']}", replace("displayName", "Changed"))
    meta = scim.get(f"/Users/{made['id']}").json["meta"]
    assert meta["created"] == made["meta"]["created"]
    before = datetime.fromisoformat(made["meta"]["lastModified"])
    assert datetime.fromisoformat(meta["lastModified"]) > before
    assert meta["version"] != made["meta"]["version"]


def test_rfc7643_3_3_schemas_name_an_extension_that_holds_values(scim: Scim) -> None:
    made = created_user(scim, schemas=[USER, ENTERPRISE], **{ENTERPRISE: {"department": "Sales"}})
    assert set(made["schemas"]) == {USER, ENTERPRISE}
    assert made[ENTERPRISE] == {"department": "Sales"}
    assert created_user(scim)["schemas"] == [USER]


def test_rfc7643_4_1_1_a_password_is_never_returned(scim: Scim) -> None:
    answer = scim.post("/Users?attributes=userName,password", user(password="s3cret-Canary"))
    assert answer.status == 201, answer
    asked = scim.get(f"/Users/{answer.json['id']}", query={"attributes": "password"})
    for said in (answer.json, asked.json, scim.get(f"/Users/{answer.json['id']}").json):
        assert "password" not in said
        assert "s3cret-Canary" not in str(said)
