"""What is kept beside the log is what the log says, whatever happened (ADR 0008)."""

from itertools import pairwise
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select

from projections.directory.g1 import DirectoryG1
from projections.tables import events as events_table
from replay.refill import refill
from tests.derived import beside
from tests.engines import Engine
from tests.houses import House, opened_house
from tests.properties.histories import SLUGS, Player, histories

slow = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
READ_MODEL = DirectoryG1.metadata.tables


def check_rebuild(house: House, batch: int) -> None:
    live = house.rows()
    with house.database.writing() as connection:
        for table in READ_MODEL.values():
            connection.execute(delete(table))
        connection.commit()
    assert not any(house.rows()[name] for name in READ_MODEL)
    read = refill(house.database, house.log.registry, house.log.events, batch=batch)
    assert read == len(live["events"])
    assert house.rows() == live


def check_fold(house: House) -> None:
    rows, said = house.rows(), beside(house.events())
    rendered = {}
    for name in ("users_g1", "groups_g1"):
        with house.database.reading() as connection:
            table = READ_MODEL[name]
            found = connection.execute(
                select(table.c.realm, table.c.id, table.c.document, table.c.version)
            )
            for realm, id_, document, version in found:
                whole = orjson.loads(document)
                assert whole.pop("id") == id_
                whole.pop("schemas")
                rendered[realm, id_] = (whole, version)
    expected = {
        key: (state.document, said.heads[key].version)
        for key, state in said.states.items()
        if said.heads[key].type != "Realm" and not state.deleted
    }
    assert rendered == expected
    assert {row[:3]: row[3] for row in rows["claims"]} == said.claims
    members: dict[Any, set[str]] = {}
    for realm, group, member, kind in rows["members"]:
        members.setdefault((realm, group), set()).add(member)
        assert said.heads[realm, member].type == kind
        assert not said.heads[realm, member].deleted
    assert members == said.members
    assert {(row[0], row[1]): row[1:] for row in rows["streams"]} == {
        key: (h.id, h.type, h.version, h.deleted, h.recorded_at, h.correlation_id)
        for key, h in said.heads.items()
    }


def check_log(house: House) -> None:
    streams: dict[str, list[Any]] = {}
    for recorded in house.events():
        streams.setdefault(recorded.stream_id, []).append(recorded)
    for own in streams.values():
        assert [r.originator_version for r in own] == list(range(1, len(own) + 1))
        assert len({r.cause.realm for r in own}) == 1
        for before, after in pairwise(own):
            same = before.cause.correlation_id == after.cause.correlation_id
            assert before.recorded_at < after.recorded_at or (
                same and before.recorded_at == after.recorded_at
            )
    with house.database.reading() as connection:
        envelope = connection.execute(
            select(
                events_table.c.realm, events_table.c.recorded_at, events_table.c.correlation_id
            ).order_by(events_table.c.position)
        ).all()
    assert [tuple(row) for row in envelope] == [
        (r.cause.realm, r.recorded_at, r.cause.correlation_id) for r in house.events()
    ]


@slow
@given(histories, st.integers(1, 12))
def test_read_model_claims_members_and_heads_are_what_the_log_says(
    engine: Engine, history: list[tuple[str, Any]], batch: int
) -> None:
    with opened_house(engine, slugs=SLUGS) as house:
        Player(house).play(history)
        check_log(house)
        check_fold(house)
        check_rebuild(house, batch)


def test_a_row_that_says_something_else_is_noticed(engine: Engine) -> None:
    history = [("acme", ("create user", {"userName": "ann", "title": "x"}))]
    with opened_house(engine, slugs=SLUGS) as house:
        Player(house).play(history)
        users = READ_MODEL["users_g1"]
        with house.database.writing() as connection:
            wrong = func.replace(users.c.document, '"x"', '"y"')
            connection.execute(users.update().values(document=wrong))
            connection.commit()
        for check in (check_fold, lambda opened: check_rebuild(opened, 5)):
            try:
                check(house)
            except AssertionError:
                break
        else:
            raise AssertionError("nobody noticed")


def test_rows_that_no_event_explains_are_gone_after_a_rebuild(engine: Engine) -> None:
    with opened_house(engine, slugs=SLUGS) as house:
        Player(house).play([("acme", ("create user", {"userName": "ann"}))])
        live, users = house.rows(), READ_MODEL["users_g1"]
        with house.database.writing() as connection:
            row = dict(connection.execute(select(users)).mappings().one())
            connection.execute(insert(users).values({**row, "id": "ghost"}))
            connection.commit()
        assert house.rows() != live
        refill(house.database, house.log.registry, house.log.events)
        assert house.rows() == live
