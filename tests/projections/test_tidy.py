"""What commits leave for a quiet moment, beside the writers.

SQLite's file is brought up to its log; PostgreSQL looks at tables that have grown.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import delete, text

from projections.tables import events
from tests.engines import Engine, only_on
from tests.houses import House, opened_house
from tests.projections.commands import new_user


def test_it_changes_nothing_and_no_writer_waits(house: House) -> None:
    new_user(house, "ann")
    before = house.rows()
    with house.database.writing() as connection:
        connection.execute(delete(events))
        house.database.tidy()
    assert house.rows() == before


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_commits_leave_it_to_be_done_and_it_is_done(engine: Engine, tmp_path: Path) -> None:
    def in_the_file_alone(file: Path) -> int:
        copy = shutil.copyfile(file, tmp_path / "copy.db")
        with closing(sqlite3.connect(copy)) as connection:
            return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])

    with opened_house(engine) as house:
        file = house.database.file
        assert file is not None
        house.database.tidy()
        before = in_the_file_alone(file)
        for number in range(60):  # far more pages than SQLite would let wait by itself
            new_user(house, f"{number} {'x' * 20_000}")
        assert file.with_name(f"{file.name}-wal").stat().st_size > 1_100 * 4_096
        assert in_the_file_alone(file) == before
        house.database.tidy()
        assert in_the_file_alone(file) == len(house.events()) > before


@only_on("postgresql", "SQLite keeps no plans")
def test_a_plan_made_while_the_directory_was_empty_is_made_anew(house: House) -> None:
    known = text("SELECT reltuples FROM pg_class WHERE relname = 'users_g1'")

    def tidied() -> str:
        house.database.tidy()
        plan = "\n".join(connection.scalars(text("EXPLAIN EXECUTE by_id('r', 'i')")))
        connection.commit()
        return plan

    with house.database.engine.connect() as connection:
        # Autovacuum would do the same, but nobody knows when.
        connection.execute(text("ALTER TABLE users_g1 SET (autovacuum_enabled = false)"))
        connection.execute(text("SET plan_cache_mode = force_generic_plan"))
        connection.execute(
            text("PREPARE by_id AS SELECT meta FROM users_g1 WHERE realm = $1 AND id = $2")
        )
        connection.commit()
        tidied()
        for number in range(100):
            new_user(house, f"{number} {'x' * 1_000}")
        assert connection.scalar(known) < 0  # few rows were no reason
        assert "users_g1_pk" in tidied()
        assert connection.scalar(known) == 100
