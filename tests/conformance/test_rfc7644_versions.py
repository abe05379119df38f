"""RFC 7644 §3.14: a version is an ETag, and a condition on it is kept."""

import pytest

from tests.conformance.resources import assert_error, created_user, replace, user
from tests.scim import Scim


def test_rfc7644_3_14_the_etag_is_the_version_of_the_resource(scim: Scim) -> None:
    created = scim.post("/Users", user())
    path = f"/Users/{created.json['id']}"
    for answer in (created, scim.get(path), scim.patch(path, replace("title", "T"))):
        assert answer.headers["etag"] == answer.json["meta"]["version"]
        assert answer.headers["etag"].startswith('W/"')


@pytest.mark.parametrize("condition", ["{version}", "*", 'W/"another", {version}'])
def test_rfc7644_3_14_an_unchanged_resource_is_not_sent_again(scim: Scim, condition: str) -> None:
    made = created_user(scim)
    version = made["meta"]["version"]
    headers = {"If-None-Match": condition.format(version=version)}
    answer = scim.get(f"/Users/{made['id']}", headers=headers)
    assert (answer.status, answer.json) == (304, None)
    assert answer.headers["etag"] == version


def test_rfc7644_3_14_a_changed_resource_is_sent_again(scim: Scim) -> None:
    made = created_user(scim)
    path = f"/Users/{made['id']}"
    scim.patch(path, replace("title", "Changed"))
    answer = scim.get(path, headers={"If-None-Match": made["meta"]["version"]})
    assert answer.status == 200
    assert answer.json["title"] == "Changed"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_rfc7644_3_14_a_write_on_a_stale_version_changes_nothing(scim: Scim, method: str) -> None:
    made = created_user(scim)
    path = f"/Users/{made['id']}"
    scim.patch(path, replace("title", "Mine"))
    current = scim.get(path).json
    answer = scim.send(
        method, path, _body(method, made), headers={"If-Match": made["meta"]["version"]}
    )
    assert_error(answer, 412)
    assert scim.get(path).json == current


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("condition", ["{version}", "*", 'W/"another", {version}'])
def test_rfc7644_3_14_a_write_on_the_present_version_is_done(
    scim: Scim, method: str, condition: str
) -> None:
    made = created_user(scim)
    path = f"/Users/{made['id']}"
    headers = {"If-Match": condition.format(version=made["meta"]["version"])}
    assert scim.send(method, path, _body(method, made), headers=headers).status in (200, 204)
    after = scim.get(path)
    assert after.status == 404 if method == "DELETE" else after.json["title"] == "Written"


def test_rfc7644_3_14_a_write_that_changes_nothing_keeps_the_version(scim: Scim) -> None:
    made = created_user(scim, title="Same")
    path = f"/Users/{made['id']}"
    scim.patch(path, replace("title", "Same"))
    scim.put(path, made)
    assert scim.get(path).json["meta"] == made["meta"]


def _body(method: str, made: dict[str, object]) -> dict[str, object] | None:
    bodies = {
        "PUT": user(userName=made["userName"], title="Written"),
        "PATCH": replace("title", "Written"),
    }
    return bodies.get(method)
