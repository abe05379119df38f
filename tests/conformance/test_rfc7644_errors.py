"""RFC 7644 §3.12: every refusal is a SCIM error, whichever layer makes it."""

import pytest

from tests.conformance.resources import assert_error, created_user, user
from tests.scim import SCIM_JSON, Scim


@pytest.mark.parametrize(
    "path",
    ["/Users/no-such-user", "/Groups/no-such-group", "/NoSuchType", "/Users/a/b/c"],
)
def test_rfc7644_3_12_nothing_there_is_a_scim_404(scim: Scim, path: str) -> None:
    assert_error(scim.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/Users", "POST"),
        ("PATCH", "/Users", "GET"),
        ("DELETE", "/Groups", "GET"),
        ("POST", "/Users/{id}", "PATCH"),
        ("POST", "/ServiceProviderConfig", "GET"),
        ("DELETE", "/Schemas", "GET"),
        ("PUT", "/ResourceTypes/User", "GET"),
    ],
)
def test_rfc7644_3_12_a_method_that_is_not_served_is_a_scim_405(
    scim: Scim, method: str, path: str, allowed: str
) -> None:
    path = path.format(id=created_user(scim)["id"])
    answer = scim.send(method, path, None if method in ("GET", "DELETE") else user())
    assert_error(answer, 405)
    # RFC 9110 §15.5.6: a 405 names what is allowed.
    methods = {word.strip() for word in answer.headers["allow"].split(",")}
    assert allowed in methods
    assert method not in methods


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data"])
def test_rfc7644_3_12_a_body_of_another_type_is_a_scim_415(scim: Scim, media_type: str) -> None:
    assert_error(scim.post("/Users", b"userName=x", headers={"Content-Type": media_type}), 415)


def test_rfc7644_3_12_a_body_over_one_mebibyte_is_a_scim_413(scim: Scim) -> None:
    answer = scim.post("/Users", user(displayName="x" * (1024 * 1024)))
    assert_error(answer, 413)


@pytest.mark.parametrize(
    "body", [b'{"userName": ', b"[]", b'"text"', b"", b'{"userName": "a", "userName": "b"}']
)
def test_rfc7644_3_12_a_body_that_is_no_resource_is_invalid_syntax(scim: Scim, body: bytes) -> None:
    answer = scim.post("/Users", body, headers={"Content-Type": SCIM_JSON})
    assert_error(answer, 400, "invalidSyntax")


def test_rfc7644_3_12_a_required_attribute_that_is_missing_is_named(scim: Scim) -> None:
    body = user()
    del body["userName"]
    answer = scim.post("/Users", body)
    assert_error(answer, 400, "invalidValue")
    assert "userName" in answer.json["detail"]


def test_rfc7644_3_12_a_user_name_that_is_taken_is_a_conflict(scim: Scim) -> None:
    made = created_user(scim)
    answer = scim.post("/Users", user(userName=made["userName"].upper()))
    assert_error(answer, 409, "uniqueness")
    assert "userName" in answer.json["detail"]


def test_rfc7644_2_a_request_without_a_token_is_a_scim_401_with_a_challenge(scim: Scim) -> None:
    answer = Scim(scim.base, token=None).get("/Users")
    assert_error(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")
