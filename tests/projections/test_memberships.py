"""Member rows: the real delta, and a cost that does not grow with the group (ADR 0005)."""

from typing import Any

import pytest

from domain.commands import DeleteUser
from domain.events import MEMBERS_PER_EVENT
from domain.group import Group
from domain.handlers.users import delete_user
from projections.beside import IDS_PER_STATEMENT, SqlMemberships, pieces
from tests.houses import House
from tests.projections.commands import add_members, fill, new_group, new_user


def test_adding_and_removing_give_the_real_delta(house: House) -> None:
    with house.database.writing() as connection:
        members = SqlMemberships(connection, "r")
        assert members.add("g", {"b": "User", "a": "User"}) == ["a", "b"]
        assert members.add("g", {"b": "User", "c": "Group"}) == ["c"]
        assert members.add("g", {}) == []
        assert members.remove("g", ["a", "x"]) == ["a"]
        assert members.of_group("g") == {"b", "c"}
        assert SqlMemberships(connection, "other").of_group("g") == frozenset()
        assert SqlMemberships(connection, "other").remove("g", ["b"]) == []


@pytest.mark.parametrize("count", [IDS_PER_STATEMENT, IDS_PER_STATEMENT + 1, 2_100])
def test_long_lists_go_in_pieces_and_lose_nobody(house: House, count: int) -> None:
    ids = [f"{number:05}" for number in range(count)]
    assert [id_ for piece in pieces(reversed(ids)) for id_ in piece] == ids
    with house.database.writing() as connection:
        members = SqlMemberships(connection, "r")
        assert members.add("g", dict.fromkeys(ids, "User")) == ids
        assert members.remove("g", ids[1:]) == ids[1:]
        assert members.of_group("g") == {ids[0]}


def test_h5_adding_a_member_again_records_nothing(house: House) -> None:
    ann = new_user(house, "ann")
    group = new_group(house, "Staff", [ann])
    before = house.rows()
    for _ in range(5):
        add_members(house, group, ann)
    assert house.rows() == before


def test_e12_adding_one_member_costs_the_same_in_a_small_and_in_a_large_group(
    house: House,
) -> None:
    costs: list[list[str]] = []
    ann, bob = new_user(house, "ann"), new_user(house, "bob")
    group = new_group(house, "Staff")
    fill(house, group, 100)
    for member, more in ((ann, 0), (bob, 9_900)):
        if more:
            fill_more(house, group, 100, more)
        with house.statements() as seen:
            add_members(house, group, member)
        costs.append(seen)
    assert costs[0] == costs[1]
    assert all("SELECT members" not in statement for statement in costs[0])
    assert house.events()[-1].event == Group.MembersAdded((bob,))


def fill_more(house: House, group_id: str, present: int, more: int) -> None:
    realm = house.realms["acme"]
    with house.database.writing() as connection:
        new = {f"x{number:035}": "User" for number in range(present, present + more)}
        assert len(SqlMemberships(connection, realm).add(group_id, new)) == more
        connection.commit()


def deletion(house: House, groups: int) -> tuple[list[str], list[Any]]:
    user = new_user(house, f"in {groups}")
    for number in range(groups):
        new_group(house, f"{groups}/{number}", [user])
    before = len(house.events())
    with house.statements() as seen:
        delete_user(DeleteUser(house.cause(), user), house.log)
    return seen, house.events()[before:]


def by_sets(statements: list[str]) -> list[str]:
    """Return the statements without their lists of ids and without the one of each event.

    SQLite returns the positions of several new rows in no certain order, so events go one by one.
    """
    return [s.split(" IN (")[0] for s in statements if not s.startswith("INSERT INTO events")]


def test_deleting_a_user_of_many_groups_is_done_by_sets(house: House) -> None:
    few, _ = deletion(house, 2)
    many, events = deletion(house, 60)
    assert by_sets(many) == by_sets(few)
    assert len(events) == 61
    assert {r.event.topic for r in events[1:]} == {"group.members-removed"}
    assert len({r.stream_id for r in events}) == 61


def test_more_than_a_thousand_new_members_are_several_events(house: House) -> None:
    group = new_group(house, "Staff")
    fill(house, group, 1_500)
    other = new_group(house, "Copy")
    before = len(house.events())
    add_members(house, other, *[f"{number:036}" for number in range(1_500)])
    sizes = [len(recorded.event.members) for recorded in house.events()[before:]]
    assert sizes == [MEMBERS_PER_EVENT, 500]
