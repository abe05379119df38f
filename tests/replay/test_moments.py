"""An instant is one cut, whatever overlapped, and finding it looks through a few events alone."""

from itertools import count
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.recorder import Envelope
from replay.moments import moment_at
from tests.engines import Engine, only_on
from tests.houses import House, opened_house

_STREAMS = count(1)
SECOND = 1_000_000


def record(house: House, *instants: int) -> None:
    """Put events into the log that were recorded at these instants, in this order."""
    recorder = house.log.events.recorder
    with house.database.writing() as connection:
        for at in instants:
            stored = StoredEvent(UUID(int=next(_STREAMS)), 1, "test", b"{}")
            envelope = Envelope(house.realms["acme"], at, "c" * 32)
            recorder.insert_events([stored], connection=connection, envelope=envelope)
        connection.commit()


def cut(instants: list[tuple[int, int]], at: int) -> int:
    """The largest position below which everything was recorded at the instant or before."""
    later = [position for position, recorded_at in instants if recorded_at > at]
    return min(later) - 1 if later else instants[-1][0]


def logged(house: House) -> list[tuple[int, int]]:
    with house.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT position, recorded_at FROM events").all()
    return sorted((row[0], row[1]) for row in rows)


def check(house: House) -> None:
    instants = logged(house)
    for _, recorded_at in instants:
        for at in (recorded_at - 1, recorded_at):
            assert moment_at(house.database, at).position == cut(instants, at)


def test_a_log_in_order_is_cut_before_the_first_later_event(engine: Engine) -> None:
    with opened_house(engine, clock=lambda: SECOND) as house:
        start = logged(house)[-1][1]
        record(house, *(start + n for n in (1, 1, 2, 7, 7, 9)))
        check(house)


@only_on("postgresql", "transactions overlap")
def test_overlapping_transactions_are_cut_at_the_running_maximum(engine: Engine) -> None:
    with opened_house(engine, clock=lambda: SECOND) as house:
        start = [logged(house)[-1][1]]

        @settings(max_examples=20, deadline=None)
        @given(st.lists(st.integers(0, 59 * SECOND), min_size=2, max_size=12))
        def holds(late: list[int]) -> None:
            record(house, *(start[0] + 1 + each for each in late))
            start[0] += 60 * SECOND
            check(house)

        holds()


@only_on("postgresql", "transactions overlap")
@pytest.mark.parametrize("ahead", [3_600 * SECOND, 315_360_000 * SECOND])
def test_k1_a_clock_that_ran_ahead_beside_a_right_one_is_cut_where_it_stands(
    engine: Engine, ahead: int
) -> None:
    with opened_house(engine, clock=lambda: SECOND) as house:
        start = logged(house)[-1][1]
        record(house, start + 1, start + ahead, start + 2, start + ahead + 1, start + ahead + 2)
        check(house)
