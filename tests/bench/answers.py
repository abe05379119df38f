"""Is the answer true? A right status with a wrong body is an error.

Every function raises `WrongAnswer` with what was wanted and what came.
"""

from collections.abc import Collection
from typing import Any

import orjson

from .entra_users import ENTERPRISE, EntraUser
from .wire import Answer, WrongAnswer


def expect_status(answer: Answer, *statuses: int) -> None:
    if answer.status not in statuses:
        text = " ".join(answer.body[:200].decode("utf-8", "replace").split())
        raise WrongAnswer(f"status {answer.status}, want {statuses}: {text}")


def document(answer: Answer, *statuses: int) -> dict[str, Any]:
    """The JSON object of an answer with one of the statuses."""
    expect_status(answer, *statuses)
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise WrongAnswer(f"not JSON: {answer.body[:80]!r}") from error
    if not isinstance(body, dict):
        raise WrongAnswer(f"not an object: {answer.body[:80]!r}")
    return body


def expect_equal(what: str, got: object, wanted: object) -> None:
    if got != wanted:
        raise WrongAnswer(f"{what} is {got!r}, want {wanted!r}"[:300])


def expect_user(body: dict[str, Any], user: EntraUser) -> None:
    """The attributes the bench changes and looks up by."""
    if user.id:
        expect_equal("id", body.get("id"), user.id)
    expect_equal("userName", body.get("userName"), user.user_name)
    expect_equal("externalId", body.get("externalId"), user.external_id)
    expect_equal("displayName", body.get("displayName"), user.display_name)
    expect_equal("active", body.get("active"), user.active)
    expect_equal("emails", [e.get("value") for e in body.get("emails") or ()], [user.email])


def expect_echo(body: dict[str, Any], sent: dict[str, Any]) -> None:
    """Every attribute of a POST comes back, with what the server adds (id, meta, `$ref`)."""
    for name, value in sent.items():
        got = body.get(name)
        if name in ("schemas", "meta"):
            continue
        if name == ENTERPRISE:
            expect_covers(name, got, value)
        elif isinstance(value, list):
            pairs = [(x.get("type"), x.get("value")) for x in got or ()]
            expect_equal(name, sorted(pairs), sorted((x["type"], x["value"]) for x in value))
        elif isinstance(value, dict):
            expect_covers(name, got, value)
        else:
            expect_equal(name, got, value)


def expect_covers(what: str, got: object, wanted: dict[str, Any]) -> None:
    """`got` has at least the members of `wanted`."""
    if not isinstance(got, dict):
        raise WrongAnswer(f"{what} is {got!r}, want an object")
    for name, value in wanted.items():
        if isinstance(value, dict):
            expect_covers(f"{what}.{name}", got.get(name), value)
        else:
            expect_equal(f"{what}.{name}", got.get(name), value)


def expect_found(answer: Answer, wanted: Collection[str], page: int) -> list[dict[str, Any]]:
    """A list answer that found exactly the resources with the `wanted` ids, `page` at most here."""
    body = document(answer, 200)
    found: list[dict[str, Any]] = body.get("Resources") or []
    expect_equal("totalResults", body.get("totalResults"), len(wanted))
    expect_equal("number of Resources", len(found), min(page, len(wanted)))
    ids = {resource.get("id") for resource in found}
    expect_equal("number of distinct ids", len(ids), len(found))
    if not ids <= set(wanted):
        raise WrongAnswer(f"found {sorted(map(str, ids - set(wanted)))[:3]}, which do not match")
    return found


def expect_members(body: dict[str, Any], wanted: Collection[str]) -> None:
    got = [str(member.get("value")) for member in body.get("members") or ()]
    expect_equal("number of members", len(got), len(wanted))
    if set(got) != set(wanted):
        raise WrongAnswer(f"members differ: {sorted(set(got) ^ set(wanted))[:3]}")
