"""A refused command, and one that fails half way, leave nothing behind (ADR 0003)."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert

from domain.commands import (
    CreateGroup,
    CreateUser,
    DeleteGroup,
    DeleteUser,
    PatchGroup,
    PatchUser,
    ReplaceUser,
)
from domain.handlers.groups import create_group, delete_group, patch_group
from domain.handlers.realms import change_realm, create_realm, issue_token, revoke_token
from domain.handlers.users import create_user, delete_user, patch_user, replace_user
from domain.patching import AttributeOperation, MemberDelta
from domain.realm import Realm
from domain.refusals import (
    GroupNameTaken,
    InvalidValue,
    NoSuchCredential,
    NoSuchResource,
    RealmNameTaken,
    RealmSuspended,
    Refusal,
    Unavailable,
    UserNameTaken,
    VersionConflict,
    VersionMismatch,
)
from projections.tables import generations
from tests.fakes import Knows
from tests.houses import House
from tests.projections.commands import new_group, new_user

Attempt = Callable[["People"], Any]
NOBODY = MemberDelta()


class People:
    """Two users, two groups (the second holds all), and what a test does to them."""

    def __init__(self, house: House) -> None:
        self.house, self.log, self.cause = house, house.log, house.cause()
        self.ann, self.bob = new_user(house, "ann"), new_user(house, "bob")
        self.staff = new_group(house, "Staff", [self.bob])
        self.board = new_group(house, "Board", [self.ann, self.bob, self.staff])
        issue_token(self.cause, self.log, "scim", days=1)

    def user(self, name: str) -> Any:
        return create_user(CreateUser(self.cause, {"userName": name}), self.log)

    def rename_user(self, name: str, tag: str | None = None) -> Any:
        operation = AttributeOperation("replace", "userName", name)
        known = Knows(tag) if tag else None
        command = PatchUser(self.cause, self.ann, [operation], precondition=known)
        return patch_user(command, self.log)

    def group(self, name: str) -> Any:
        command = CreateGroup(self.cause, {"displayName": name}, NOBODY.adding([self.ann]))
        return create_group(command, self.log)

    def rename_group(self, name: str, *joining: str, tag: str | None = None) -> Any:
        operation = AttributeOperation("replace", "displayName", name)
        known = Knows(tag) if tag else None
        delta = NOBODY.adding(joining)
        command = PatchGroup(self.cause, self.staff, [operation], delta, precondition=known)
        return patch_group(command, self.log)


REFUSED: list[tuple[str, type[Refusal], Attempt]] = [
    ("create taken user", UserNameTaken, lambda p: p.user("ANN")),
    ("rename to taken user", UserNameTaken, lambda p: p.rename_user("BOB")),
    ("create without name", InvalidValue, lambda p: p.user("")),
    ("stale user", VersionMismatch, lambda p: p.rename_user("x", 'W/"9-00000000"')),
    (
        "put on nobody",
        NoSuchResource,
        lambda p: replace_user(ReplaceUser(p.cause, p.staff, {"userName": "x"}), p.log),
    ),
    (
        "delete of another realm",
        NoSuchResource,
        lambda p: delete_user(DeleteUser(p.house.cause("other"), p.ann), p.log),
    ),
    ("create taken group", GroupNameTaken, lambda p: p.group("STAFF")),
    ("rename to taken group", GroupNameTaken, lambda p: p.rename_group("BOARD", p.ann)),
    (
        "stale group",
        VersionMismatch,
        lambda p: p.rename_group("x", p.ann, tag='W/"9-00000000"'),
    ),
    ("itself as member", InvalidValue, lambda p: p.rename_group("x", p.staff)),
    (
        "stale delete of a group",
        VersionMismatch,
        lambda p: delete_group(DeleteGroup(p.cause, p.staff, Knows("x")), p.log),
    ),
    ("taken realm", RealmNameTaken, lambda p: create_realm(p.cause, p.log, "acme")),
    (
        "unknown client",
        NoSuchCredential,
        lambda p: issue_token(p.cause, p.log, "x", days=1),
    ),
    ("unknown token", NoSuchCredential, lambda p: revoke_token(p.cause, p.log, "x")),
]


@pytest.mark.parametrize(("kind", "attempt"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_refused_command_leaves_nothing(
    house: House, kind: type[Refusal], attempt: Attempt
) -> None:
    people = People(house)
    before = house.rows()
    with pytest.raises(kind):
        attempt(people)
    assert house.rows() == before


def test_a_suspended_realm_gives_no_token(house: House) -> None:
    people = People(house)
    change_realm(people.cause, people.log, Realm.suspend)
    before = house.rows()
    with pytest.raises(RealmSuspended):
        issue_token(people.cause, people.log, "scim", days=1)
    assert house.rows() == before


@pytest.mark.parametrize("state", ["shadow", "live", "retired"])
def test_a_written_generation_this_code_does_not_know_stops_every_write(
    house: House, state: str
) -> None:
    people = People(house)
    with house.database.writing() as connection:
        connection.execute(
            insert(generations).values(read_model="directory", generation=2, state=state)
        )
        connection.commit()
    before = house.rows()
    attempts: list[Attempt] = [lambda p: p.user("new"), lambda p: p.rename_group("x")]
    for attempt in attempts:
        with pytest.raises(Unavailable, match="generation 2"):
            attempt(people)
    assert house.rows() == before


def test_a_generation_that_is_still_filling_stops_nobody(house: House) -> None:
    with house.database.writing() as connection:
        connection.execute(
            insert(generations).values(read_model="directory", generation=2, state="filling")
        )
        connection.commit()
    assert People(house).user("new").changed


WRITES: list[tuple[str, Attempt]] = [
    ("create user", lambda p: p.user("new")),
    ("rename user", lambda p: p.rename_user("new")),
    ("delete user", lambda p: delete_user(DeleteUser(p.cause, p.ann), p.log)),
    ("create group", lambda p: p.group("new")),
    ("change group", lambda p: p.rename_group("new", p.ann)),
    ("delete group", lambda p: delete_group(DeleteGroup(p.cause, p.staff), p.log)),
    ("create realm", lambda p: create_realm(p.cause, p.log, "new")),
    ("issue token", lambda p: issue_token(p.cause, p.log, "scim", days=1)),
]


class Fault(Exception):
    """What a broken disk would be."""


@pytest.mark.parametrize("write", [w[1] for w in WRITES], ids=[w[0] for w in WRITES])
def test_a_write_that_fails_at_any_statement_leaves_nothing(house: House, write: Attempt) -> None:
    people = People(house)
    before = house.rows()
    fail_at, seen, fired = 1, 0, 0

    def break_down(_statement: str) -> None:
        nonlocal seen, fired
        seen += 1
        if seen == fail_at:
            fired += 1
            raise Fault

    with house.watching(break_down):
        while True:
            seen = 0
            try:
                write(people)
            except Fault:
                assert fired == fail_at, "the fault fired once in each round"
                seen = -1_000_000  # looking at the rows is no part of the write
                assert house.rows() == before, f"statement {fail_at}"
                fail_at += 1
            else:
                break
    assert fired == fail_at - 1 >= 6
    assert house.rows() != before


def test_a_commit_that_fails_leaves_nothing_and_frees_the_writer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = People(house)
    before, dialect, fired = house.rows(), house.database.engine.dialect, 0

    def fail(_connection: Any) -> None:
        nonlocal fired
        fired += 1
        raise house.database.engine.dialect.dbapi.OperationalError("disk I/O error")  # type: ignore[union-attr]

    with monkeypatch.context() as broken:
        broken.setattr(dialect, "do_commit", fail)
        with pytest.raises(Unavailable, match="busy or gone") as refused:
            people.user("new")
    assert "disk I/O error" in repr(refused.value.__cause__)
    assert fired == 1
    assert house.rows() == before
    assert people.user("new").changed


def test_a_lost_race_for_a_version_is_a_conflict_and_leaves_nothing(house: House) -> None:
    people = People(house)
    stream = house.log.user(house.realms["acme"], people.ann)
    before = house.rows()
    with (
        pytest.raises(VersionConflict),
        house.log.transaction(house.cause()) as work,
    ):
        # Not locked, so taken for a new stream: its first version exists already.
        work.append(people.ann, "User", stream.state.delete())
    assert house.rows() == before
