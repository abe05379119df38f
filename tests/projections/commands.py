"""Short ways to write to the log of a house."""

from collections.abc import Iterable

from domain.commands import CreateGroup, CreateUser, PatchGroup
from domain.handlers.groups import create_group, patch_group
from domain.handlers.users import create_user
from domain.patching import MemberDelta
from domain.schemas import GROUP, USER
from projections.beside import SqlHeads
from projections.tables import members, streams
from tests.houses import House


def new_user(house: House, name: str, slug: str = "acme") -> str:
    """Create a user and return its id."""
    return house.log.handle(create_user, CreateUser(house.cause(slug), {"userName": name})).id


def new_group(house: House, name: str, ids: Iterable[str] = (), slug: str = "acme") -> str:
    """Create a group with members and return its id."""
    delta = MemberDelta().adding(ids)
    command = CreateGroup(house.cause(slug), {"displayName": name}, delta)
    return house.log.handle(create_group, command).id


def add_members(house: House, group_id: str, *ids: str) -> None:
    """Add members to a group."""
    delta = MemberDelta().adding(ids)
    house.log.handle(patch_group, PatchGroup(house.cause(), group_id, [], delta))


def fill(house: House, group_id: str, count: int) -> None:
    """Put member rows, and the heads they need, straight into the tables: quick, and enough."""
    realm = house.realms["acme"]
    ids = [f"{number:036}" for number in range(count)]
    with house.database.writing() as connection:
        connection.execute(
            streams.insert(),
            [
                {
                    "realm": realm,
                    "id": id_,
                    "type": USER.name,
                    "version": 1,
                    "deleted": False,
                    "recorded_at": 1,
                    "correlation_id": "c",
                }
                for id_ in ids
            ],
        )
        connection.execute(
            members.insert(),
            [
                {"realm": realm, "group_id": group_id, "member_id": id_, "member_type": USER.name}
                for id_ in ids
            ],
        )
        assert GROUP.name == SqlHeads(connection, realm).lock([group_id], [])[group_id].type
        connection.commit()
