"""What If-Match may say, and what it may not achieve (ABUSE G19)."""

import pytest

from tests.abuse.evidence import Evidence
from tests.abuse.resources import assert_refused, created, replace, user
from tests.scim import Scim


def _tags(tag: str, count: int) -> str:
    return ", ".join([*(f'W/"{number}-00000000"' for number in range(count - 1)), tag])


def test_g19_an_if_match_that_names_the_present_version_is_heard(scim: Scim) -> None:
    made = created(scim, user())
    for number, header in enumerate(("*", "{}", "list")):
        tag = scim.get(f"/Users/{made['id']}").headers["etag"]
        sent = _tags(tag, 10) if header == "list" else header.format(tag)
        body = replace("title", str(number))
        answer = scim.patch(f"/Users/{made['id']}", body, headers={"If-Match": sent})
        assert answer.status == 200, (sent, answer)


@pytest.mark.parametrize(
    "header", ['W/"1-00000000"', '"*"', "W/*", '""', "garbage", '"', "W/", ",", "", " ", "**"]
)
def test_g19_an_if_match_that_names_no_version_changes_nothing(
    scim: Scim, evidence: Evidence, header: str
) -> None:
    made = created(scim, user())
    with evidence.nothing_happens():
        for method, body in (
            ("PATCH", replace("title", "x")),
            ("PUT", user()),
            ("DELETE", None),
        ):
            headers = {"If-Match": header}
            answer = scim.send(method, f"/Users/{made['id']}", body, headers=headers)
            assert answer.status in (400, 412), (method, answer)


def test_g19_an_absurd_if_match_is_refused(scim: Scim, evidence: Evidence) -> None:
    made = created(scim, user())
    with evidence.nothing_happens():
        for header in (_tags(made["meta"]["version"], 11), '"' + "x" * 5_000 + '"', "*," * 50):
            headers = {"If-Match": header}
            answer = scim.patch(f"/Users/{made['id']}", replace("title", "x"), headers=headers)
            assert_refused(answer, 400, "invalidValue")


def test_g19_a_star_means_a_resource_that_exists(scim: Scim) -> None:
    gone = created(scim, user())
    assert scim.delete(f"/Users/{gone['id']}", headers={"If-Match": "*"}).status == 204
    answer = scim.patch(f"/Users/{gone['id']}", replace("title", "x"), headers={"If-Match": "*"})
    assert answer.status in (404, 412), answer
