"""Damage is a defect to be looked at, never "not found" and never "try again"."""

import sqlite3
from typing import Any

import orjson
import psycopg
import pytest
from sqlalchemy import text, update

from domain.refusals import NoSuchResource
from domain.schemas import USER
from projections.directory import live_directory
from projections.migration import is_empty
from projections.tables import events
from tests.engines import Engine, only_on, path_of
from tests.houses import House
from tests.projections.commands import new_user


def damage(house: House, statement: Any) -> None:
    with house.database.writing() as connection:
        connection.execute(statement)
        connection.commit()


def test_i8_an_event_that_cannot_be_read_is_no_missing_user(house: House) -> None:
    user_id = new_user(house, "ann")
    damage(house, update(events).where(events.c.topic == "user.created").values(state=b"\0"))
    with pytest.raises(orjson.JSONDecodeError):
        house.log.user(house.realms["acme"], user_id)


@pytest.mark.parametrize("resource_id", ["nobody", "01a2090c-424a-7741-ae1a-8239006fbd3c", "é"])
def test_what_is_no_id_is_no_user(house: House, resource_id: str) -> None:
    with pytest.raises(NoSuchResource):
        house.log.user(house.realms["acme"], resource_id)


def test_a_missing_table_is_a_defect_and_not_an_outage(house: House) -> None:
    user_id = new_user(house, "ann")
    damage(house, text("ALTER TABLE users_g1 RENAME TO lost"))

    def read() -> None:
        with house.database.reading() as connection:
            directory = live_directory(house.log.registry, connection)
            directory.get(connection, USER, house.realms["acme"], user_id)

    with pytest.raises((sqlite3.OperationalError, psycopg.errors.UndefinedTable), match="users_g1"):
        read()


@only_on("sqlite", "no other engine makes its database by opening it")
def test_a_file_another_process_has_just_made_is_still_empty(engine: Engine) -> None:
    with engine.empty() as url:
        database = engine.opened(url)
        with database.reading():
            pass
        assert path_of(url).exists()
        assert is_empty(database)
        database.close()


def test_a_database_in_which_nothing_was_made_is_empty(engine: Engine) -> None:
    with engine.empty() as url:
        database = engine.opened(url)
        assert is_empty(database)
        database.close()


def test_a_migrated_database_is_not_empty(house: House) -> None:
    assert not is_empty(house.database)
