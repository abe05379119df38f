"""What a client is told that the mass-change guard stops (ABUSE G16)."""

from domain.guard import Guard
from domain.handlers.realms import change_realm
from tests.api.test_undo import AUDIT, SCIM, opened_desk
from tests.engines import Engine


def test_g16_every_way_to_lose_a_user_is_403_without_a_keyword(engine: Engine) -> None:
    with opened_desk(engine) as desk:
        first, second, third = (desk.user(userName=f"user {n}")["id"] for n in range(3))
        then = desk.newest()
        cause = desk.house.cause()
        change_realm(cause, desk.house.log, lambda realm: Guard.setting(realm.guard, 40, 1, 10))
        assert desk.send("DELETE", f"{SCIM}/Users/{first}").status_code == 204
        desk.send("PUT", f"{SCIM}/Users/{third}", {"userName": "user 2", "title": "Dr"})
        path = f"{SCIM}/Users/{second}"
        operation = {"op": "Replace", "path": "active", "value": "False"}
        patch = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}
        pathless = {"op": "replace", "value": {"active": False}}
        before = None
        for method, body in (
            ("DELETE", None),
            ("PUT", {"userName": "user 1", "active": False}),
            ("PATCH", {**patch, "Operations": [operation]}),
            ("PATCH", {**patch, "Operations": [pathless]}),
        ):
            answer = desk.send(method, path, body)
            assert answer.status_code == 403
            assert answer.headers["content-type"].startswith("application/scim+json")
            assert "scimType" not in answer.json()
            assert "1 of 3 users were deactivated or deleted" in answer.json()["detail"]
            assert "rollbook realm guard acme --lift" in answer.json()["detail"]
            assert before in (None, desk.house.rows()), "the trip is recorded once"
            before = desk.house.rows()
        assert desk.send("GET", path).json()["active"] is True
        back = desk.send("POST", f"{AUDIT}/Users/{third}/restore", {"to": then})
        assert (back.status_code, "title" in back.json()) == (200, False)
