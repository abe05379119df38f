"""What a client sends as a password is discarded, and stands nowhere (ABUSE G9)."""

from typing import Any

import pytest

from tests.abuse.resources import (
    ENTERPRISE,
    USER,
    assert_refused,
    created,
    patch,
    replace,
    user,
)
from tests.engines import Engine
from tests.scim import Scim
from tests.serving import RunningServer

SECRET = "correct-horse-battery-staple"


def test_g9_a_password_is_discarded_and_stands_nowhere(
    engine: Engine, server: RunningServer, scim: Scim
) -> None:
    made = created(scim, user(password=SECRET))
    target = f"/Users/{made['id']}"
    answers = [
        scim.patch(target, replace("password", SECRET)),
        scim.patch(target, patch({"op": "add", "value": {"password": SECRET}})),
        scim.patch(target, patch({"op": "add", "value": {"PassWord": {"value": SECRET}}})),
        scim.patch(target, replace(f"{USER}:password", SECRET)),
        scim.patch(target, replace(f"{ENTERPRISE}:password", SECRET)),
        scim.put(target, {**user(), "password": SECRET, "name": {"password": SECRET}}),
        scim.put(target, {**user(), "password": [SECRET], ENTERPRISE: {"password": SECRET}}),
        scim.get(target, query={"attributes": "password,userName"}),
        scim.get(target, query={"attributes": f"{USER}:password"}),
    ]
    assert [answer.status for answer in answers] == [200] * len(answers)
    for answer in answers:
        assert "password" not in repr(answer).lower(), answer
        assert SECRET not in repr(answer)
    _assert_nowhere(engine, server, SECRET, beside=made["userName"])


@pytest.mark.parametrize("op", ["eq", "sw", "co", "ne", "gt"])
def test_g9_a_filter_is_no_oracle_for_passwords(scim: Scim, op: str) -> None:
    for name in ("password", f"{USER}:password", "PASSWORD"):
        answer = scim.get("/Users", query={"filter": f'{name} {op} "{SECRET}"'})
        assert_refused(answer, 400, "invalidFilter")
        assert SECRET not in repr(answer)
    assert_refused(scim.get("/Users", query={"filter": "password pr"}), 400, "invalidFilter")
    assert scim.get("/Users", query={"sortBy": "password"}).status == 400


def test_g9_a_password_inside_a_path_stands_nowhere(
    engine: Engine, server: RunningServer, scim: Scim
) -> None:
    made, secret = created(scim, user()), SECRET + "-in-a-path"
    answer = scim.patch(
        f"/Users/{made['id']}",
        patch(
            {"op": "replace", "path": "title", "value": "x"},
            {"op": "replace", "path": f'password[value eq "{secret}"]', "value": "x"},
        ),
    )
    assert answer.status in (200, 400)
    _assert_nowhere(engine, server, secret, beside=made["userName"])


def test_g9_what_is_never_returned_is_never_shown(scim: Scim) -> None:
    full: dict[str, Any] = {}
    for schema in scim.get("/Schemas").json["Resources"]:
        for attribute in schema["attributes"]:
            if attribute["returned"] == "never":
                full[attribute["name"]] = SECRET
    made = created(scim, user(**full, password=SECRET))
    names = ",".join(["password", *full])
    for query in ({}, {"attributes": names}):
        assert SECRET not in repr(scim.get(f"/Users/{made['id']}", query=query))


def _assert_nowhere(engine: Engine, server: RunningServer, secret: str, *, beside: str) -> None:
    """Fail unless what was sent beside the secret is in the files, and the secret in none."""
    found = 0
    for file in [*engine.files(server.database_url), server.log_path]:
        content = file.read_bytes()
        assert secret.encode() not in content, f"the password stands in {file.name}"
        found += beside.encode() in content
    assert found, "nothing at all stands there"
