"""What the attacks send, and what every refusal must look like."""

import itertools
from typing import Any

from tests.scim import SCIM_JSON, Answer, Scim

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

_numbers = itertools.count(1)


def unique(word: str) -> str:
    """Return a name that no other test of this run uses."""
    return f"{word}-{next(_numbers)}@abuse.example"


def user(**attributes: Any) -> dict[str, Any]:
    """Return a user to POST; its userName is unique unless given."""
    return {"schemas": [USER], "userName": unique("user"), **attributes}


def group(*member_ids: str, **attributes: Any) -> dict[str, Any]:
    """Return a group to POST, with these members."""
    members = [{"value": id_} for id_ in member_ids]
    return {
        "schemas": [GROUP],
        "displayName": unique("group"),
        **({"members": members} if members else {}),
        **attributes,
    }


def created(scim: Scim, resource: dict[str, Any]) -> dict[str, Any]:
    """POST a user or a group and return what was answered."""
    endpoint = "/Groups" if resource["schemas"] == [GROUP] else "/Users"
    answer = scim.post(endpoint, resource)
    assert answer.status == 201, answer
    made: dict[str, Any] = answer.json
    return made


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    """Return a PATCH body."""
    return {"schemas": [PATCH], "Operations": list(operations)}


def replace(path: str, value: Any) -> dict[str, Any]:
    """Return a PATCH body that replaces one attribute."""
    return patch({"op": "replace", "path": path, "value": value})


def add_member(*ids: str) -> dict[str, Any]:
    """Return a PATCH body that adds members, as Entra writes it."""
    return patch({"op": "Add", "path": "members", "value": [{"value": id_} for id_ in ids]})


def assert_refused(answer: Answer, status: int, scim_type: str | None = None) -> None:
    """The answer is a SCIM error with this status and keyword, and a detail for a reader."""
    assert answer.status == status, answer
    assert answer.headers["content-type"].startswith(SCIM_JSON), answer
    assert answer.json["schemas"] == [ERROR]
    assert answer.json["status"] == str(status)
    assert answer.json["detail"]
    assert answer.json.get("scimType") == scim_type, answer


def told(answer: Answer, *names: str) -> tuple[int, str]:
    """Return everything an answer tells; each of ``names`` is written as one word.

    Two answers that differ in nothing but what the client itself named are then equal.
    """
    headers = {name: value for name, value in answer.headers.items() if name != "date"}
    text = repr((headers, answer.json))
    for name in names:
        text = text.replace(name, "<name>")
    return answer.status, text
