"""``rollbook replay restore`` as an operator runs it."""

from typing import Any

import pytest

from api.composition import Service, open_service
from api.settings import read_settings
from domain.cause import Actor, Cause
from domain.commands import CreateGroup, CreateUser, DeleteGroup, DeleteUser, ReplaceUser
from domain.handlers.groups import create_group, delete_group
from domain.handlers.users import create_user, delete_user, replace_user
from domain.instants import instant
from domain.patching import MemberDelta
from projections.realms import get_realm
from tests.api.cli.conftest import Rollbook


class Office:
    """Writes to the realm `acme` of the working directory as a client would."""

    def __init__(self) -> None:
        self.service: Service = open_service(read_settings())
        with self.service.database.reading() as connection:
            realm = get_realm(connection, "acme").realm
        self.cause = Cause(realm, Actor("client", "scim"), "c" * 32, "test")

    def do(self, handler: Any, kind: Any, *values: Any) -> str:
        return str(self.service.log.handle(handler, kind(self.cause, *values)).id)

    def now(self) -> str:
        return instant(self.service.log.events.read(0, 1_000)[-1][1].recorded_at)


@pytest.fixture
def office(rollbook: Rollbook) -> Any:
    rollbook("realm", "create", "acme")
    made = Office()
    yield made
    made.service.close()


def test_an_operator_brings_a_user_back(
    rollbook: Rollbook, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "grace")
    ann = office.do(create_user, CreateUser, {"userName": "ann"})
    staff = office.do(create_group, CreateGroup, {"displayName": "s"}, MemberDelta().adding([ann]))
    office.do(delete_user, DeleteUser, ann)
    done = rollbook("replay", "restore", "acme", "User", ann, "--json").value
    correlation = done.pop("correlation_id")
    assert done == {
        "realm": "acme",
        "resource_type": "User",
        "id": ann,
        "changed": True,
        "warnings": [],
    }
    *_, restored, joined = [r for _, r in office.service.log.events.read(0, 100)]
    assert [restored.event.topic, joined.stream_id] == ["user.restored", staff]
    assert joined.cause.causation_id == f"{ann}@3"
    assert restored.cause.actor == Actor("operator", "grace")
    assert restored.cause.operation == "rollbook replay restore"
    assert restored.cause.correlation_id == correlation


def test_a_group_comes_back_and_what_is_missing_is_said(rollbook: Rollbook, office: Office) -> None:
    ann = office.do(create_user, CreateUser, {"userName": "ann"})
    staff = office.do(create_group, CreateGroup, {"displayName": "s"}, MemberDelta().adding([ann]))
    office.do(delete_group, DeleteGroup, staff)
    office.do(delete_user, DeleteUser, ann)
    done = rollbook("replay", "restore", "acme", "group", staff)
    assert (done.status, done.err) == (0, "")
    assert f"Group {staff} is as it was." in done.out
    assert "members do not exist any more" in done.out


def test_attributes_are_put_back_to_an_instant(rollbook: Rollbook, office: Office) -> None:
    ann = office.do(create_user, CreateUser, {"userName": "ann"})
    then = office.now()
    office.do(replace_user, ReplaceUser, ann, {"userName": "anna"})
    command = ("replay", "restore", "acme", "User", ann, "--to", then)
    assert "is as it was" in rollbook(*command).out
    assert "is so already" in rollbook(*command).out
    assert office.service.log.user(office.cause.realm, ann).state.document["userName"] == "ann"


def test_a_refusal_is_one_line(rollbook: Rollbook, office: Office) -> None:
    ann = office.do(create_user, CreateUser, {"userName": "ann"})
    office.do(delete_user, DeleteUser, ann)
    office.do(create_user, CreateUser, {"userName": "ANN"})
    for options, words in (
        ((), 'userName "ann" already belongs'),
        (("--to", "2026-03-03T12:00:00"), "--to has no time zone"),
        (("--to", "2999-03-03T12:00:00Z"), "--to lies in the future"),
        (("--to", "2001-01-01T00:00:00Z"), "created at"),
        (("--members",), "a group's"),
    ):
        done = rollbook("replay", "restore", "acme", "User", ann, *options)
        assert (done.status, done.out) == (1, ""), options
        assert words in done.err
        assert done.err.count("\n") == 1
    nowhere = rollbook("replay", "restore", "nowhere", "User", ann)
    assert 'there is no realm "nowhere"' in nowhere.err
    assert rollbook("replay", "restore", "acme", "Realm", ann).status == 2
