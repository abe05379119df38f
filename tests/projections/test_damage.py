"""Damage is a defect to be looked at, never "not found" and never "try again"."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text

from domain.refusals import NoSuchResource
from domain.schemas import USER
from projections.directory import live_directory
from projections.migration import is_empty
from tests.embedded import Embedded, embedded, unsynced
from tests.projections.commands import new_user


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Embedded]:
    with embedded(tmp_path) as house:
        yield house


def damage(house: Embedded, statement: str) -> None:
    with house.database.writing() as connection:
        connection.execute(text(statement))
        connection.commit()


def test_i8_an_event_that_cannot_be_read_is_no_missing_user(house: Embedded) -> None:
    user_id = new_user(house, "ann")
    damage(house, "UPDATE events SET state = x'00' WHERE topic = 'user.created'")
    with pytest.raises(orjson.JSONDecodeError):
        house.log.user(house.realms["acme"], user_id)


@pytest.mark.parametrize("resource_id", ["nobody", "01a2090c-424a-7741-ae1a-8239006fbd3c", "é"])
def test_what_is_no_id_is_no_user(house: Embedded, resource_id: str) -> None:
    with pytest.raises(NoSuchResource):
        house.log.user(house.realms["acme"], resource_id)


def test_a_missing_table_is_a_defect_and_not_an_outage(house: Embedded) -> None:
    user_id = new_user(house, "ann")
    damage(house, "ALTER TABLE users_g1 RENAME TO lost")

    def read() -> None:
        with house.database.reading() as connection:
            directory = live_directory(house.log.registry, connection)
            directory.get(connection, USER, house.realms["acme"], user_id)

    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        read()


def test_a_file_another_process_has_just_made_is_still_empty(tmp_path: Path) -> None:
    database = unsynced(tmp_path / "new.db")
    with database.reading():
        pass
    assert (tmp_path / "new.db").exists()
    assert is_empty(database)
    database.close()


def test_a_migrated_database_is_not_empty(house: Embedded) -> None:
    assert not is_empty(house.database)
