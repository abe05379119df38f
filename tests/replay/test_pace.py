"""Pieces of a long task are sized by their time, and what they relax is put back (ADR 0021)."""

from pathlib import Path

import pytest
from sqlalchemy import text

from projections.database import Database
from replay.rebuilding.pace import Pace
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
