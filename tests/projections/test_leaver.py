"""A deleted user leaves all its groups in statements about many rows (ADR 0003, ADR 0011)."""

from collections.abc import Iterator, Sequence
from uuid import uuid4

import pytest

from api.composition import known_generations
from domain.cause import Actor, Cause
from domain.commands import CreateUser, DeleteUser
from domain.events import Event
from domain.group import Group
from domain.handlers.realms import create_realm
from domain.handlers.users import create_user, delete_user
from domain.schemas import GROUP, USER
from projections.database import Database
from projections.engines import pipeline
from projections.log import SqlLog
from projections.migration import migrate
from tests.houses import KEY, OPERATOR, House
from tests.postgresql.cluster import Cluster
from tests.projections.commands import new_user


def join_groups(log: SqlLog, cause: Cause, member: str, count: int) -> Sequence[str]:
    ids = [log.new_id() for _ in range(count)]
    with log.transaction(cause) as work:
        for id_ in ids:
            work.members.add(id_, {member: USER.name})
        for id_ in ids:
            events: list[Event] = [
                Group.Created({"displayName": id_}),
                Group.MembersAdded((member,)),
            ]
            work.append(id_, GROUP.name, events)
    return ids


def test_statements_do_not_grow_with_the_groups_of_a_leaver(house: House) -> None:
    counts = []
    for groups in (20, 400):
        leaver = new_user(house, f"leaver-{groups}")
        join_groups(house.log, house.cause(), leaver, groups)
        with house.statements() as seen:
            house.log.handle(delete_user, DeleteUser(house.cause(), leaver))
        # SQLite repeats the first within the process; the second is asked once a second.
        apart = ("INSERT INTO events", "SELECT generations")
        counts.append(sum(not statement.startswith(apart) for statement in seen))
    assert counts[0] == counts[1]


@pytest.fixture
def served(postgresql: Cluster) -> Iterator[SqlLog]:
    database, registry = (
        Database(postgresql.create_database(f"l{uuid4().hex}")),
        known_generations(),
    )
    migrate(database, registry)
    yield SqlLog(database, registry, KEY)
    database.close()
    postgresql.drop_database(database.url.database or "")


def test_statements_on_postgresql_do_not_grow_with_the_groups_of_a_leaver(served: SqlLog) -> None:
    realm = create_realm(OPERATOR, served, "acme")[0]
    cause = Cause(realm, Actor("client", "scim"), "c" * 32, "test")
    counts = []
    for groups in (20, 400):
        user = CreateUser(cause, {"userName": f"leaver-{groups}"})
        leaver = served.handle(create_user, user).id
        ids = join_groups(served, cause, leaver, groups)
        seen = list[str]()
        pipeline.WATCHERS.append(seen.append)
        try:
            served.handle(delete_user, DeleteUser(cause, leaver))
        finally:
            pipeline.WATCHERS.remove(seen.append)
        counts.append(sum(not statement.startswith("SELECT generations") for statement in seen))
        assert all(served.group(realm, id_).version == 3 for id_ in ids)
    assert counts[0] == counts[1]
