"""A leaver is out, whoever spells it and however (ABUSE G10, G11, G13)."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.abuse.evidence import Evidence
from tests.abuse.resources import (
    USER,
    assert_refused,
    created,
    group,
    patch,
    replace,
    unique,
    user,
)
from tests.scim import Scim

FALSE: list[Any] = [False, "False", "false", "FALSE", " false ", 0]
FORMS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "path": lambda value: patch({"op": "replace", "path": "active", "value": value}),
    "path, Replace": lambda value: patch({"op": "Replace", "path": "active", "value": value}),
    "path, REPLACE, Active": lambda v: patch({"op": "REPLACE", "path": "Active", "value": v}),
    "path, add": lambda value: patch({"op": "Add", "path": "active", "value": value}),
    "no path": lambda value: patch({"op": "replace", "value": {"active": value}}),
    "no path, ACTIVE": lambda value: patch({"op": "Replace", "value": {"ACTIVE": value}}),
    "URN": lambda value: patch({"op": "replace", "path": f"{USER}:active", "value": value}),
    "dotted URN": lambda value: patch({"op": "replace", "path": f"{USER}.active", "value": value}),
    "no path, URN": lambda value: patch({"op": "replace", "value": {f"{USER}:active": value}}),
    "wrapped": lambda v: patch({"op": "replace", "path": "active", "value": [{"value": v}]}),
    "beside a typo": lambda v: patch({"op": "replace", "value": {"aktive": 1, "active": v}}),
    "beside another": lambda v: patch(
        {"op": "replace", "path": "nickNam", "value": "x"},
        {"op": "replace", "path": "active", "value": v},
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", FALSE, ids=repr)
def test_g10_every_spelling_of_false_deactivates(
    scim: Scim, evidence: Evidence, form: str, value: Any
) -> None:
    made = created(scim, user())
    answer = scim.patch(f"/Users/{made['id']}", FORMS[form](value))
    assert (answer.status, answer.json["active"]) == (200, False)
    assert evidence.topics(made["id"]) == ["user.created", "user.deactivated"]
    assert scim.get(f"/Users/{made['id']}").json["active"] is False


@pytest.mark.parametrize("value", FALSE, ids=repr)
def test_g10_a_put_and_a_post_deactivate_too(scim: Scim, evidence: Evidence, value: Any) -> None:
    made = created(scim, user())
    put = scim.put(f"/Users/{made['id']}", {**user(userName=made["userName"]), "active": value})
    assert put.json["active"] is False
    assert evidence.topics(made["id"]) == ["user.created", "user.deactivated"]
    assert created(scim, user(active=value))["active"] is False


@pytest.mark.parametrize(
    "value", ["no", "disabled", "falsch", "0", "False;", 2, -1, 0.0, 1.5, {"x": 1}, [0, 1]],
    ids=repr,
)  # fmt: skip
def test_g10_what_is_no_boolean_is_refused(scim: Scim, evidence: Evidence, value: Any) -> None:
    made = created(scim, user())
    with evidence.nothing_happens():
        for form, body in FORMS.items():
            if form != "wrapped":
                answer = scim.patch(f"/Users/{made['id']}", body(value))
                assert_refused(answer, 400, "invalidValue")
        assert_refused(scim.post("/Users", user(active=value)), 400, "invalidValue")
        put = scim.put(f"/Users/{made['id']}", user(active=value))
        assert_refused(put, 400, "invalidValue")


def test_g11_a_leaver_is_seen_to_have_left_at_once(scim: Scim, evidence: Evidence) -> None:
    made = created(scim, user())
    off = replace("active", False)
    for _ in range(3):
        assert scim.patch(f"/Users/{made['id']}", off).json["active"] is False
        assert scim.get(f"/Users/{made['id']}").json["active"] is False
        found = scim.get("/Users", query={"filter": f'userName eq "{made["userName"]}"'}).json
        assert found["Resources"][0]["active"] is False
    assert evidence.topics(made["id"]) == ["user.created", "user.deactivated"], "exactly once"
    assert scim.delete(f"/Users/{made['id']}").status == 204
    for answer in (
        scim.get(f"/Users/{made['id']}"),
        scim.patch(f"/Users/{made['id']}", replace("active", True)),
        scim.put(f"/Users/{made['id']}", user()),
        scim.delete(f"/Users/{made['id']}"),
    ):
        assert_refused(answer, 404)
    assert evidence.topics(made["id"])[-1] == "user.deleted"


def test_g13_a_remove_without_a_path_has_no_target(scim: Scim, evidence: Evidence) -> None:
    for endpoint, made in (
        ("/Users", created(scim, user())),
        ("/Groups", created(scim, group(created(scim, user())["id"]))),
    ):
        with evidence.nothing_happens():
            for operation in ({}, {"path": ""}, {"path": None}, {"value": {"displayName": None}}):
                answer = scim.patch(
                    f"{endpoint}/{made['id']}", patch({"op": "remove", **operation})
                )
                assert_refused(answer, 400, "noTarget")


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "userName", "value": None},
        {"op": "replace", "path": "userName", "value": ""},
        {"op": "replace", "value": {"userName": None}},
        {"op": "remove", "path": "userName"},
        {"op": "remove", "path": f"{USER}:userName"},
    ],
)
def test_g13_a_user_never_loses_its_name(
    scim: Scim, evidence: Evidence, operation: dict[str, Any]
) -> None:
    made = created(scim, user())
    with evidence.nothing_happens():
        answer = scim.patch(f"/Users/{made['id']}", patch(operation))
        assert answer.status == 400
        assert answer.json["scimType"] in ("invalidValue", "mutability")


def test_g13_one_value_at_most_is_primary(scim: Scim, evidence: Evidence) -> None:
    first, second = unique("mail"), unique("mail")
    made = created(scim, user(emails=[{"value": first, "type": "work", "primary": True}]))
    added = {"value": second, "type": "home", "primary": True}
    for operation in (
        {"op": "add", "path": "emails", "value": [added]},
        {"op": "replace", "path": f'emails[value eq "{first}"].primary', "value": True},
    ):
        answer = scim.patch(f"/Users/{made['id']}", patch(operation))
        assert answer.status == 200, answer
        primary = [e["value"] for e in answer.json["emails"] if e.get("primary") is True]
        assert len(primary) == 1, answer.json
    with evidence.nothing_happens():
        both = user(emails=[{"value": first, "primary": True}, added])
        assert_refused(scim.post("/Users", both), 400, "invalidValue")
        assert_refused(scim.put(f"/Users/{made['id']}", both), 400, "invalidValue")
