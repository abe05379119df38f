"""Resources and assertions the conformance tests share."""

import itertools
from typing import Any

from tests.scim import SCIM_JSON, Answer, Scim

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

_number = itertools.count(1)


def unique(word: str) -> str:
    """A name no other test of this run uses."""
    return f"{word}-{next(_number)}"


def user(**attributes: Any) -> dict[str, Any]:
    """A User to POST; its userName is unique unless given."""
    return {"schemas": [USER], "userName": f"{unique('user')}@conformance.example", **attributes}


def created_user(scim: Scim, **attributes: Any) -> dict[str, Any]:
    answer = scim.post("/Users", user(**attributes))
    assert answer.status == 201, answer
    resource: dict[str, Any] = answer.json
    return resource


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": list(operations)}


def replace(path: str, value: Any) -> dict[str, Any]:
    """A PATCH body that replaces one attribute."""
    return patch({"op": "replace", "path": path, "value": value})


def user_names(answer: Answer) -> list[str]:
    """The userNames of a ListResponse, in its order."""
    assert answer.status == 200, answer
    return [resource["userName"] for resource in answer.json.get("Resources", [])]


def assert_error(answer: Answer, status: int, scim_type: str | None = None) -> None:
    """The answer is a SCIM error as RFC 7644 §3.12 shapes it, with a detail for a reader."""
    assert answer.status == status, answer
    assert answer.headers["content-type"].startswith(SCIM_JSON), answer
    assert answer.json["schemas"] == [ERROR]
    assert answer.json["status"] == str(status), "the status of an error body is a string"
    assert answer.json["detail"], "an administrator sees only the detail"
    if scim_type is not None:
        assert answer.json["scimType"] == scim_type, answer
