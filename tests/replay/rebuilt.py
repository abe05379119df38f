"""Houses whose read models are rebuilt, and what must be so afterwards."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from domain.commands import CreateUser
from domain.handlers.users import create_user
from projections.directory.g1 import DirectoryG1, tables
from projections.generations import Generation
from projections.log import SqlLog
from projections.registry import Registry
from projections.spans.g1 import SpansG1
from projections.states import states_of
from replay.rebuilding.rebuild import Outcome, Rebuild, Wishes
from tests.houses import KEY, House
from tests.projections.commands import add_members, new_group

DECLARED: Sequence[Generation] = (DirectoryG1(), SpansG1())


def log_knowing(house: House, *more: Generation, followed: Sequence[Generation] = ()) -> SqlLog:
    """The log as a release sees it that knows more generations."""
    registry = Registry([*DECLARED, *more], followed)
    return SqlLog(house.database, registry, KEY, house.log.clock)


def populate(house: House, users: int = 6) -> list[str]:
    """Users with e-mail addresses, and groups of them; return the users' ids."""
    ids = [new_user(house, f"user {number}") for number in range(users)]
    team = new_group(house, "team", ids[:2])
    add_members(house, team, *ids[2:4])
    return ids


def new_user(house: House, name: str, slug: str = "acme", log: SqlLog | None = None) -> str:
    """Create a user with a display name and an e-mail address."""
    document = {
        "userName": name,
        "displayName": name.upper(),
        "emails": [{"value": f"{name}@example.com".replace(" ", ".")}],
    }
    command = CreateUser(house.cause(slug), document)
    return (log or house.log).handle(create_user, command).id


def rebuild(log: SqlLog, read_model: str = "directory", **wishes: Any) -> Outcome:
    return Rebuild(log, read_model, Wishes(**wishes)).run()


def states(house: House, read_model: str = "directory") -> dict[int, str]:
    with house.database.reading() as connection:
        return states_of(connection, read_model)


def without_numbers(rows: dict[str, Any], ending: str) -> dict[str, Any]:
    """The rows of the tables whose names end so, by their names without it."""
    return {name.removesuffix(ending): own for name, own in rows.items() if name.endswith(ending)}


def assert_alike(house: House, one: str, other: str, *, read_model: str = "users") -> None:
    """Fail unless the tables with two endings hold the same rows."""
    rows = house.rows()
    first, second = without_numbers(rows, one), without_numbers(rows, other)
    assert first[read_model], "nothing to compare"
    assert {name: first[name] for name in second} == second


def spoil(house: House, user: str) -> None:
    """Have a row say something that no event said."""
    with house.database.writing() as connection:
        wrong = update(tables.users).where(tables.users.c.id == user)
        connection.execute(wrong.values(display_name_key="nobody"))
        connection.commit()


def displayed(house: House, user: str) -> str | None:
    with house.database.reading() as connection:
        found = select(tables.users.c.display_name_key).where(tables.users.c.id == user)
        return connection.scalar(found)
