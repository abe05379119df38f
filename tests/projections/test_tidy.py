"""What commits leave for a quiet moment: SQLite's file is brought up to its log beside writers."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import delete

from projections.tables import events
from tests.engines import Engine
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
