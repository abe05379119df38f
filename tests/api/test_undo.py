"""Undo over HTTP: who may, what is answered, and what is refused (issue 4)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.composition import Service
from api.settings import Settings
from domain.handlers.realms import change_realm, issue_token
from domain.instants import instant
from domain.realm import Realm
from tests.engines import Engine
from tests.houses import KEY, House, opened_house

SCIM = "/realms/acme/scim/v2"
AUDIT = "/realms/acme/audit/v1"
CLIENTS = {
    "undoer": ("scim.read", "scim.write", "audit.read"),
    "writer": ("scim.read", "scim.write"),
    "auditor": ("scim.read", "audit.read"),
    "reader": ("scim.read",),
}


@dataclass
class Desk:
    """The application, and a token for each kind of client."""

    house: House
    client: TestClient
    tokens: dict[str, str]

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        by = headers.pop("by", "undoer")
        sent = {"Authorization": f"Bearer {self.tokens[by]}", **headers}
        return self.client.request(method, path, json=body, headers=sent)

    def restore(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", f"{AUDIT}{path}/restore", body, **headers)

    def user(self, **says: Any) -> Any:
        return self.send("POST", f"{SCIM}/Users", {"userName": "ann", **says}).json()

    def newest(self) -> str:
        return instant(self.house.events()[-1].recorded_at)


@contextmanager
def opened_desk(engine: Engine) -> Iterator[Desk]:
    with opened_house(engine) as house:
        service = Service(Settings(), house.database, house.log.registry, KEY, house.log)
        tokens = {}
        for name, scopes in CLIENTS.items():
            change_realm(
                house.cause(), house.log, partial(Realm.add_client, client_id=name, scopes=scopes)
            )
            _, tokens[name], _ = issue_token(house.cause(), house.log, name, days=1)
        with TestClient(create_app(service)) as client:
            yield Desk(house, client, tokens)


@pytest.fixture
def desk(engine: Engine) -> Iterator[Desk]:
    with opened_desk(engine) as opened:
        yield opened


def test_a_restored_user_is_answered_as_it_stands_with_its_tag(desk: Desk) -> None:
    made = desk.user(title="Dr")
    path = f"/Users/{made['id']}"
    members = {"displayName": "Staff", "members": [{"value": made["id"]}]}
    group = desk.send("POST", f"{SCIM}/Groups", members).json()
    desk.send("DELETE", SCIM + path)
    answer = desk.restore(path)
    assert answer.status_code == 200
    assert answer.json()["title"] == "Dr"
    assert answer.json()["meta"]["created"] == made["meta"]["created"]
    assert [g["value"] for g in answer.json()["groups"]] == [group["id"]]
    again = desk.send("GET", SCIM + path)
    assert (answer.content, answer.headers["etag"]) == (again.content, again.headers["etag"])
    [recorded] = [r for r in desk.house.events() if r.event.topic == "user.restored"]
    cause = recorded.cause
    assert (cause.operation, cause.actor.id) == ("POST /Users/restore", "undoer")


def test_a_restored_group_is_answered_with_its_members(desk: Desk) -> None:
    ann = desk.user()["id"]
    members = {"displayName": "Staff", "members": [{"value": ann}]}
    group = desk.send("POST", f"{SCIM}/Groups", members).json()
    path = f"/Groups/{group['id']}"
    desk.send("DELETE", SCIM + path)
    answer = desk.restore(path, {})
    assert answer.status_code == 200
    assert [member["value"] for member in answer.json()["members"]] == [ann]


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("writer", "lacks the scope audit.read"),
        ("auditor", "lacks the scope scim.write"),
        ("reader", "lacks the scope scim.write and audit.read"),
    ],
)
def test_undo_needs_both_scopes_and_names_what_lacks(desk: Desk, by: str, words: str) -> None:
    path = f"/Users/{desk.user()['id']}"
    desk.send("DELETE", SCIM + path)
    before = desk.house.rows()
    answer = desk.restore(path, by=by)
    assert answer.status_code == 403
    assert words in answer.json()["detail"]
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="scim.write audit.read"' in challenge
    assert desk.house.rows() == before


def test_what_stands_against_it_is_one_clear_error(desk: Desk) -> None:
    path = f"/Users/{desk.user()['id']}"
    there = desk.restore(path)
    assert (there.status_code, "not deleted" in there.json()["detail"]) == (409, True)
    assert desk.restore("/Users/00000000-0000-7000-8000-000000000000").status_code == 404
    assert desk.restore(path.replace("Users", "Groups")).status_code == 404
    early = desk.restore(path, {"to": "2001-01-01T00:00:00Z"})
    assert early.status_code == 404
    assert "created at" in early.json()["detail"]
    desk.send("DELETE", SCIM + path)
    desk.user(userName="ANN")
    taken = desk.restore(path)
    assert (taken.status_code, taken.json()["scimType"]) == (409, "uniqueness")
    assert 'userName "ann"' in taken.json()["detail"]


@pytest.mark.parametrize(
    ("query", "body", "words"),
    [
        ("?to=2026-03-03T12:00:00", None, "no time zone"),
        ("?to=2999-03-03T12:00:00Z", None, "future"),
        ("?to=yesterday", None, "no instant"),
        ("", {"to": 7}, "instant"),
        ("", {"to": None}, "instant"),
        ("", {"at": "2026-03-03T12:00:00Z"}, "not at"),
        ("", {"members": "true"}, "true or false"),
        ("?members=yes", None, "true or false"),
        ("?members=true", None, "a group's"),
        ("?to=2026-03-03T12:00:00Z", {"to": "2026-03-03T12:00:00Z"}, "give it once"),
    ],
)
def test_a_wish_that_cannot_be_read_is_one_clear_error(
    desk: Desk, query: str, body: Any, words: str
) -> None:
    path = f"/Users/{desk.user()['id']}"
    desk.send("DELETE", SCIM + path)
    before = desk.house.rows()
    answer = desk.send("POST", f"{AUDIT}{path}/restore{query}", body)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]
    assert desk.house.rows() == before


def test_a_living_resource_is_put_back_by_body_or_by_query(desk: Desk) -> None:
    made = desk.user(title="Dr")
    path, then = f"/Users/{made['id']}", desk.newest()
    for query, body in (("", {"to": then}), (f"?to={then}", None)):
        desk.send("PUT", SCIM + path, {"userName": "anna"})
        answer = desk.send("POST", f"{AUDIT}{path}/restore{query}", body)
        assert answer.status_code == 200
        assert (answer.json()["userName"], answer.json()["title"]) == ("ann", "Dr")


def test_k7_an_old_tag_never_matches_after_a_restore(desk: Desk) -> None:
    made = desk.user()
    path, tags = f"/Users/{made['id']}", [made["meta"]["version"]]
    for _ in range(3):
        desk.send("DELETE", SCIM + path)
        tags.append(desk.restore(path).headers["etag"])
    *old, current = tags
    assert len(set(tags)) == len(tags)
    for tag in old:
        for method, body in (("PUT", {"userName": "x"}), ("DELETE", None)):
            refused = desk.send(method, SCIM + path, body, **{"If-Match": tag})
            assert refused.status_code == 412
        assert desk.send("GET", SCIM + path, **{"If-None-Match": tag}).status_code == 200
    desk.send("DELETE", SCIM + path)
    assert desk.restore(path, **{"If-Match": current}).status_code == 412
    assert desk.restore(path).status_code == 200


def test_every_version_of_a_coming_and_going_is_answered_as_it_was(desk: Desk) -> None:
    path = f"/Users/{desk.user()['id']}"
    answered: dict[str, bytes] = {}
    excluded = "?excludedAttributes=groups"
    for _ in range(2):
        answered[desk.newest()] = desk.send("GET", SCIM + path + excluded).content
        desk.send("DELETE", SCIM + path)
        gone = desk.newest()
        missing = desk.send("GET", f"{AUDIT}{path}?at={gone}")
        assert (missing.status_code, gone in missing.json()["detail"]) == (404, True)
        desk.restore(path)
    answered[desk.newest()] = desk.send("GET", SCIM + path + excluded).content
    for (at, body), version in zip(answered.items(), (1, 3, 5), strict=True):
        assert desk.send("GET", f"{AUDIT}{path}?at={at}").content == body
        assert desk.send("GET", f"{AUDIT}{path}?version={version}").content == body
