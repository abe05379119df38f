"""Pieces of a long task are sized by their time, and what they relax is put back (ADR 0021)."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import insert, text

from projections.database import Database
from projections.tables import events, metadata
from replay.rebuilding.pace import Pace
from replay.rebuilding.patience import Courtesy
from tests.engines import url_of


def test_a_piece_grows_until_it_takes_its_time() -> None:
    pace = Pace(0.008)
    for _ in range(20):
        pace.took(pace.size, pace.size * 0.0001)
    assert pace.size == pytest.approx(80, abs=1)


def test_one_slow_moment_only_halves_it_and_dear_events_make_it_small() -> None:
    pace = Pace(0.008)
    before = pace.size
    pace.took(before, 10.0)
    assert pace.size == before // 2
    for _ in range(20):
        pace.took(pace.size, 10.0)
    assert pace.size == 1
    pace.took(0, 10.0)
    assert pace.size == 1


def test_a_connection_that_filled_syncs_again_for_whoever_has_it_next(tmp_path: Path) -> None:
    database = Database(url_of(tmp_path / "filled.db"))
    with database.filling() as connection:
        assert connection.scalar(text("PRAGMA synchronous")) == 1
        connection.execute(text("CREATE TABLE filled (n INTEGER)"))
        connection.commit()
    for connects in (database.reading, database.writing):
        with connects() as connection:
            assert connection.scalar(text("PRAGMA synchronous")) == 2
    database.close()


class Beside:
    """A database that others may write to, and a clock that only pauses move."""

    def __init__(self, path: Path) -> None:
        self.file = path
        self.database = Database(url_of(path))
        with self.database.migrating() as connection:
            metadata.create_all(connection)
            connection.commit()
        self.database.tidy()
        self.now = 0.0
        self.pauses: list[float] = []
        self.courtesy = Courtesy(self.database, self.wait, lambda: self.now)

    def wait(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def write(self) -> None:
        stream = {"originator_id": uuid4().hex, "originator_version": 1, "topic": "t"}
        with self.database.writing() as connection:
            connection.execute(insert(events).values(**stream, state=bytes(100_000)))
            connection.commit()


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Beside]:
    prepared = Beside(tmp_path / "beside.db")
    yield prepared
    prepared.database.close()


def test_the_right_to_write_is_left_to_others_from_the_first_piece_on(beside: Beside) -> None:
    beside.courtesy.give_way(0.004)
    beside.courtesy.give_way(0.0)
    assert beside.pauses == [pytest.approx(0.012), pytest.approx(0.002)]


def test_a_second_without_a_write_of_others_ends_it_and_their_next_one_begins_it_again(
    beside: Beside,
) -> None:
    beside.write()
    beside.courtesy.give_way(0.0)
    beside.pauses.clear()
    beside.now += 1.0
    beside.courtesy.give_way(0.004)
    assert beside.pauses == []
    beside.write()
    beside.courtesy.give_way(0.004)
    assert beside.pauses == [pytest.approx(0.012)]


def test_what_a_piece_left_in_the_log_of_the_engine_is_brought_in_meanwhile(beside: Beside) -> None:
    size = beside.file.stat().st_size
    beside.write()
    assert beside.file.stat().st_size == size
    beside.courtesy.give_way(0.004)
    assert beside.file.stat().st_size > size + 50_000
