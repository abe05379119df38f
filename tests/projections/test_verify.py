"""Every kind of damage beside the log is named by `verify`, and nothing else is."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, delete, update

from domain.commands import DeleteGroup, PatchUser
from domain.handlers.groups import delete_group
from domain.handlers.users import patch_user
from domain.patching import AttributeOperation
from projections.directory.g1.tables import users
from projections.tables import claims, members, streams
from replay.verify import verify
from tests.houses import House
from tests.projections.commands import add_members, new_group, new_user


def lived_in(house: House) -> tuple[str, str]:
    """Write some history; return a user and a group of it."""
    ann, bob = new_user(house, "ann"), new_user(house, "bob", "other")
    group = new_group(house, "team", [ann])
    add_members(house, group, new_user(house, "carl"))
    rename = [AttributeOperation("replace", "displayName", "Ann")]
    house.log.handle(patch_user, PatchUser(house.cause(), ann, rename))
    house.log.handle(delete_group, DeleteGroup(house.cause(), new_group(house, "old", [ann])))
    assert bob
    return ann, group


def test_a_sound_database_has_no_differences(house: House) -> None:
    lived_in(house)
    told: list[tuple[int, int]] = []
    assert list(verify(house.log, progress=lambda *steps: told.append(steps))) == []
    assert told[-1] == (7, 7)  # two realms, three users, a group and the deleted one


Damage = Callable[[Connection, str, str], Any]
DAMAGES: dict[str, Damage] = {
    "head": lambda c, ann, _: c.execute(
        update(streams).where(streams.c.id == ann).values(version=streams.c.version + 1)
    ),
    "document": lambda c, ann, _: c.execute(
        update(users).where(users.c.id == ann).values(document='{"schemas":[],"id":"x"}')
    ),
    "meta": lambda c, ann, _: c.execute(
        update(users).where(users.c.id == ann).values(meta='{"resourceType":"User"')
    ),
    "claim": lambda c, ann, _: c.execute(delete(claims).where(claims.c.owner == ann)),
    "members": lambda c, _, group: c.execute(delete(members).where(members.c.group_id == group)),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_damage_is_named(house: House, what: str) -> None:
    ann, group = lived_in(house)
    with house.database.writing() as connection:
        DAMAGES[what](connection, ann, group)
        connection.commit()
    found = list(verify(house.log))
    assert {(each.what, each.resource_id) for each in found} == {
        (what, group if what == "members" else ann)
    }
    assert [each.realm for each in found] == [house.realms["acme"]] * len(found)
    assert list(verify(house.log, house.realms["other"])) == []


def test_a_claim_of_what_does_not_exist_is_named(house: House) -> None:
    lived_in(house)
    realm = house.realms["acme"]
    row = {"realm": realm, "kind": "userName", "key": "ghost", "owner": "0" * 36}
    with house.database.writing() as connection:
        connection.execute(claims.insert().values(row))
        connection.commit()
    [found] = verify(house.log)
    assert (found.what, found.said, found.kept) == ("claim", "None", "userName 'ghost'")
