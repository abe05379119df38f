"""The nine steps of a write, in the only order there is (ADR 0003)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from domain.commands import CreateGroup, CreateUser, DeleteGroup, DeleteUser, PatchGroup, PatchUser
from domain.group import Group
from domain.handlers.groups import create_group, delete_group, patch_group
from domain.handlers.users import create_user, delete_user, patch_user
from domain.patching import AttributeOperation, MemberDelta
from projections import beside
from projections.transaction import OutOfOrder, SqlTransaction
from tests.engines import only_on
from tests.houses import House
from tests.projections.commands import new_group, new_user

STEPS = [
    (1, r"BEGIN (IMMEDIATE|.* READ WRITE)"),
    (2, r"SELECT .* FROM generations WHERE generations\.state ="),
    (3, r"SELECT .* FROM streams "),
    (4, r"(INSERT INTO|DELETE FROM) claims"),
    (5, r"(INSERT INTO|DELETE FROM) members|SELECT members\.member_id "),
    (6, r"SELECT \(SELECT events\.recorded_at "),
    (7, r"INSERT INTO events "),
    (8, r"(INSERT INTO|UPDATE) streams"),
    (9, r".*\b(users|groups|user_emails)_g1\b"),
]
"""What a step looks like as SQL; the rest is read to decide, and locks nothing."""
ANEW = 6
"""The step whose question is asked anew after each lock: only the last answer counts."""
END = [
    ("lock", r"SELECT .* FROM streams |INSERT INTO claims"),
    ("end of the log", STEPS[5][1]),
    ("event", STEPS[6][1]),
]


def steps(statements: list[str]) -> list[int]:
    """Return the steps of the write among the statements, each once where it repeats."""
    begin = next(n for n, sql in enumerate(statements) if re.match(STEPS[0][1], sql))
    found: list[int] = []
    for statement in statements[begin:]:
        step = next((number for number, sql in STEPS if re.match(sql, statement)), None)
        if step is not None and step != ANEW and found[-1:] != [step]:
            found.append(step)
    return found


def rename(house: House, group_id: str, member: str) -> PatchGroup:
    operation = AttributeOperation("replace", "displayName", "All staff")
    return PatchGroup(house.cause(), group_id, [operation], MemberDelta().adding([member]))


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (
            lambda house, user, group: create_user(
                CreateUser(house.cause(), {"userName": "new"}), house.log
            ),
            [1, 2, 4, 7, 8, 9],
        ),
        (
            lambda house, user, group: patch_user(
                PatchUser(
                    house.cause(), user, [AttributeOperation("replace", "userName", "renamed")]
                ),
                house.log,
            ),
            [1, 2, 3, 4, 7, 8, 9],
        ),
        (
            lambda house, user, group: delete_user(DeleteUser(house.cause(), user), house.log),
            [1, 2, 3, 4, 5, 7, 8, 9],
        ),
        (
            lambda house, user, group: create_group(
                CreateGroup(house.cause(), {"displayName": "n"}, MemberDelta().adding([user])),
                house.log,
            ),
            [1, 2, 3, 4, 5, 7, 8, 9],
        ),
        (
            lambda house, user, group: patch_group(rename(house, group, user), house.log),
            [1, 2, 3, 4, 5, 7, 8, 9],
        ),
        (
            lambda house, user, group: delete_group(DeleteGroup(house.cause(), group), house.log),
            [1, 2, 3, 4, 5, 7, 8, 9],
        ),
    ],
    ids=[
        "create user",
        "rename user",
        "delete user",
        "create group",
        "change group",
        "delete group",
    ],
)
def test_a_write_takes_its_steps_in_order(
    house: House, write: Callable[[House, str, str], object], expected: list[int]
) -> None:
    user, other = new_user(house, "ann"), new_user(house, "bob")
    group = new_group(house, "Staff", [other])
    new_group(house, "Board", [user, group])
    with house.statements() as seen:
        write(house, user, group)
    last = {step: max(n for n, sql in enumerate(seen) if re.match(like, sql)) for step, like in END}
    assert last["lock"] < last["end of the log"] < last["event"]
    assert steps(seen) == expected


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (lambda work: work.claims, lambda work: work.lock(written=["x"])),
        (lambda work: work.members, lambda work: work.claims),
        (lambda work: work.members, lambda work: work.lock(written=["x"])),
        (
            lambda work: work.append("x", "Group", []),
            lambda work: work.members,
        ),
        (
            lambda work: work.append("x", "Group", []),
            lambda work: work.claims,
        ),
    ],
)
def test_a_step_back_is_out_of_order(
    house: House,
    first: Callable[[SqlTransaction], object],
    then: Callable[[SqlTransaction], object],
) -> None:
    before = house.rows()
    with house.log.transaction(house.cause()) as work:
        first(work)
        with pytest.raises(OutOfOrder, match="after"):
            then(work)
    assert house.rows() == before


def test_an_event_in_the_stream_of_another_aggregate_is_refused(house: House) -> None:
    before = house.rows()
    with (
        pytest.raises(ValueError, match=r"group\.deleted"),
        house.log.transaction(house.cause()) as work,
    ):
        work.append(house.log.new_id(), "User", [Group.Deleted()])
    assert house.rows() == before


def test_a_transaction_that_records_nothing_leaves_nothing(house: House) -> None:
    before = house.rows()
    with house.log.transaction(house.cause()) as work:
        work.claims.take("userName", "ann", "x")
    assert house.rows() == before


@only_on("postgresql", "SQLite has one writer: nobody gives a name up meanwhile")
def test_a_name_given_up_after_it_was_found_taken_is_decided_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, given_up = new_user(house, "ann"), list[str]()

    class Late:
        """Asks for the owner when he has just gone."""

        def first(self, connection: Connection, bound: Any) -> Any:
            if not given_up:
                given_up.append(ann)
                house.log.handle(delete_user, DeleteUser(house.cause(), ann))
            return real.first(connection, bound)

    real = beside._OWNER
    monkeypatch.setattr(beside, "_OWNER", Late())
    again = new_user(house, "ann")
    assert given_up == [ann], "the fault did not fire"
    assert house.log.user(house.realms["acme"], again).state.document["userName"] == "ann"
